/** Stand-ins for tests: a socket that the test drives, and documents as the server builds them. */
import type { Socket } from '../events/eventStream';
import type {
  Dag,
  DagRow,
  DagWithTasks,
  FlowEvent,
  Run,
  RunWithTasks,
  TaskInstance
} from '../client/documents';
import type { TaskState } from '../model/shared/states';

export class FakeSocket implements Socket {
  constructor(readonly cursor: number | null) {}

  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: MessageEvent) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  readyState = 1;
  readonly sent: Record<string, unknown>[] = [];

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.onclose?.({} as never);
  }

  receive(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }

  hello(cursor: number): void {
    this.receive({ type: 'hello', cursor });
  }
}

let lastId = 0;

export function event(kind: FlowEvent['kind'], more: Partial<FlowEvent> = {}): FlowEvent {
  lastId += 1;
  return {
    type: 'event',
    id: lastId,
    kind,
    dag_id: 'mini',
    run_id: 'r1',
    task_id: null,
    map_index: null,
    state_from: null,
    state_to: null,
    at: '2026-01-01T00:00:00+00:00',
    ...more
  };
}

export function run(runId: string, more: Partial<Run> = {}): Run {
  return {
    dag_id: 'mini',
    run_id: runId,
    run_type: 'manual',
    state: 'success',
    reason: null,
    logical_date: '2026-01-01T00:00:00+00:00',
    data_interval_start: null,
    data_interval_end: null,
    run_after: null,
    timezone: 'UTC',
    wall_text: null,
    queued_at: '2026-01-01T00:00:00+00:00',
    start_date: '2026-01-01T00:00:01+00:00',
    end_date: '2026-01-01T00:00:05+00:00',
    duration: 4,
    conf: {},
    triggered_by: 'server',
    actor: 'ann',
    version: 1,
    parent: null,
    ...more
  };
}

export function task(
  taskId: string,
  state: TaskState,
  more: Partial<TaskInstance> = {}
): TaskInstance {
  return {
    task_id: taskId,
    map_index: -1,
    task_display_name: taskId,
    label: null,
    operator: 'BashOperator',
    state,
    try_number: 1,
    max_tries: 1,
    attempt_number: 1,
    reschedules: 0,
    queued_at: null,
    start_date: null,
    end_date: null,
    duration: null,
    reason: null,
    failing_cell: null,
    child_runs: [],
    log_path: null,
    notebook_path: null,
    ...more
  };
}

export function runWithTasks(
  runId: string,
  tasks: TaskInstance[],
  more: Partial<Run> = {}
): RunWithTasks {
  return { ...run(runId, more), dag_display_name: 'mini', tasks };
}

export function dag(dagId: string, more: Partial<Dag> = {}): DagWithTasks {
  return {
    dag_id: dagId,
    dag_display_name: dagId,
    description: null,
    doc_md: null,
    owner: '',
    owner_links: {},
    tags: [],
    is_paused: false,
    schedule: '@daily',
    schedule_assets: null,
    timezone: 'UTC',
    schedule_timezone: 'UTC',
    dag_folder: '/dags',
    dag_file: 'mini.py',
    version: 1,
    catchup: false,
    catchup_window: null,
    start_date: null,
    end_date: null,
    max_active_runs: 16,
    max_active_tasks: 16,
    max_consecutive_failed_dag_runs: 0,
    dagrun_timeout: null,
    dag_retries: 0,
    fail_fast: false,
    allowed_run_types: null,
    params: {},
    warnings: [],
    next_run: null,
    recent_runs: [],
    tasks: [],
    groups: [],
    labels: [],
    ...more
  };
}

export function row(dagId: string, more: Partial<DagRow> = {}): DagRow {
  return {
    dag_id: dagId,
    dag_display_name: dagId,
    description: null,
    owner: 'ann',
    tags: [],
    is_paused: false,
    schedule: '@daily',
    schedule_words: null,
    schedule_assets: null,
    schedule_timezone: 'UTC',
    next_run_after: null,
    runs: [],
    last_states: {},
    ...more
  };
}
