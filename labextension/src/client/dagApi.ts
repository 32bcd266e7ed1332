/** What only the DAG page asks for. */
import type { Send } from './api';
import type { Run, RunPage } from './documents';
import type { components } from './openapi';

type Schemas = components['schemas'];

/** One run as a column of the grid: `states` has one letter for each of the grid's tasks. */
export type GridRun = Schemas['GridRun'];
/** Runs newest first; in `codes` letter → state, and a task that a run does not have is `.`. */
export type GridDocument = Schemas['Grid'];

/** Which runs of a list are wanted; an empty text is no condition. */
export interface RunFilter {
  state: string;
  run_type: string;
  since: string;
  until: string;
}

export class DagApi {
  constructor(private readonly send: Send) {}

  grid(dagId: string, limit: number): Promise<GridDocument> {
    return this.get(`${dag(dagId)}/grid?limit=${limit}`);
  }

  runs(dagId: string, limit: number, before: string | null, filter: RunFilter): Promise<RunPage> {
    const given = Object.entries({ ...filter, before: before ?? '' }).filter(([, value]) => value);
    const query = new URLSearchParams([['limit', String(limit)], ...given]);
    return this.get(`${dag(dagId)}/runs?${query.toString()}`);
  }

  markRun(dagId: string, runId: string, state: string): Promise<Run> {
    return this.send('POST', `${run(dagId, runId)}/mark`, { state }) as Promise<Run>;
  }

  deleteRun(dagId: string, runId: string): Promise<unknown> {
    return this.send('DELETE', run(dagId, runId));
  }

  private get<T>(path: string): Promise<T> {
    return this.send('GET', path) as Promise<T>;
  }
}

function dag(dagId: string): string {
  return `dags/${encodeURIComponent(dagId)}`;
}

function run(dagId: string, runId: string): string {
  return `${dag(dagId)}/runs/${encodeURIComponent(runId)}`;
}
