/** What daylight saving does to the runs of a schedule. Pure. */
import { DAY, instantOf, offsetOf, wallTime } from '../shared/zones';

export type ClockNote =
  /** Clocks went forward (or back, if negative) so many minutes since the run before. */
  { kind: 'moved'; minutes: number } | { kind: 'first' } | { kind: 'second' };

/** For each of `instants`, in their order: what is odd about the clock of `zone` then, null for nothing. */
export function clockNotes(instants: readonly number[], zone: string): (ClockNote | null)[] {
  return instants.map((instant, at) => {
    const wall = wallTime(instant, zone);
    if (minute(instantOf(wall, zone)) < minute(instant)) {
      return { kind: 'second' };
    }
    const back = offsetOf(instant, zone) - offsetOf(instant + DAY, zone);
    if (back > 0 && wallTime(instant + back, zone) === wall) {
      return { kind: 'first' };
    }
    const before = instants[at - 1];
    const moved = before === undefined ? 0 : offsetOf(instant, zone) - offsetOf(before, zone);
    return moved === 0 ? null : { kind: 'moved', minutes: moved / 60_000 };
  });
}

function minute(instant: number): number {
  return Math.floor(instant / 60_000);
}
