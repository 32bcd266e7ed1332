/** The mark of a working copy of a failed notebook, in its metadata: whose copy it is. */
import type { TaskKey } from '../../tokens';

export interface LiveMark extends TaskKey {
  attempt_id: string;
}

export function liveMark(metadata: unknown): LiveMark | null {
  const live = record(record(metadata)?.['live']);
  if (!live) {
    return null;
  }
  const { attempt_id, dag_id, run_id, task_id, map_index } = live;
  if (
    typeof attempt_id !== 'string' ||
    typeof dag_id !== 'string' ||
    typeof run_id !== 'string' ||
    typeof task_id !== 'string'
  ) {
    return null;
  }
  return {
    attempt_id,
    dag_id,
    run_id,
    task_id,
    map_index: typeof map_index === 'number' ? map_index : -1
  };
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}
