import { describe, expect, it } from 'vitest';
import { duration, elapsed, reasonText, relative, scheduleText } from './shared/format';
import { edgeName, graphOf, leftmost, NODE_HEIGHT, NODE_WIDTH, place } from './dag/graphLayout';
import type { Positions } from './dag/graphLayout';
import { LayoutService } from './dag/layoutService';
import { describeForm, toConf } from './forms/paramsForm';
import { countStates, LOOKS, RUN_STATES, TASK_STATES } from './shared/states';

const NOW = Date.parse('2026-01-02T12:00:00Z');

describe('format', () => {
  it.each([
    ['2026-01-02T12:05:30Z', 'in 5 min.'],
    ['2026-01-02T09:00:00Z', '3 hr. ago'],
    ['2026-01-03T12:00:00Z', 'tomorrow'],
    ['2026-01-02T12:00:00Z', 'now']
  ])('says %s as %s', (instant, words) => {
    expect(relative(instant, NOW, 'en')).toBe(words);
  });

  it.each([
    [null, ''],
    [0.416, '0.42 s'],
    [9.96, '10.0 s'],
    [12.4, '12 s'],
    [59.7, '1 min 0 s'],
    [200, '3 min 20 s'],
    [7500, '2 h 5 min']
  ])('says %s seconds as %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words);
  });

  it('counts on while something runs', () => {
    const start = '2026-01-02T11:59:50Z';
    expect(elapsed({ start_date: start, end_date: null, duration: 1 }, NOW)).toBe(10);
    expect(elapsed({ start_date: start, end_date: start, duration: 4 }, NOW)).toBe(4);
    expect(elapsed({ start_date: null, end_date: null, duration: null }, NOW)).toBeNull();
  });
});

describe('reasons and schedules', () => {
  it('puts instants of a reason on the clock of the viewer', () => {
    const at = '2026-01-02T12:27:14.592610+00:00';
    const reason = { code: 'reschedule', args: { at }, text: `to be started again at ${at}` };
    expect(reasonText(reason, 'Europe/Berlin', 'en-GB')).toBe(
      'to be started again at 2 Jan 2026, 13:27:14'
    );
    expect(reasonText(null)).toBe('');
  });

  it.each([
    [null, null, null],
    ['@daily', null, '@daily'],
    ['0 6 * * 1-5, 30 14 * * *', null, '0 6 * * 1-5, 30 14 * * *'],
    ['assets', 'orders and (rates or costs)', 'orders and (rates or costs)'],
    ['assets or @daily', '$& pays', '$& pays or @daily']
  ])('says %s with %s as %s', (schedule, schedule_assets, words) => {
    expect(scheduleText({ schedule, schedule_assets })).toBe(words);
  });
});

describe('states', () => {
  it('shows every state by a shape and a word of its own', () => {
    const all = [...new Set([...TASK_STATES, ...RUN_STATES])];
    expect(Object.keys(LOOKS).sort()).toEqual([...all].sort());
    expect(new Set(all.map(state => LOOKS[state].path)).size).toBe(all.length);
    expect(new Set(all.map(state => LOOKS[state].label)).size).toBe(all.length);
  });

  it('counts in the order of the table', () => {
    expect(countStates(['failed', 'success', 'failed'])).toEqual([
      { state: 'success', count: 1 },
      { state: 'failed', count: 2 }
    ]);
  });
});

describe('layout', () => {
  it('puts every task right of its upstream, without overlaps', () => {
    const tasks = Array.from({ length: 60 }, (_, index) => ({
      task_id: `t${index}`,
      upstream: index < 6 ? [] : [`t${index - 6}`, `t${index - (index % 5) - 1}`, 'unknown']
    }));
    const graph = graphOf(tasks);
    const positions = place(graph);
    for (const [from, to] of graph.edges) {
      expect(positions[to]?.x).toBeGreaterThan((positions[from]?.x ?? 0) + NODE_WIDTH - 1);
    }
    const boxes = Object.values(positions);
    const clash = boxes.some((one, index) =>
      boxes
        .slice(index + 1)
        .some(
          other => Math.abs(one.x - other.x) < NODE_WIDTH && Math.abs(one.y - other.y) < NODE_HEIGHT
        )
    );
    expect(clash).toBe(false);
  });

  it('keeps each task and edge once, and makes room for the texts of edges', () => {
    const tasks = [
      { task_id: 'a', upstream: [] },
      { task_id: 'b', upstream: ['a', 'a'] },
      { task_id: 'b', upstream: ['a'] }
    ];
    const plain = graphOf(tasks);
    expect(plain.nodes).toEqual(['a', 'b']);
    expect(plain.edges).toEqual([['a', 'b']]);
    const label = 'when there is something to do';
    const named = graphOf(tasks, [{ upstream: 'a', downstream: 'b', label }]);
    expect(named.labels?.[edgeName('a', 'b')]).toBe(label);
    const room = (positions: Positions) =>
      (positions['b']?.x ?? 0) - (positions['a']?.x ?? 0) - NODE_WIDTH;
    expect(room(place(named))).toBeGreaterThan(room(place(plain)) + 100);
  });

  it('knows what stands at the left', () => {
    const at = (x: number, y: number) => ({ x, y });
    const positions = { c: at(9, 0), b: at(0, 5), a: at(0, 1) };
    expect(leftmost(positions, 2)).toEqual(['a', 'b']);
  });

  it('uses a worker for large graphs, once per drawing', async () => {
    let workers = 0;
    const service = new LayoutService(() => {
      workers += 1;
      const worker = {
        onmessage: null as ((event: MessageEvent) => void) | null,
        onerror: null,
        postMessage: () => worker.onmessage?.({ data: { done: { x: 1, y: 2 } } } as MessageEvent),
        terminate: () => undefined
      };
      return worker;
    });
    const small = { nodes: ['a', 'b'], edges: [['a', 'b']] as [string, string][] };
    await service.place('small', small);
    expect(workers).toBe(0);
    const large = { nodes: Array.from({ length: 100 }, (_, n) => `n${n}`), edges: [] };
    expect(await service.place('large', large)).toEqual({ done: { x: 1, y: 2 } });
    await service.place('large', large);
    expect(workers).toBe(1);
  });
});

describe('params form', () => {
  const params = {
    rows: { default: 10, schema: { type: 'integer', minimum: 1 }, description: 'How many' },
    name: { default: 'world', schema: null },
    day: { schema: { type: 'string' } },
    free: { default: null }
  };

  it('describes each param, with guessed types where none are given', () => {
    const { schema, formData } = describeForm(params);
    expect(schema).toMatchObject({
      type: 'object',
      required: ['day'],
      properties: {
        rows: { title: 'rows', type: 'integer', minimum: 1, description: 'How many' },
        name: { title: 'name', type: 'string' },
        free: { title: 'free' }
      }
    });
    expect(formData).toEqual({ rows: 10, name: 'world' });
  });

  it('sends what differs from the defaults', () => {
    expect(toConf(params, { rows: 10, name: 'you', day: undefined })).toEqual({ name: 'you' });
  });
});
