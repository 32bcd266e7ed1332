import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi, FlowError } from '../client/api';
import type { Send } from '../client/api';
import { RunApi } from '../client/runApi';
import { EventStream } from '../events/eventStream';
import { dag, event, FakeSocket, run, runWithTasks, task } from '../testing/fakes';
import { DagModel } from './dag/dagModel';
import { mostTelling, RunModel } from './run/runModel';
import type { TaskState } from './shared/states';

let socket: FakeSocket;
let stream: EventStream;
let calls: string[];
let answers: Record<string, unknown>;
let api: FlowApi;
let runApi: RunApi;

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  answers = {
    health: { state: 'healthy', message: null, import_errors: 0 },
    'import-errors': [],
    'dags/mini': dag('mini'),
    'dags/mini/next?count=5': [],
    'dags/mini/runs?limit=25': { runs: [run('r1')], next: null },
    'dags/mini/runs/r1': runWithTasks('r1', [task('a', 'success'), task('b', 'failed')]),
    'dags/mini/runs/r2': runWithTasks('r2', [task('a', 'running')]),
    'dags/mini/runs/r1/tasks/b?map_index=-1': { ...task('b', 'failed'), attempts: [], xcoms: [] }
  };
  const send: Send = async (method, path) => {
    calls.push(`${method} ${path}`);
    if (!(path in answers)) {
      throw new FlowError('not_found', `nothing at ${path}`);
    }
    return structuredClone(answers[path]);
  };
  api = new FlowApi(send);
  runApi = new RunApi(send);
  stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
});

afterEach(() => {
  stream.dispose();
  vi.useRealTimers();
});

async function settle(): Promise<string[]> {
  await vi.advanceTimersByTimeAsync(500);
  return calls.splice(0);
}

async function opened<M extends { setActive(isActive: boolean): void }>(model: M): Promise<M> {
  model.setActive(true);
  socket.hello(0);
  await settle();
  return model;
}

describe('DagModel', () => {
  it('follows the newest run until one is picked', async () => {
    const model = await opened(new DagModel(stream, api, 'mini'));
    expect(model.selectedRun?.run_id).toBe('r1');
    answers['dags/mini/runs?limit=25'] = {
      runs: [run('r2', { state: 'running' }), run('r1')],
      next: null
    };
    socket.receive(event('run_created', { run_id: 'r2' }));
    await settle();
    expect(model.selectedRun?.run_id).toBe('r2');
    model.select('r1');
    await settle();
    socket.receive(event('run_created', { run_id: 'r3' }));
    await settle();
    expect(model.selectedRun?.run_id).toBe('r1');
  });

  it('looks at the shown run only when its tasks change', async () => {
    await opened(new DagModel(stream, api, 'mini'));
    socket.receive(event('task_state', { task_id: 'a' }));
    socket.receive(event('task_state', { task_id: 'a', run_id: 'elsewhere' }));
    socket.receive(event('task_state', { task_id: 'a', dag_id: 'other' }));
    expect(await settle()).toEqual(['GET dags/mini/runs/r1']);
  });
});

describe('RunModel', () => {
  it('starts at the task that failed', async () => {
    const model = await opened(new RunModel(stream, api, runApi, 'mini', 'r1'));
    expect(model.selectedKey?.task_id).toBe('b');
    expect(model.details?.state).toBe('failed');
  });

  it('prefers what failed by itself, then what runs', () => {
    const tasks = [task('a', 'success'), task('b', 'upstream_failed'), task('c', 'running')];
    expect(mostTelling(tasks).task_id).toBe('c');
    expect(mostTelling([...tasks, task('d', 'failed')]).task_id).toBe('d');
    expect(mostTelling([task('a', 'success')]).task_id).toBe('a');
  });

  describe('of a mapped task', () => {
    const mapped = (map_index: number, state: TaskState) => task('m', state, { map_index });

    beforeEach(() => {
      answers['dags/mini/runs/r1'] = runWithTasks('r1', [
        task('a', 'success'),
        mapped(-1, 'waiting')
      ]);
      for (const index of [-1, 0, 1]) {
        answers[`dags/mini/runs/r1/tasks/m?map_index=${index}`] = {
          ...mapped(index, index < 0 ? 'waiting' : 'failed'),
          attempts: []
        };
      }
      answers['dags/mini/runs/r1/tasks/m/why?map_index=-1'] = {
        state: 'waiting',
        reasons: [
          { code: 'upstream_waiting', args: {}, text: 'waits for a' },
          { code: 'dag_paused', args: {}, text: 'is paused' }
        ]
      };
    });

    it('says all that it waits for, then goes on to the instance that tells most', async () => {
      const model = new RunModel(stream, api, runApi, 'mini', 'r1');
      model.selectTask('m');
      await opened(model);
      expect(model.selectedKey).toMatchObject({ task_id: 'm', map_index: -1 });
      expect(model.waitsFor.map(reason => reason.text)).toEqual(['waits for a', 'is paused']);
      answers['dags/mini/runs/r1'] = runWithTasks('r1', [
        task('a', 'success'),
        mapped(0, 'success'),
        mapped(1, 'failed')
      ]);
      socket.receive(event('task_state', { task_id: 'm', map_index: 1 }));
      await settle();
      expect(model.selectedKey).toMatchObject({ task_id: 'm', map_index: 1 });
      expect(model.waitsFor).toEqual([]);
    });

    it('looks at a task again when a run that it started has changed', async () => {
      answers['dags/mini/runs/r1'] = runWithTasks('r1', [task('b', 'success')]);
      answers['dags/mini/runs/r1/tasks/b?map_index=-1'] = {
        ...task('b', 'success', {
          child_runs: [{ dag_id: 'child', run_id: 'c1', state: 'running' }]
        }),
        attempts: []
      };
      await opened(new RunModel(stream, api, runApi, 'mini', 'r1'));
      socket.receive(event('run_state', { dag_id: 'child', run_id: 'c1' }));
      expect(await settle()).toEqual(['GET dags/mini/runs/r1/tasks/b?map_index=-1']);
      socket.receive(event('run_state', { dag_id: 'child', run_id: 'c2' }));
      expect(await settle()).toEqual([]);
    });
  });

  it('asks for what has changed and leaves other runs alone', async () => {
    await opened(new RunModel(stream, api, runApi, 'mini', 'r1'));
    socket.receive(event('task_state', { task_id: 'b', map_index: -1 }));
    expect((await settle()).sort()).toEqual([
      'GET dags/mini/runs/r1',
      'GET dags/mini/runs/r1/diagnosis',
      'GET dags/mini/runs/r1/tasks/b?map_index=-1'
    ]);
    socket.receive(event('task_state', { task_id: 'b', map_index: -1, run_id: 'r2' }));
    expect(await settle()).toEqual([]);
  });
});
