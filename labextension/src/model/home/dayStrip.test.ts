import { describe, expect, it } from 'vitest';
import type { Timeline } from '../../client/documents';
import { dayStrip } from './dayStrip';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const at = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString();
const run = (start: number, end: number | null) => ({
  dag_id: 'd',
  run_id: `r${start}`,
  state: 'success' as const,
  start_date: at(start),
  end_date: end === null ? null : at(end)
});
const day = (more: Partial<Timeline>): Timeline => ({
  runs: [],
  coming: [],
  failed: 0,
  next: null,
  ...more
});

describe('dayStrip', () => {
  it('puts runs at the same time into lanes', () => {
    const { bars, lanes } = dayStrip(
      day({ runs: [run(-6, -3), run(-5, -4), run(-2, null), run(-20, -11)] }),
      NOW,
      12
    );
    expect(lanes).toBe(2);
    expect(bars.map(bar => [bar.run.run_id, bar.lane])).toEqual([
      ['r-20', 0],
      ['r-6', 0],
      ['r-5', 1],
      ['r-2', 0]
    ]);
    expect(bars[0]?.left).toBe(0);
    expect(bars[3]).toMatchObject({ left: 10 / 24, width: 0.5 - 10 / 24 });
  });

  it('joins coming runs that are near each other', () => {
    const coming = [1, 1.05, 6].map(hours => ({ dag_id: `d${hours}`, run_after: at(hours) }));
    const strip = dayStrip(day({ coming }), NOW, 12);
    expect(strip.coming.map(mark => mark.dagIds)).toEqual([['d1', 'd1.05'], ['d6']]);
  });

  it('marks whole hours', () => {
    const { hours } = dayStrip(day({}), NOW, 12);
    expect(hours.length).toBeGreaterThanOrEqual(12);
    expect(hours.every(hour => hour.left >= 0 && hour.left <= 1)).toBe(true);
  });
});
