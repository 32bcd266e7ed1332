import { describe, expect, it } from 'vitest';
import type { CellEvent } from '../../client/runApi';
import type { DagTask, Group } from '../../client/documents';
import { task } from '../../testing/fakes';
import { barsOf, spanOf } from './gantt';
import { applied, emptied, progressOf, savedCells } from './liveNotebook';
import type { LiveCell } from './liveNotebook';
import { cpuLoad, curvesOf } from './samples';
import { treeRows } from './taskTree';

const NOTEBOOK = {
  cells: [
    { cell_type: 'markdown', source: ['# A', 'b'] },
    {
      cell_type: 'code',
      source: 'one',
      outputs: [{ output_type: 'stream', name: 'stdout', text: 'x' }],
      metadata: {
        papermill: {
          status: 'completed',
          start_time: '2026-01-01T00:00:00+00:00',
          end_time: '2026-01-01T00:00:02+00:00'
        }
      }
    },
    { cell_type: 'code', source: 'two', metadata: { papermill: { status: 'pending' } } }
  ]
};

let seq = 0;

function cellEvent(cell: number, kind: CellEvent['event'], more: object = {}): CellEvent {
  seq += 1;
  return { seq, at: `2026-01-01T00:00:0${seq % 10}+00:00`, cell, event: kind, ...more };
}

function text(cell: number, words: string, name = 'stdout'): CellEvent {
  const output = { output_type: 'stream', name, text: words } as never;
  return cellEvent(cell, 'output', { output });
}

function textOf(cell: LiveCell | undefined): unknown[] {
  return (cell?.outputs ?? []).map(output => output['text']);
}

describe('an executed notebook', () => {
  it('is read as it was saved', () => {
    const cells = savedCells(NOTEBOOK);
    expect(cells.map(cell => [cell.type, cell.number, cell.state])).toEqual([
      ['markdown', 0, 'pending'],
      ['code', 1, 'done'],
      ['code', 2, 'pending']
    ]);
    expect(cells[0]?.source).toBe('# Ab');
    expect(savedCells({})).toEqual([]);
  });

  it('fills in as its cells run, and a progress bar does not grow', () => {
    let cells: LiveCell[] = emptied(savedCells(NOTEBOOK));
    const untouched = cells[2];
    cells = applied(cells, [cellEvent(1, 'started'), text(1, 'begun\n')]);
    for (let count = 0; count < 1000; count += 1) {
      cells = applied(cells, [text(1, `\r${count}%`, 'stderr')]);
    }
    expect(cells[1]?.state).toBe('running');
    expect(textOf(cells[1])).toEqual(['begun\n', '999%']);
    expect(cells[2]).toBe(untouched);
    cells = applied(cells, [cellEvent(1, 'cleared'), text(1, 'new'), cellEvent(1, 'finished')]);
    expect(textOf(cells[1])).toEqual(['new']);
    expect(cells[1]?.state).toBe('done');
    expect(applied(cells, [cellEvent(9, 'started')])).toEqual(cells);
  });

  it('replaces a display where it stands', () => {
    const display = (words: string) => ({ output: { output_type: 'display_data', data: words } });
    const cells = applied(emptied(savedCells(NOTEBOOK)), [
      cellEvent(1, 'output', display('a')),
      text(1, 'between'),
      cellEvent(1, 'updated', { ...display('b'), position: 0 })
    ]);
    expect(cells[1]?.outputs.map(output => output['data'] ?? output['text'])).toEqual([
      'b',
      'between'
    ]);
  });

  it('says how far it is by what cells took before', () => {
    const start = Date.parse('2026-01-01T00:00:00+00:00');
    const at = { at: '2026-01-01T00:00:00+00:00' };
    const cells = applied(emptied(savedCells(NOTEBOOK)), [{ ...cellEvent(1, 'started'), ...at }]);
    const progress = progressOf(cells, [null, 10, 5], start + 4000);
    expect([progress.done, progress.total, progress.left]).toEqual([0, 2, 11]);
    expect(progress.running?.number).toBe(1);
    expect(progressOf(cells, [1], start).left).toBeNull();
  });
});

describe('the tree of tasks', () => {
  const dagTasks = ['a', 'g.b', 'g.h.c', 'd'].map(name => ({
    task_id: name,
    group: { a: null, 'g.b': 'g', 'g.h.c': 'g.h', d: null }[name] ?? null
  })) as DagTask[];
  const groups = [
    { group_id: 'g', parent: null, label: 'G' },
    { group_id: 'g.h', parent: 'g', label: 'H' }
  ] as Group[];
  const tasks = [
    task('a', 'success'),
    task('g.b', 'success'),
    ...[0, 1].map(index => task('g.h.c', index ? 'failed' : 'success', { map_index: index })),
    task('d', 'waiting')
  ];
  const rows = (choice: object) =>
    treeRows(tasks, dagTasks, groups, { toggled: {}, onlyTroubled: false, ...choice });

  it('has groups around their tasks, and mapped tasks around their instances', () => {
    expect(rows({}).map(row => `${'-'.repeat(row.depth)}${row.name} ${row.state}`)).toEqual([
      'a success',
      'G failed',
      '-b success',
      '-H failed',
      '--c failed',
      '---[0] success',
      '---[1] failed',
      'd waiting'
    ]);
  });

  it('folds, and shows only trouble', () => {
    expect(rows({ toggled: { 'group:g': false } }).map(row => row.name)).toEqual(['a', 'G', 'd']);
    expect(rows({ onlyTroubled: true }).map(row => row.name)).toEqual(['G', 'H', 'c', '[1]']);
  });

  it('folds what is large', () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      task('m', 'running', { map_index: index })
    );
    const found = treeRows(many, [], [], { toggled: {}, onlyTroubled: false });
    expect(found.map(row => row.kind)).toEqual(['mapped']);
  });
});

describe('bars', () => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}+00:00`;

  it('stand on the time axis of the run, attempts one after another', () => {
    const item = task('a', 'running', {
      queued_at: at(20),
      start_date: at(30),
      attempt_number: 2
    });
    const earlier = [
      {
        task_id: 'a',
        map_index: -1,
        attempt_number: 1,
        try_number: 1,
        outcome: 'failed',
        queued_at: at(0),
        start_date: at(0),
        end_date: at(10)
      }
    ];
    const now = Date.parse(at(40));
    const span = spanOf([item], earlier, now);
    expect(span).toEqual({ start: Date.parse(at(0)), end: now });
    const bars = barsOf(item, earlier, span!, now);
    expect(bars.map(bar => [bar.kind, bar.state, bar.from, bar.to])).toEqual([
      ['earlier', 'failed', 0, 0.25],
      ['queued', 'queued', 0.5, 0.75],
      ['run', 'running', 0.75, 1]
    ]);
    expect(spanOf([task('a', 'waiting')], [], now)).toBeNull();
  });
});

describe('numbers of attempts', () => {
  it('become load between samples and curves by name', () => {
    expect(
      cpuLoad([
        [0, 0, 1],
        [2, 3, 1],
        [2, 3, 1],
        [4, 4, 1]
      ])
    ).toEqual([
      [2, 1.5],
      [4, 0.5]
    ]);
    const curves = curvesOf([
      { name: 'loss', value: 2, step: 1 },
      { name: 'loss', value: 3, step: 0 },
      { name: 'best', value: 1 }
    ]);
    expect([...curves]).toEqual([
      [
        'loss',
        [
          [0, 3],
          [1, 2]
        ]
      ],
      ['best', [[0, 1]]]
    ]);
  });
});
