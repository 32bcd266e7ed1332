/** Which items of a long list are to be drawn: all sizes are known, so nothing jumps while it is scrolled. */

export interface RowWindow {
  /** First row to draw, and the one after the last. */
  first: number;
  end: number;
  /** Height of the rows before and after those that are drawn. */
  before: number;
  after: number;
  /** Height of all. */
  total: number;
}

const OVERSCAN = 4;

/** `tops[n]` is where row `n` begins; one more is where the last one ends. */
export function topsOf(heights: Iterable<number>): number[] {
  const tops = [0];
  for (const height of heights) {
    tops.push((tops.at(-1) ?? 0) + height);
  }
  return tops;
}

/** `from`, `to`: the part of the list that can be seen. */
export function rowWindow(tops: number[], from: number, to: number): RowWindow {
  const count = tops.length - 1;
  const total = tops[count] ?? 0;
  const first = Math.max(0, rowAt(tops, from) - OVERSCAN);
  const end = Math.min(count, rowAt(tops, to) + 1 + OVERSCAN);
  const before = tops[first] ?? 0;
  return { first, end, before, after: total - (tops[end] ?? 0), total };
}

/** The items of `size` pixels each that stand between `start` and `start + length`, and a few around them. */
export function windowOf(
  start: number,
  length: number,
  size: number,
  count: number,
  extra = OVERSCAN
): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(start / size) - extra));
  const to = Math.max(from, Math.min(count, Math.ceil((start + length) / size) + extra));
  return { from, to };
}

/** The row at this height; the first or last one outside of the list. */
export function rowAt(tops: number[], at: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= at) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
