/** The REST documents, as `service/views.py` builds them. Instants are ISO 8601, durations seconds. */
import type { RunState, TaskState } from '../model/states';

export interface Reason {
  code: string;
  args: Record<string, unknown>;
  text: string;
}

export interface Health {
  state: 'healthy' | 'degraded' | 'stopped';
  message: string | null;
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
  queued_at: string | null;
  start_date: string | null;
  end_date: string | null;
  duration: number | null;
  conf: Record<string, unknown>;
  triggered_by: string;
  actor: string;
  version: number;
}

export interface Param {
  default?: unknown;
  schema?: Record<string, unknown> | null;
  description?: string | null;
}

export interface Dag {
  dag_id: string;
  description: string | null;
  owner: string;
  tags: string[];
  is_paused: boolean;
  schedule: string | null;
  timezone: string;
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
  operator: string;
  trigger_rule: string;
  upstream: string[];
  downstream: string[];
  retries: number;
  doc: string | null;
  notebook: string | null;
}

export interface DagWithTasks extends Dag {
  tasks: DagTask[];
}

export interface TaskInstance {
  task_id: string;
  map_index: number;
  operator: string;
  state: TaskState;
  try_number: number;
  max_tries: number;
  attempt_number: number;
  queued_at: string | null;
  start_date: string | null;
  end_date: string | null;
  duration: number | null;
  reason: Reason | null;
  failing_cell: number | null;
  log_path: string | null;
  notebook_path: string | null;
}

export interface RunWithTasks extends Run {
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
