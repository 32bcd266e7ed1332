/** States and how they look: never colour alone, always a shape and a word with it. */

export const TASK_STATES = [
  'waiting',
  'scheduled',
  'queued',
  'running',
  'success',
  'failed',
  'skipped',
  'cancelled',
  'up_for_retry',
  'up_for_reschedule',
  'upstream_failed',
  'removed'
] as const;
export const RUN_STATES = ['queued', 'running', 'success', 'failed', 'cancelled'] as const;

export type TaskState = (typeof TASK_STATES)[number];
export type RunState = (typeof RUN_STATES)[number];
export type AnyState = TaskState | RunState;

/** Groups that share a colour (`--jp-flow-<tone>` in the style sheet). */
export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'idle';

export interface Look {
  label: string;
  tone: Tone;
  /** SVG path in a 12 × 12 box, drawn as a stroke. */
  path: string;
}

const CIRCLE = 'M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9';
export const LOOKS: Record<AnyState, Look> = {
  waiting: { label: 'waiting', tone: 'idle', path: CIRCLE },
  scheduled: { label: 'scheduled', tone: 'idle', path: CIRCLE + 'M6 6h.01' },
  queued: { label: 'queued', tone: 'idle', path: CIRCLE + 'M6 3.5V6l1.8 1.2' },
  running: { label: 'running', tone: 'busy', path: 'M6 1.5a4.5 4.5 0 1 1-4.5 4.5' },
  success: { label: 'success', tone: 'good', path: 'M2 6.5l2.8 2.8L10 3.2' },
  failed: { label: 'failed', tone: 'bad', path: 'M2.5 2.5l7 7M9.5 2.5l-7 7' },
  skipped: { label: 'skipped', tone: 'idle', path: 'M2.5 2.5L6 6l-3.5 3.5M6.5 2.5L10 6l-3.5 3.5' },
  cancelled: { label: 'cancelled', tone: 'warn', path: 'M2.5 2.5h7v7h-7z' },
  up_for_retry: {
    label: 'waits to retry',
    tone: 'warn',
    path: 'M10 6a4 4 0 1 1-1.2-2.9M9.3 1v2.4H6.9'
  },
  up_for_reschedule: {
    label: 'waits to look again',
    tone: 'warn',
    path: 'M2 6a4 4 0 1 0 1.2-2.9M2.7 1v2.4h2.4'
  },
  upstream_failed: {
    label: 'upstream failed',
    tone: 'warn',
    path: 'M6 2l4.5 8h-9zM6 5v2.4M6 8.8h.01'
  },
  removed: { label: 'removed', tone: 'idle', path: 'M2.5 6h7' }
};

const ENDED = new Set<AnyState>([
  'success',
  'failed',
  'skipped',
  'cancelled',
  'upstream_failed',
  'removed'
]);

export function hasEnded(state: AnyState): boolean {
  return ENDED.has(state);
}

/** Whether something has to happen before a task in this state starts (again). */
export function isWaiting(state: TaskState): boolean {
  return !hasEnded(state) && state !== 'queued' && state !== 'running';
}

export interface StateCount {
  state: TaskState;
  count: number;
}

/** How many are in each state, in the order of the table; absent states are left out. */
export function countStates(states: Iterable<TaskState>): StateCount[] {
  const counts = new Map<TaskState, number>();
  for (const state of states) {
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return TASK_STATES.filter(state => counts.has(state)).map(state => ({
    state,
    count: counts.get(state) ?? 0
  }));
}
