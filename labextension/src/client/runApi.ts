/** What the page of a run asks for beside the run itself. */
import type { components } from './openapi';
import type { TaskKey } from '../tokens';
import type { Send } from './api';

type Schemas = components['schemas'];

export type Diagnosis = Schemas['Diagnosis'];
export type DiagnosedFailure = Schemas['DiagnosedFailure'];
export type Frame = Schemas['Frame'];
export type RunEvent = Schemas['RunEvent'];
export type EarlierAttempt = Schemas['EarlierAttempt'];
export type UsualCells = Schemas['UsualCells'];
export type ToClear = Schemas['ToClear'];
export type CellEvent = Schemas['CellEvent'];

/** What runs again beside the task itself. */
export interface ClearWish {
  downstream: boolean;
  upstream: boolean;
  past: boolean;
  future: boolean;
  only_failed: boolean;
}

export interface CellsMessage {
  type: 'cells';
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  attempt: number | null;
  attempt_number: number | null;
  events: CellEvent[];
  seq: number;
  complete: boolean;
}

export class RunApi {
  constructor(private readonly send: Send) {}

  diagnosis = (dagId: string, runId: string) =>
    this.send('GET', `${run(dagId, runId)}/diagnosis`) as Promise<Diagnosis>;

  earlierAttempts = async (dagId: string, runId: string) =>
    (
      (await this.send('GET', `${run(dagId, runId)}/attempts`)) as {
        attempts: EarlierAttempt[];
      }
    ).attempts;

  usualCells = (key: TaskKey) =>
    this.send('GET', `${task(key)}/cells/usual?map_index=${key.map_index}`) as Promise<UsualCells>;

  /** The first `limit` events of a task, oldest first. */
  events = async (key: TaskKey, limit: number) => {
    const which = `task_id=${encodeURIComponent(key.task_id)}&map_index=${key.map_index}`;
    const path = `${run(key.dag_id, key.run_id)}/events?${which}&limit=${limit}`;
    return (await this.send('GET', path)) as { events: RunEvent[]; next: number | null };
  };

  rendered = async (key: TaskKey, attempt: number) =>
    (
      (await this.send(
        'GET',
        `${task(key)}/rendered?map_index=${key.map_index}&attempt=${attempt}`
      )) as { rendered: Record<string, unknown> }
    ).rendered;

  /** What would run again. */
  previewClear = async (key: TaskKey, wish: ClearWish) =>
    (
      (await this.send('POST', `${task(key)}/clear?map_index=${key.map_index}`, {
        ...wish,
        dry_run: true
      })) as { tasks: ToClear[] }
    ).tasks;

  clearRun = (dagId: string, runId: string, onlyFailed: boolean) =>
    this.send('POST', `${run(dagId, runId)}/clear`, { only_failed: onlyFailed });

  clear = (key: TaskKey, wish: ClearWish) =>
    this.send('POST', `${task(key)}/clear?map_index=${key.map_index}`, wish);

  previewClearRun = async (dagId: string, runId: string, onlyFailed: boolean) =>
    (
      (await this.send('POST', `${run(dagId, runId)}/clear`, {
        only_failed: onlyFailed,
        dry_run: true
      })) as { tasks: ToClear[] }
    ).tasks;

  mark = (key: TaskKey, state: 'success' | 'failed' | 'skipped') =>
    this.send('POST', `${task(key)}/mark?map_index=${key.map_index}`, { state });
}

function run(dagId: string, runId: string): string {
  return `dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`;
}

function task(key: TaskKey): string {
  return `${run(key.dag_id, key.run_id)}/tasks/${encodeURIComponent(key.task_id)}`;
}
