/** Days as `2026-01-31`: months of a year in weeks from Monday on, and ways from day to day. Pure. */
import type { CalendarDay } from '../../client/historyApi';
import type { DayRange } from '../backfills/backfillPlace';
import type { RunState } from '../shared/states';
import { DAY } from '../shared/zones';

export interface Month {
  /** Its first day. */
  first: string;
  /** Seven days each; null where another month is. */
  weeks: (string | null)[][];
}

/** The state that stands first speaks for a day. */
const LOUDEST: readonly RunState[] = ['failed', 'cancelled', 'running', 'queued', 'success'];
const STEPS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -7,
  ArrowDown: 7
};

export function monthsOf(year: number): Month[] {
  return Array.from({ length: 12 }, (_, month) => {
    const first = new Date(Date.UTC(year, month, 1));
    const count = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
    const before = weekday(first);
    const weeks = Array.from({ length: Math.ceil((before + count) / 7) }, (_week, week) =>
      Array.from({ length: 7 }, (_day, at) => {
        const number = 7 * week + at - before + 1;
        return number < 1 || number > count ? null : text(Date.UTC(year, month, number));
      })
    );
    return { first: text(first.getTime()), weeks };
  });
}

export function dayAfter(day: string, days: number): string {
  return text(Date.parse(day) + days * DAY);
}

/** Where a key leads from a day; null for other keys. */
export function movedDay(day: string, key: string): string | null {
  const step = STEPS[key];
  if (step !== undefined) {
    return dayAfter(day, step);
  }
  const at = weekday(new Date(day));
  switch (key) {
    case 'Home':
      return dayAfter(day, -at);
    case 'End':
      return dayAfter(day, 6 - at);
    case 'PageUp':
      return otherMonth(day, -1);
    case 'PageDown':
      return otherMonth(day, 1);
    default:
      return null;
  }
}

export function rangeOf(one: string, other: string): DayRange {
  return one <= other ? { from: one, to: other } : { from: other, to: one };
}

export function isIn(day: string, range: DayRange | null): boolean {
  return range !== null && range.from <= day && day <= range.to;
}

export function loudestOf(states: Record<string, number>): RunState | null {
  return LOUDEST.find(state => states[state]) ?? null;
}

/** How many runs of a range are in which state, and how many are to come. */
export function sumOf(
  days: readonly CalendarDay[],
  range: DayRange
): { states: Record<string, number>; runs: number; coming: number } {
  const states: Record<string, number> = {};
  let [runs, coming] = [0, 0];
  for (const item of days.filter(({ day }) => isIn(day, range))) {
    for (const [state, count] of Object.entries(item.states)) {
      states[state] = (states[state] ?? 0) + count;
      runs += count;
    }
    coming += item.coming;
  }
  return { states, runs, coming };
}

/** The same day of another month, or the last one of a shorter month. */
function otherMonth(day: string, step: number): string {
  const date = new Date(day);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + step];
  const last = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return text(Date.UTC(year, month, Math.min(date.getUTCDate(), last)));
}

/** 0 for Monday. */
function weekday(date: Date): number {
  return (date.getUTCDay() + 6) % 7;
}

function text(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
