/** Past and coming runs as bars on one time axis, in as few lanes as they need. Pure. */
import type { Timeline, TimelineRun } from '../../client/documents';

export interface StripBar {
  run: TimelineRun;
  /** Shares of the axis, 0 to 1. */
  left: number;
  width: number;
  lane: number;
}

export interface ComingMark {
  at: number;
  left: number;
  dagIds: string[];
}

export interface Strip {
  bars: StripBar[];
  coming: ComingMark[];
  lanes: number;
  /** Whole hours, with where they are. */
  hours: { at: number; left: number }[];
}

const LEAST_WIDTH = 0.004;
const MOST_LANES = 12;
const HOUR = 3_600_000;
/** Coming runs nearer to each other than this share one mark. */
const NEAR = 0.008;

/** `now` stands in the middle, `hours` to each side. Runs that find no lane are drawn over the last one. */
export function dayStrip(day: Timeline, now: number, hours: number): Strip {
  const [start, span] = [now - hours * HOUR, 2 * hours * HOUR];
  const share = (at: number) => (at - start) / span;
  const ends: number[] = [];
  const bars = [...day.runs]
    .filter(run => run.start_date !== null)
    .sort((one, other) => Date.parse(one.start_date ?? '') - Date.parse(other.start_date ?? ''))
    .map(run => {
      const left = Math.max(0, share(Date.parse(run.start_date ?? '')));
      const right = share(run.end_date === null ? now : Date.parse(run.end_date));
      const width = Math.max(LEAST_WIDTH, right - left);
      const free = ends.findIndex(end => end <= left);
      const lane = free >= 0 ? free : Math.min(ends.length, MOST_LANES - 1);
      ends[lane] = left + width + 0.001;
      return { run, left, width, lane };
    });
  return {
    bars,
    coming: comingMarks(day, share),
    lanes: Math.max(1, ends.length),
    hours: wholeHours(start, span, hours).map(at => ({ at, left: share(at) }))
  };
}

function comingMarks(day: Timeline, share: (at: number) => number): ComingMark[] {
  const marks: ComingMark[] = [];
  for (const { dag_id, run_after } of day.coming) {
    const at = Date.parse(run_after);
    const left = share(at);
    const last = marks.at(-1);
    if (left < 0.5 || left > 1) {
      continue; // what is due already is drawn as a run as soon as it is one
    }
    if (last && left - last.left < NEAR) {
      last.dagIds.push(dag_id);
    } else {
      marks.push({ at, left, dagIds: [dag_id] });
    }
  }
  return marks;
}

function wholeHours(start: number, span: number, hours: number): number[] {
  const step = HOUR * Math.max(1, Math.round(hours / 6));
  const zone = new Date(start).getTimezoneOffset() * 60_000;
  const first = Math.ceil((start - zone) / step) * step + zone;
  return Array.from(
    { length: Math.floor((start + span - first) / step) + 1 },
    (_, n) => first + n * step
  );
}
