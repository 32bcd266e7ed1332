import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi, FlowError } from '../../client/api';
import { DagApi } from '../../client/dagApi';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket, run } from '../../testing/fakes';
import { BULK_ACTIONS, plan } from './bulk';
import { NO_FILTER, RunsModel } from './runsModel';

const RUNS = [
  run('ok'),
  run('bad', { state: 'failed' }),
  run('now', { state: 'running', end_date: null })
];

describe('what a bulk action would do', () => {
  it.each([
    ['rerun_failed', ['succeeded', null, 'still_runs']],
    ['rerun_all', [null, null, 'still_runs']],
    ['mark_success', ['is_so_already', null, null]],
    ['mark_failed', [null, 'is_so_already', null]],
    ['cancel', ['has_ended', 'has_ended', null]],
    ['delete', [null, null, 'still_runs']]
  ] as const)('%s', (action, expected) => {
    expect(plan(action, RUNS).map(item => item.leftOut)).toEqual(expected);
  });

  it('is known for every action', () => {
    expect(BULK_ACTIONS).toHaveLength(6);
  });
});

describe('RunsModel', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let calls: string[];
  let refused: string;
  let model: RunsModel;

  beforeEach(async () => {
    vi.useFakeTimers();
    calls = [];
    refused = '';
    const send = (method: string, path: string) => {
      calls.push(`${method} ${path}`);
      return path.includes('/runs?')
        ? Promise.resolve({ runs: structuredClone(RUNS), next: null })
        : path === refused
          ? Promise.reject(new FlowError('conflict', 'not now'))
          : Promise.resolve({});
    };
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    model = new RunsModel(stream, new FlowApi(send), new DagApi(send), 'mini');
    model.setActive(true);
    socket.hello(0);
    await vi.advanceTimersByTimeAsync(500);
    calls.splice(0);
  });

  afterEach(() => {
    model.dispose();
    stream.dispose();
    vi.useRealTimers();
  });

  it('asks for what the filter says, and forgets the selection then', async () => {
    model.select(['ok'], true);
    model.filter = { ...NO_FILTER, state: 'failed', since: '2026-01-01T00:00:00.000Z' };
    await vi.advanceTimersByTimeAsync(500);
    const since = encodeURIComponent('2026-01-01T00:00:00.000Z');
    expect(calls).toEqual([`GET dags/mini/runs?limit=100&state=failed&since=${since}`]);
    expect(model.selected.size).toBe(0);
  });

  it('looks again when runs change, not when tasks do', async () => {
    socket.receive(event('task_state', { task_id: 'a' }));
    await vi.advanceTimersByTimeAsync(500);
    expect(calls).toEqual([]);
    socket.receive(event('run_state'));
    await vi.advanceTimersByTimeAsync(500);
    expect(calls).toHaveLength(1);
  });

  it('changes many runs, leaves out those that it cannot, and says which were refused', async () => {
    refused = 'dags/mini/runs/bad';
    model.select(['ok', 'bad', 'now'], true);
    model.prepare('delete');
    const done = model.perform();
    await vi.advanceTimersByTimeAsync(500);
    await done;
    expect(calls.filter(call => call.startsWith('DELETE'))).toEqual([
      'DELETE dags/mini/runs/ok',
      'DELETE dags/mini/runs/bad'
    ]);
    expect(model.bulk?.progress.get('bad')).toEqual({ error: 'not now' });
    expect([...model.selected].sort()).toEqual(['bad', 'now']);
    model.prepare(null);
    expect(model.bulk).toBeNull();
  });
});
