/** What an action would do to each of many runs, before it is done. */
import type { Run } from '../../client/documents';
import { hasEnded } from '../shared/states';

export const BULK_ACTIONS = [
  'rerun_failed',
  'rerun_all',
  'mark_success',
  'mark_failed',
  'cancel',
  'delete'
] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** Why a run is left out. */
export type LeftOut = 'still_runs' | 'has_ended' | 'succeeded' | 'is_so_already';

export interface PlannedRun {
  run: Run;
  leftOut: LeftOut | null;
}

export function plan(action: BulkAction, runs: Run[]): PlannedRun[] {
  return runs.map(run => ({ run, leftOut: leftOut(action, run) }));
}

function leftOut(action: BulkAction, run: Run): LeftOut | null {
  const isOver = hasEnded(run.state);
  switch (action) {
    case 'cancel':
      return isOver ? 'has_ended' : null;
    case 'delete':
      return isOver ? null : 'still_runs';
    case 'rerun_failed':
      return run.state === 'success' ? 'succeeded' : isOver ? null : 'still_runs';
    case 'rerun_all':
      return isOver ? null : 'still_runs';
    case 'mark_success':
      return run.state === 'success' ? 'is_so_already' : null;
    case 'mark_failed':
      return run.state === 'failed' ? 'is_so_already' : null;
  }
}
