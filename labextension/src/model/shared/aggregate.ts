/** Many instances of one mapped task as one row: which state speaks for all of them. */
import type { DagTask, Group, TaskInstance } from '../../client/documents';
import { countStates } from './states';
import type { TaskState } from './states';

/** The state that stands first speaks for all: Airflow's order, with `cancelled` beside `failed`. */
export const LOUDEST: TaskState[] = [
  'failed',
  'cancelled',
  'upstream_failed',
  'up_for_retry',
  'up_for_reschedule',
  'running',
  'queued',
  'scheduled',
  'waiting',
  'success',
  'skipped',
  'removed'
];

/** All instances that one run has of one task. */
export interface TaskGroup {
  taskId: string;
  name: string;
  operator: string;
  state: TaskState;
  instances: TaskInstance[];
  /** Whether it has been expanded into instances with a map index. */
  isExpanded: boolean;
  /** How many instances are in `state`. */
  inState: number;
  /** Those that are part of the run: `removed` ones are not, unless there are no others. */
  total: number;
  start_date: string | null;
  end_date: string | null;
  /** Seconds from the first start to the last end. */
  duration: number | null;
}

/** Return the instances of each task, in the order in which the tasks first appear. */
export function groupByTask(instances: TaskInstance[]): TaskGroup[] {
  const byTask = new Map<string, TaskInstance[]>();
  for (const instance of instances) {
    const known = byTask.get(instance.task_id);
    if (known) {
      known.push(instance);
    } else {
      byTask.set(instance.task_id, [instance]);
    }
  }
  return [...byTask].map(([taskId, rows]) => summary(taskId, rows));
}

/** "3 success, 1 failed". `word` names a state. */
export function countWords(
  group: { instances: TaskInstance[] },
  word: (state: TaskState) => string
): string {
  return countStates(group.instances.map(instance => instance.state))
    .map(({ state, count }) => `${count} ${word(state)}`)
    .join(', ');
}

/** The state that speaks for all of `states`. */
export function heaviest(states: readonly TaskState[]): TaskState {
  const found = new Set(states);
  return LOUDEST.find(name => found.has(name)) ?? 'waiting';
}

/** Ids of the tasks that are mapped, by themselves or with a group around them. */
export function mappedTasks(tasks: DagTask[], groups: Group[]): Set<string> {
  const byId = new Map(groups.map(group => [group.group_id, group]));
  const isMapped = (groupId: string | null): boolean => {
    const group = groupId === null ? undefined : byId.get(groupId);
    return group !== undefined && (group.is_mapped || isMapped(group.parent));
  };
  return new Set(
    tasks.filter(task => task.is_mapped || isMapped(task.group)).map(task => task.task_id)
  );
}

function summary(taskId: string, rows: TaskInstance[]): TaskGroup {
  const present = rows.filter(row => row.state !== 'removed');
  const counted = present.length > 0 ? present : rows;
  const state = heaviest(counted.map(row => row.state));
  const starts = counted.flatMap(row => row.start_date ?? []).sort(byInstant);
  const ends = counted.flatMap(row => row.end_date ?? []).sort(byInstant);
  const start = starts[0] ?? null;
  const isOver = counted.every(row => row.start_date === null || row.end_date !== null);
  const end = isOver ? (ends.at(-1) ?? null) : null;
  const first = rows[0] as TaskInstance;
  const isSingle = rows.length === 1;
  return {
    taskId,
    name: first.task_display_name,
    operator: first.operator,
    state,
    instances: rows,
    isExpanded: rows.some(row => row.map_index >= 0),
    inState: counted.filter(row => row.state === state).length,
    total: counted.length,
    start_date: start,
    end_date: end,
    duration: isSingle ? first.duration : between(start, end)
  };
}

function between(start: string | null, end: string | null): number | null {
  return start === null || end === null ? null : (Date.parse(end) - Date.parse(start)) / 1000;
}

function byInstant(one: string, other: string): number {
  return Date.parse(one) - Date.parse(other);
}
