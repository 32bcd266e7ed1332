/** The REST documents, as `service/views.py` builds them. Instants are ISO 8601, durations seconds. */
import type { RunState, TaskState } from '../model/shared/states';

export interface Reason {
  code: string;
  args: Record<string, unknown>;
  text: string;
}

/** Something that is wrong around the house, with what to do about it. */
export interface Trouble {
  kind: string;
  since: string;
  message: string;
  pauses_dispatch: boolean;
}

export interface Health {
  state: 'healthy' | 'degraded' | 'stopped';
  message: string | null;
  trouble?: Trouble[];
  running: number;
  queued: number;
  parallelism: number;
  import_errors: number;
}

export interface ImportProblem {
  file: string;
  folder?: string;
  line: number | null;
  message: string;
  traceback: string | null;
  kind: 'error' | 'warning';
}

export interface NextRun {
  run_after: string;
  logical_date: string | null;
  data_interval_start: string | null;
  data_interval_end: string | null;
}

/** The task that asked for a run; `task_id` is null when its place is no longer known. */
export interface ParentTask {
  dag_id: string;
  run_id: string;
  task_id: string | null;
  map_index: number;
}

export interface ChildRun {
  dag_id: string;
  run_id: string;
  state: RunState;
}

export interface Run {
  dag_id: string;
  run_id: string;
  run_type: string;
  state: RunState;
  reason: Reason | null;
  logical_date: string | null;
  data_interval_start: string | null;
  data_interval_end: string | null;
  run_after: string | null;
  timezone: string;
  wall_text: string | null;
  queued_at: string | null;
  start_date: string | null;
  end_date: string | null;
  duration: number | null;
  conf: Record<string, unknown>;
  triggered_by: string;
  actor: string;
  version: number;
  parent: ParentTask | null;
}

export interface Param {
  default?: unknown;
  schema?: Record<string, unknown> | null;
  description?: string | null;
}

export interface Dag {
  dag_id: string;
  dag_display_name: string;
  description: string | null;
  owner: string;
  tags: string[];
  is_paused: boolean;
  schedule: string | null;
  /** The assets that it waits for, in words. */
  schedule_assets: string | null;
  timezone: string;
  /** The zone of the schedule's own timetable, else the DAG's. */
  schedule_timezone: string;
  dag_file: string;
  version: number;
  catchup: boolean;
  start_date: string | null;
  end_date: string | null;
  max_active_runs: number;
  max_active_tasks: number;
  params: Record<string, Param>;
  warnings: string[];
  next_run: NextRun | null;
  recent_runs: Run[];
}

export interface DagTask {
  task_id: string;
  task_display_name: string;
  operator: string;
  group: string | null;
  trigger_rule: string;
  is_setup: boolean;
  is_teardown: boolean;
  is_mapped: boolean;
  upstream: string[];
  downstream: string[];
  retries: number;
  doc: string | null;
  notebook: string | null;
}

export interface Group {
  group_id: string;
  parent: string | null;
  label: string;
  tooltip: string | null;
  is_mapped: boolean;
}

export interface EdgeLabel {
  upstream: string;
  downstream: string;
  label: string;
}

export interface DagWithTasks extends Dag {
  tasks: DagTask[];
  groups: Group[];
  labels: EdgeLabel[];
}

export interface TaskInstance {
  task_id: string;
  map_index: number;
  task_display_name: string;
  /** Name of a mapped task instance. */
  label: string | null;
  operator: string;
  state: TaskState;
  try_number: number;
  max_tries: number;
  attempt_number: number;
  /** How often it asked to be started again later. */
  reschedules: number;
  queued_at: string | null;
  start_date: string | null;
  end_date: string | null;
  duration: number | null;
  reason: Reason | null;
  failing_cell: number | null;
  /** Runs that it asked for. */
  child_runs: ChildRun[];
  log_path: string | null;
  notebook_path: string | null;
}

export interface RunWithTasks extends Run {
  dag_display_name: string;
  tasks: TaskInstance[];
}

export interface Attempt {
  attempt_number: number;
  try_number: number;
  outcome: string | null;
  reason: Reason | null;
  start_date: string | null;
  end_date: string | null;
  duration: number | null;
  notebook_path: string | null;
}

export interface TaskDetails extends TaskInstance {
  attempts: Attempt[];
  rendered: Record<string, unknown>;
  xcoms: { key: string; value: unknown }[];
}

/** Why a task instance is in its state, the nearest reason first. */
export interface Why {
  state: TaskState;
  reasons: Reason[];
}

export interface LogLine {
  seq: number;
  at: string;
  stream: string;
  level: string;
  text: string;
}

export interface ExecutedNotebook {
  name: string;
  failing_cell: number | null;
  notebook: Record<string, unknown>;
}

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
    | 'dag_changed'
    | 'import_errors_changed'
    | 'host_changed';
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
