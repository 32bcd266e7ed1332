import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HistoryApi } from '../../client/historyApi';
import type { CalendarDay } from '../../client/historyApi';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket, run } from '../../testing/fakes';
import { CalendarModel } from './calendarModel';
import { dayAfter, isIn, loudestOf, monthsOf, movedDay, rangeOf, sumOf } from './days';

describe('days', () => {
  it('stand in weeks from Monday on', () => {
    const months = monthsOf(2026);
    expect(months).toHaveLength(12);
    expect(months[1]).toEqual({
      first: '2026-02-01',
      weeks: [
        [null, null, null, null, null, null, '2026-02-01'],
        ...[2, 9, 16].map(monday =>
          Array.from({ length: 7 }, (_, at) => `2026-02-${String(monday + at).padStart(2, '0')}`)
        ),
        [...[23, 24, 25, 26, 27, 28].map(day => `2026-02-${day}`), null]
      ]
    });
    expect(monthsOf(2024)[1]?.weeks.flat()).toContain('2024-02-29');
    expect(months.flatMap(month => month.weeks.flat()).filter(Boolean)).toHaveLength(365);
  });

  it.each([
    ['2026-03-01', 'ArrowLeft', '2026-02-28'],
    ['2026-12-31', 'ArrowRight', '2027-01-01'],
    ['2026-03-05', 'ArrowUp', '2026-02-26'],
    ['2026-03-05', 'Home', '2026-03-02'],
    ['2026-03-01', 'End', '2026-03-01'],
    ['2026-03-31', 'PageUp', '2026-02-28'],
    ['2026-01-15', 'PageDown', '2026-02-15'],
    ['2026-01-15', 'Enter', null]
  ])('%s with %s is %s', (day, key, expected) => {
    expect(movedDay(day, key)).toBe(expected);
  });

  it('are selected from one to the other, in any order, and summed up', () => {
    const range = rangeOf('2026-03-29', '2026-03-27');
    expect(range).toEqual({ from: '2026-03-27', to: '2026-03-29' });
    expect([
      isIn('2026-03-29', range),
      isIn('2026-03-30', range),
      isIn('2026-03-29', null)
    ]).toEqual([true, false, false]);
    expect(dayAfter('2026-03-29', 1)).toBe('2026-03-30');
    const days: CalendarDay[] = [
      { day: '2026-03-26', states: { failed: 9 }, coming: 0 },
      { day: '2026-03-27', states: { success: 2, failed: 1 }, coming: 0 },
      { day: '2026-03-29', states: { success: 1 }, coming: 4 }
    ];
    expect(sumOf(days, range)).toEqual({ states: { success: 3, failed: 1 }, runs: 4, coming: 4 });
    expect([loudestOf({ success: 3, failed: 1 }), loudestOf({})]).toEqual(['failed', null]);
  });
});

describe('CalendarModel', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let calls: string[];
  let model: CalendarModel;

  const settle = async () => {
    await vi.advanceTimersByTimeAsync(1500);
    return calls.splice(0);
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    calls = [];
    const api = new HistoryApi(async (_method, path) => {
      calls.push(decodeURIComponent(path));
      const year = /start=(\d+)/.exec(path)?.[1] ?? '2026';
      return path.includes('/runs?')
        ? { runs: [run('r1')], next: null }
        : { timezone: 'Europe/Berlin', start: `${year}-01-01`, today: '2026-03-30', days: [] };
    });
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    model = new CalendarModel(stream, api, 'mini');
    model.setActive(true);
    socket.hello(0);
    await settle();
  });

  afterEach(() => {
    stream.dispose();
    vi.useRealTimers();
  });

  it('lists the runs of the selected days, on clocks of the zone', async () => {
    model.select('2026-03-30', false);
    model.select('2026-03-29', true);
    expect(model.range).toEqual({ from: '2026-03-29', to: '2026-03-30' });
    expect(await settle()).toEqual([
      'dags/mini/runs?limit=50&logical_since=2026-03-28T23:00:00.000Z&logical_until=2026-03-30T21:59:59.999Z'
    ]);
    expect(model.runs?.value?.runs).toHaveLength(1);
    model.select('2026-03-10', false);
    expect(model.range).toEqual({ from: '2026-03-10', to: '2026-03-10' });
  });

  it('goes on in another year where the keyboard leads there', async () => {
    expect(model.year).toBe(2026);
    model.select('2025-12-31', false);
    expect(model.year).toBe(2025);
    expect(await settle()).toContain('dags/mini/calendar?start=2025-01-01&end=2025-12-31');
    model.year = 2024;
    expect(await settle()).toEqual(['dags/mini/calendar?start=2024-01-01&end=2024-12-31']);
  });

  it('looks again when a run has come or ended', async () => {
    socket.receive(event('task_state', { task_id: 'a' }));
    socket.receive(event('run_state', { dag_id: 'other' }));
    expect(await settle()).toEqual([]);
    socket.receive(event('run_created'));
    socket.receive(event('run_state'));
    expect(await settle()).toEqual(['dags/mini/calendar']);
  });
});
