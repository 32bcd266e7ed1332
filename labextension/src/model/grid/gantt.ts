/** When the tasks of a run ran, as fractions of the time that the run took. Pure: "now" is an argument. */
import type { TaskInstance } from '../../client/documents';
import type { TaskState } from '../shared/states';
import { groupByTask } from '../shared/aggregate';
import type { TreeRow } from './taskTree';

export interface Bar {
  state: TaskState;
  /** Where it was queued, started and ended, from 0 (first) to 1 (last). */
  queued: number;
  start: number;
  end: number;
  seconds: number;
}

export interface Tick {
  at: number;
  seconds: number;
}

interface Span {
  state: TaskState;
  queued: number;
  start: number;
  end: number;
}

const STEPS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400
];
const DAY = 86_400;

export class Gantt {
  constructor(instances: TaskInstance[], now: number) {
    for (const group of groupByTask(instances)) {
      const rows = group.instances.filter(row => row.start_date !== null);
      if (rows.length > 0) {
        const starts = rows.map(row => Date.parse(row.start_date as string));
        const ends = rows.map(row => (row.end_date === null ? now : Date.parse(row.end_date)));
        const queued = rows.flatMap(row => (row.queued_at ? [Date.parse(row.queued_at)] : []));
        const start = Math.min(...starts);
        const from = Math.min(start, ...queued);
        this.spans.set(group.taskId, {
          state: group.state,
          queued: from,
          start,
          end: Math.max(...ends)
        });
      }
    }
    const spans = [...this.spans.values()];
    this.first = Math.min(...spans.map(span => span.queued));
    this.length = Math.max(1, Math.max(...spans.map(span => span.end)) - this.first);
  }

  get isEmpty(): boolean {
    return this.spans.size === 0;
  }

  /** Seconds from the first start to the last end. */
  get seconds(): number {
    return this.length / 1000;
  }

  bar(row: TreeRow): Bar | null {
    const spans = row.taskIds.flatMap(id => this.spans.get(id) ?? []);
    const [only] = spans;
    if (only === undefined) {
      return null;
    }
    const start = Math.min(...spans.map(span => span.start));
    const end = Math.max(...spans.map(span => span.end));
    return {
      state: only.state,
      queued: this.fraction(row.kind === 'group' ? start : only.queued),
      start: this.fraction(start),
      end: this.fraction(end),
      seconds: (end - start) / 1000
    };
  }

  /** Round times for the head of the chart, at most `most` of them. */
  ticks(most: number): Tick[] {
    if (this.isEmpty) {
      return [];
    }
    const step = STEPS.find(size => this.seconds / size <= most) ?? days(this.seconds / most);
    const count = Math.floor(this.seconds / step + 1e-9);
    return Array.from({ length: count + 1 }, (_, index) => ({
      at: (index * step) / this.seconds,
      seconds: index * step
    }));
  }

  private fraction(instant: number): number {
    return (instant - this.first) / this.length;
  }

  private readonly spans = new Map<string, Span>();
  private readonly first: number;
  private readonly length: number;
}

function days(seconds: number): number {
  return Math.ceil(seconds / DAY) * DAY;
}
