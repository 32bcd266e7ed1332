/** Where the bars of a run's tasks stand on its time axis. */
import type { TaskInstance } from '../../client/documents';
import type { EarlierAttempt } from '../../client/runApi';
import type { AnyState } from '../shared/states';

export interface Span {
  start: number;
  end: number;
}

export interface Bar {
  kind: 'queued' | 'run' | 'earlier';
  state: AnyState;
  /** Shares of the axis, 0 to 1. */
  from: number;
  to: number;
  attempt: number;
}

/** From the first thing that was queued to the last end; until `now` while something runs. */
export function spanOf(
  tasks: readonly TaskInstance[],
  earlier: readonly EarlierAttempt[],
  now: number
): Span | null {
  let start = Infinity;
  let end = -Infinity;
  for (const item of [...tasks, ...earlier]) {
    const began = instant(item.queued_at) ?? instant(item.start_date);
    if (began === null) {
      continue;
    }
    start = Math.min(start, began);
    end = Math.max(end, instant(item.end_date) ?? now);
  }
  return start < end ? { start, end } : null;
}

/** The bars of one row: of each attempt the time in the queue and the time that it ran. */
export function barsOf(
  task: TaskInstance,
  earlier: readonly EarlierAttempt[],
  span: Span,
  now: number
): Bar[] {
  const bars: Bar[] = [];
  for (const attempt of earlier) {
    add(bars, attempt, 'earlier', outcome(attempt.outcome), attempt.attempt_number, span, now);
  }
  add(bars, task, 'run', task.state, task.attempt_number, span, now);
  return bars;
}

/** One bar over all instances of a folded row. */
export function barOver(
  tasks: readonly TaskInstance[],
  state: AnyState,
  span: Span,
  now: number
): Bar[] {
  const whole = spanOf(
    tasks.map(task => ({ ...task, queued_at: null })),
    [],
    now
  );
  return whole === null
    ? []
    : [
        {
          kind: 'run',
          state,
          from: share(whole.start, span),
          to: share(whole.end, span),
          attempt: 0
        }
      ];
}

function add(
  bars: Bar[],
  item: { queued_at: string | null; start_date: string | null; end_date: string | null },
  kind: 'run' | 'earlier',
  state: AnyState,
  attempt: number,
  span: Span,
  now: number
): void {
  const queued = instant(item.queued_at);
  const started = instant(item.start_date);
  const ended = instant(item.end_date);
  if (queued !== null && (started === null ? ended === null : started > queued)) {
    const to = share(started ?? now, span);
    bars.push({ kind: 'queued', state: 'queued', from: share(queued, span), to, attempt });
  }
  if (started !== null) {
    const to = share(ended ?? now, span);
    bars.push({ kind, state, from: share(started, span), to, attempt });
  }
}

function outcome(word: string | null): AnyState {
  const states: Record<string, AnyState> = {
    success: 'success',
    failed: 'failed',
    skipped: 'skipped',
    cancelled: 'cancelled',
    reschedule: 'up_for_reschedule',
    rescheduled: 'up_for_reschedule'
  };
  return states[word ?? ''] ?? 'failed';
}

function share(at: number, span: Span): number {
  return Math.min(1, Math.max(0, (at - span.start) / (span.end - span.start)));
}

function instant(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
