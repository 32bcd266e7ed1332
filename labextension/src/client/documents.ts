/** The REST documents: their types are made from the server's OpenAPI document (`make types`). Durations are seconds. */
import type { components } from './openapi';

type Schemas = components['schemas'];

export type Reason = Schemas['Reason'];
/** Something that is wrong around the house, with what to do about it. */
export type Trouble = Schemas['Trouble'];
export type Health = Schemas['Health'];
export type ImportProblem = Schemas['ImportError'];
export type NextRun = Schemas['NextRun'];
/** The task that asked for a run; `task_id` is null when its place is no longer known. */
export type ParentTask = Schemas['ParentTask'];
export type ChildRun = Schemas['ChildRun'];
export type Run = Schemas['Run'];
export type RunPage = Schemas['RunPage'];
export type RunWithTasks = Schemas['RunWithTasks'];
export type Param = Schemas['Param'];
export type Dag = Schemas['Dag'];
export type DagTask = Schemas['Task'];
export type Group = Schemas['Group'];
export type EdgeLabel = Schemas['EdgeLabel'];
export type DagWithTasks = Schemas['DagWithTasks'];
export type TaskInstance = Schemas['TaskInstance'];
export type Attempt = Schemas['Attempt'];
/** A kernel that is kept after a failure. */
export type KeptKernel = Schemas['LiveKernel'];
export type OpenedKernel = Schemas['OpenedKernel'];
export type MendedCell = Schemas['MendedCell'];
export type TaskDetails = Schemas['TaskDetails'];
/** Why a task instance is in its state, the nearest reason first. */
export type Why = Schemas['Why'];
export type LogLine = Schemas['LogLine'];
export type ExecutedNotebook = Schemas['ExecutedNotebook'];
/** A DAG, a run and so on as short as a list shows it. */
export type DagRow = Schemas['DagRow'];
export type DagRowPage = Schemas['DagRowPage'];
export type RunBar = Schemas['RunBar'];
export type FailedRun = Schemas['FailedRun'];
export type AttentionPage = Schemas['AttentionPage'];
export type RunningRun = Schemas['RunningRun'];
export type RunningPage = Schemas['RunningPage'];
export type Timeline = Schemas['Timeline'];
export type TimelineRun = Schemas['TimelineRun'];
export type ComingRun = Schemas['ComingRun'];
export type Sla = Schemas['Sla'];
export type Pool = Schemas['Pool'];
export type Asset = Schemas['Asset'];
export type XCom = Schemas['XCom'];

export interface TriggerBody {
  conf?: Record<string, unknown>;
  logical_date?: string | null;
  unpause?: boolean;
}

/** One committed change: it says "look again", REST says what is true. */
export interface FlowEvent {
  type: 'event';
  id: number;
  kind:
    | 'run_created'
    | 'run_state'
    | 'task_state'
    | 'callback_state'
    | 'notification'
    | 'sla_missed'
    | 'deadline_missed'
    | 'dag_changed'
    | 'import_errors_changed'
    | 'host_changed'
    | 'pools_changed'
    | 'kernel_released'
    | 'backfill_changed'
    | 'asset_event';
  dag_id: string | null;
  run_id: string | null;
  task_id: string | null;
  map_index: number | null;
  state_from: string | null;
  state_to: string | null;
  at: string;
}

export interface LogMessage {
  type: 'log';
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  attempt: number | null;
  attempt_number: number | null;
  lines: LogLine[];
  complete: boolean;
}
