/** What open notebooks ask for. */
import type { Send } from './api';
import type { components } from './openapi';

type Schemas = components['schemas'];

/** A DAG that a notebook defines or that runs it, with the notebook's tasks as they fared last. */
export type NotebookDag = Schemas['NotebookDag'];
export type NotebookTask = Schemas['NotebookTask'];
export type NotebookUses = Schemas['NotebookUses'];

export class NotebookApi {
  constructor(private readonly send: Send) {}

  uses(path: string): Promise<NotebookUses> {
    const query = new URLSearchParams({ path });
    return this.send('GET', `notebook-uses?${query.toString()}`) as Promise<NotebookUses>;
  }
}
