/** Runs side by side. */
import type { Send } from './api';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type ComparedRun = Schemas['ComparedRun'];
export type ComparedTask = Schemas['ComparedTask'];

export class CompareApi {
  constructor(private readonly send: Send) {}

  /** The oldest first; one run alone comes with the last success before it. */
  async runs(dagId: string, [first, ...others]: readonly string[]): Promise<ComparedRun[]> {
    const path = `dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(first ?? '')}/compare`;
    const query = others.map(runId => `other=${encodeURIComponent(runId)}`).join('&');
    const answer = (await this.send(
      'GET',
      query ? `${path}?${query}` : path
    )) as Schemas['ComparedRuns'];
    return answer.runs;
  }
}
