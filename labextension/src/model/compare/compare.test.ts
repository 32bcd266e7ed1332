import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi } from '../../client/api';
import { CompareApi } from '../../client/compareApi';
import type { ComparedRun, ComparedTask } from '../../client/compareApi';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket, run } from '../../testing/fakes';
import { savedCells } from '../run/liveNotebook';
import { alignCells } from './alignCells';
import { CompareModel } from './compareModel';
import { compareTab, readComparePlace } from './comparePlace';
import { notebookTasks, tableOf } from './compareTable';

function task(taskId: string, more: Partial<ComparedTask> = {}): ComparedTask {
  return {
    task_id: taskId,
    instances: 1,
    map_index: -1,
    state: 'success',
    duration: 10,
    peak_rss: null,
    kernelspec: null,
    interpreter: null,
    packages_hash: 'x',
    source_sha256: 's',
    has_notebook: true,
    metrics: {},
    ...more
  };
}

function compared(runId: string, more: Partial<ComparedRun>): ComparedRun {
  return { ...run(runId), params: {}, tasks: [], values: [], ...more };
}

const RUNS = [
  compared('old', {
    params: { rows: 10, same: [1] },
    tasks: [task('fit', { metrics: { loss: 0.5 } }), task('same')],
    values: [{ task_id: 'fit', map_index: -1, key: 'return_value', preview: '1' }]
  }),
  compared('new', {
    params: { rows: 20, same: [1], extra: true },
    tasks: [
      task('same', { duration: 11 }),
      task('fit', { duration: 30, packages_hash: 'y', source_sha256: 't', metrics: { loss: 0.7 } })
    ],
    values: [{ task_id: 'fit', map_index: 2, key: 'return_value', preview: '1' }]
  })
];

describe('the place in the Compare tab', () => {
  it('names runs whatever their ids are', () => {
    const runIds = ['manual__2026-01-01T00:00:00+00:00', 'a,b'];
    const [tab, place] = [compareTab(runIds).slice(0, 8), compareTab(runIds).slice(8)];
    expect(tab).toBe('compare:');
    expect(readComparePlace(place)).toEqual(runIds);
    expect(readComparePlace('%E0%A4%A')).toEqual(['%E0%A4%A']);
    expect(readComparePlace('1,1,2,3,4,5,6')).toEqual(['1', '2', '3', '4', '5']);
    expect(readComparePlace('')).toEqual([]);
  });
});

describe('runs as a table', () => {
  const table = tableOf(RUNS);
  const differing = (rows: { name: string; differs: boolean }[]) =>
    rows.filter(row => row.differs).map(row => row.name);

  it('tells what differs, and what only one of them has', () => {
    expect(differing(table.params)).toEqual(['rows', 'extra']);
    expect(table.params.at(-1)?.cells).toEqual([null, 'true']);
    expect(differing(table.metrics)).toEqual(['fit · loss']);
    expect(differing(table.values)).toEqual(['fit · return_value', 'fit[2] · return_value']);
  });

  it('gives the same packages the same letter', () => {
    expect(table.environment).toEqual([{ name: 'packages', cells: ['A', 'A, B'], differs: true }]);
  });

  it('does not call small differences of time different', () => {
    expect(differing(table.durations)).toEqual(['fit']);
    expect(table.durations[0]?.cells.map(cell => cell?.share)).toEqual([10 / 30, 1]);
  });

  it('names the notebook that changed first', () => {
    expect(notebookTasks([...RUNS].reverse())).toEqual(['fit', 'same']);
  });
});

describe('cells side by side', () => {
  const notebook = (...sources: string[]) =>
    savedCells({ cells: sources.map(source => ({ cell_type: 'code', source, outputs: [] })) });
  const places = (...notebooks: string[][]) =>
    alignCells(notebooks.map(sources => notebook(...sources))).map(row =>
      row.cells.map(cell => cell?.source ?? '-').join('|')
    );

  it('are found by what they say', () => {
    expect(places(['a', 'b', 'c'], ['a', 'x', 'b', 'c'])).toEqual(['a|a', '-|x', 'b|b', 'c|c']);
    expect(places(['a', 'b', 'c'], ['a', 'c'])).toEqual(['a|a', 'b|-', 'c|c']);
  });

  it('are paired by place where they changed', () => {
    expect(places(['a', 'b', 'c'], ['a', 'B', 'c'])).toEqual(['a|a', 'b|B', 'c|c']);
    const [, row] = alignCells([notebook('a', 'b'), notebook('a', 'B')]);
    expect(row?.sourceDiffers).toBe(true);
  });

  it('of three and of none', () => {
    expect(places(['a'], ['a', 'b'], ['b'])).toEqual(['a|a|-', '-|b|b']);
    expect(places([], ['a'])).toEqual(['-|a']);
    expect(places()).toEqual([]);
  });

  it('differ by their outputs, not by the count of their execution', () => {
    const saved = (text: string, execution_count: number) =>
      savedCells({
        cells: [
          {
            cell_type: 'code',
            source: 'a',
            outputs: [
              { output_type: 'execute_result', data: { 'text/plain': text }, execution_count }
            ]
          }
        ]
      });
    expect(alignCells([saved('1', 1), saved('1', 2)])[0]?.outputsDiffer).toBe(false);
    expect(alignCells([saved('1', 1), saved('2', 1)])[0]?.outputsDiffer).toBe(true);
  });
});

describe('CompareModel', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let calls: string[];
  let model: CompareModel;

  beforeEach(async () => {
    vi.useFakeTimers();
    calls = [];
    const send = (_: string, path: string) => {
      calls.push(path);
      return path.includes('/notebook')
        ? path.includes('/old/')
          ? Promise.resolve({ notebook: { cells: [{ cell_type: 'code', source: 'a' }] } })
          : Promise.reject(new Error('left no notebook'))
        : Promise.resolve({ runs: RUNS });
    };
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    model = new CompareModel(stream, new FlowApi(send), new CompareApi(send), 'mini');
    model.setActive(true);
    socket.hello(0);
    await settle();
  });

  afterEach(() => {
    model.dispose();
    stream.dispose();
    vi.useRealTimers();
  });

  const settle = async () => {
    await vi.advanceTimersByTimeAsync(500);
    return calls.splice(0);
  };

  it('asks for nothing before runs are named', () => {
    expect(model.compared.value).toBeNull();
  });

  it('fetches the runs and the notebooks of the task that changed', async () => {
    model.runIds = ['old', 'new'];
    const asked = await settle();
    expect(asked[0]).toBe('dags/mini/runs/old/compare?other=new');
    expect(model.taskId).toBe('fit');
    expect(model.notebooks.value).toMatchObject({
      taskId: 'fit',
      absent: [null, 'left no notebook']
    });
    expect(model.notebooks.value?.rows).toHaveLength(1);
    model.selectTask('same');
    await settle();
    expect(model.notebooks.value?.taskId).toBe('same');
  });

  it('looks again when one of its runs goes on', async () => {
    model.runIds = ['old', 'new'];
    await settle();
    socket.receive(event('run_state', { run_id: 'another' }));
    expect(await settle()).toEqual([]);
    socket.receive(event('run_state', { run_id: 'new' }));
    expect((await settle())[0]).toBe('dags/mini/runs/old/compare?other=new');
  });
});
