import { describe, expect, it, vi } from 'vitest';
import type { GridDocument, GridRun } from '../../client/dagApi';
import type { DagTask, Group } from '../../client/documents';
import { task } from '../../testing/fakes';
import { Options } from '../shared/options';
import { Gantt } from './gantt';
import { moved } from './gridKeys';
import { GridTable } from './gridTable';
import { findRows, treeRows } from './taskTree';

const one = (task_id: string, group: string | null = null) =>
  ({ task_id, task_display_name: task_id, group, operator: 'X', is_mapped: false }) as DagTask;
const group = (group_id: string, parent: string | null = null): Group => ({
  group_id,
  parent,
  label: group_id.toUpperCase(),
  tooltip: null,
  is_mapped: false
});
const TASKS = [one('a'), one('g.b', 'g'), one('g.h.c', 'g.h'), one('d')];
const GROUPS = [group('g'), group('g.h', 'g')];

function column(run_id: string, states: string, more: Partial<GridRun> = {}): GridRun {
  const dates = { logical_date: null, start_date: null, end_date: null };
  return { run_id, run_type: 'manual', state: 'success', version: 1, ...dates, states, ...more };
}

const GRID: GridDocument = {
  dag_id: 'mini',
  codes: { s: 'success', f: 'failed', r: 'running', w: 'waiting' },
  tasks: ['a', 'g.b', 'g.h.c', 'd', 'old'],
  runs: [
    column('r2', 'srfw.', { version: 2, mapped: { 'g.h.c': { f: 1, s: 3 } } }),
    column('r1', 'ssssf')
  ],
  next: null
};

describe('rows of the grid', () => {
  it('stand in their groups, which can be folded', () => {
    const rows = treeRows(TASKS, GROUPS, new Set(), ['old']);
    expect(rows.map(row => [row.kind, row.label, row.depth])).toEqual([
      ['task', 'a', 0],
      ['group', 'G', 0],
      ['task', 'b', 1],
      ['group', 'G.H', 1],
      ['task', 'c', 2],
      ['task', 'd', 0],
      ['task', 'old', 0]
    ]);
    expect(rows[1]?.taskIds).toEqual(['g.b', 'g.h.c']);
    const folded = treeRows(TASKS, GROUPS, new Set(['g']));
    expect(folded.map(row => row.id)).toEqual(['a', 'g', 'd']);
    expect(folded[1]?.isOpen).toBe(false);
  });

  it('are found with the groups around them', () => {
    const rows = treeRows(TASKS, GROUPS, new Set());
    expect(findRows(rows, ' H.C ').map(row => row.id)).toEqual(['g', 'g.h', 'g.h.c']);
    expect(findRows(rows, 'nothing')).toEqual([]);
    expect(findRows(rows, '')).toBe(rows);
  });
});

describe('GridTable', () => {
  const table = new GridTable(GRID);
  const rows = treeRows(TASKS, GROUPS, new Set(['g']), table.gone(TASKS.map(item => item.task_id)));

  it('shows runs oldest first, and of a group what calls loudest', () => {
    expect(table.runs.map(run => run.run_id)).toEqual(['r1', 'r2']);
    expect(rows.map(row => table.letters(row))).toEqual(['ss', 'sf', 'sw', 'f.']);
    expect(table.state(rows[1]!, 1)).toBe('failed');
    expect(table.state(rows[3]!, 1)).toBeNull();
  });

  it('counts the instances of mapped tasks and the tasks of groups', () => {
    expect(table.counts(rows[1]!, 1)).toEqual([
      { state: 'failed', count: 1 },
      { state: 'running', count: 1 },
      { state: 'success', count: 3 }
    ]);
    expect(table.counts(rows[3]!, 1)).toEqual([]);
  });

  it('knows where the DAG changed', () => {
    expect([0, 1].map(at => table.isNewVersion(at))).toEqual([false, true]);
  });

  it('is made of 1,000 tasks and 100 runs in no time', () => {
    const tasks = Array.from({ length: 1000 }, (_, index) => one(`t${index}`, 'g'));
    const runs = Array.from({ length: 100 }, (_, index) => column(`r${index}`, 's'.repeat(1000)));
    const started = performance.now();
    const large = new GridTable({ ...GRID, tasks: tasks.map(item => item.task_id), runs });
    treeRows(tasks, GROUPS, new Set()).forEach(row => large.letters(row));
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('keys of the grid', () => {
  const size = { rows: 4, columns: 3 };
  it.each([
    ['ArrowUp', { row: 0, column: 1 }, { row: -1, column: 1 }],
    ['ArrowUp', { row: 0, column: -1 }, { row: 0, column: -1 }],
    ['ArrowDown', { row: 3, column: 1 }, { row: 3, column: 1 }],
    ['ArrowLeft', { row: 1, column: 0 }, { row: 1, column: -1 }],
    ['ArrowLeft', { row: -1, column: 0 }, { row: -1, column: 0 }],
    ['ArrowRight', { row: 1, column: 2 }, { row: 1, column: 2 }],
    ['PageDown', { row: 0, column: 2 }, { row: 3, column: 2 }],
    ['Home', { row: 2, column: 2 }, { row: 2, column: 0 }]
  ])('%s from %j leads to %j', (key, from, to) => {
    expect(moved(from, key, false, size)).toEqual(to);
  });

  it('leaves other keys to others', () => {
    expect(moved({ row: 0, column: 0 }, 'x', false, size)).toBeNull();
    expect(moved({ row: 0, column: 0 }, 'End', true, size)).toEqual({ row: 3, column: 2 });
  });
});

describe('Gantt', () => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}+00:00`;
  const tasks = [
    task('a', 'success', { queued_at: at(0), start_date: at(2), end_date: at(4), duration: 2 }),
    task('g.b', 'running', { queued_at: at(4), start_date: at(5) }),
    task('d', 'waiting')
  ];
  const gantt = new Gantt(tasks, Date.parse(at(10)));
  const [a, g, d] = treeRows(TASKS, GROUPS, new Set(['g']));

  it('places tasks in the time of their run', () => {
    expect(gantt.bar(a!)).toEqual({
      state: 'success',
      queued: 0,
      start: 0.2,
      end: 0.4,
      seconds: 2
    });
    expect(gantt.bar(g!)).toMatchObject({ start: 0.5, end: 1, seconds: 5 });
    expect(gantt.bar(d!)).toBeNull();
  });

  it('has round ticks', () => {
    expect(gantt.ticks(5).map(tick => tick.seconds)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(new Gantt([], 0).ticks(5)).toEqual([]);
  });
});

describe('Options', () => {
  it('keep what was chosen, and take up what was kept', async () => {
    const save = vi.fn(() => Promise.resolve());
    const load = () => Promise.resolve({ tab: 'grid', size: 3, unknown: 1 });
    const options = new Options({ load, save }, 'k', { tab: 'graph', size: 1 });
    options.set({ size: 7 });
    await options.ready;
    expect(options.value).toEqual({ tab: 'grid', size: 7 });
    await Promise.resolve();
    expect(save).toHaveBeenCalledWith('k', { tab: 'grid', size: 7 });
  });
});
