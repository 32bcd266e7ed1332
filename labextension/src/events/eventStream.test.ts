import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FlowEvent, LogMessage } from '../client/documents';
import { event, FakeSocket } from '../testing/fakes';
import { EventStream } from './eventStream';

let sockets: FakeSocket[];
let stream: EventStream;
let seen: FlowEvent[];
let resets: number;

const last = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  seen = [];
  resets = 0;
  stream = new EventStream(cursor => {
    sockets.push(new FakeSocket(cursor));
    return last();
  });
  stream.event.connect((_, item) => seen.push(item));
  stream.reset.connect(() => (resets += 1));
  stream.start();
});

afterEach(() => {
  stream.dispose();
  vi.useRealTimers();
});

describe('EventStream', () => {
  it('asks for a fresh look at the first hello only', () => {
    last().hello(10);
    expect(resets).toBe(1);
    expect(stream.isConnected).toBe(true);
    last().close();
    expect(stream.isConnected).toBe(false);
    vi.advanceTimersByTime(1000);
    expect(sockets).toHaveLength(2);
    expect(last().cursor).toBe(10);
    last().hello(10);
    expect(resets).toBe(1);
  });

  it('asks for what it missed from the last event on', () => {
    last().hello(10);
    const one = { ...event('run_state'), id: 11 };
    last().receive(one);
    last().close();
    vi.advanceTimersByTime(1000);
    expect(last().cursor).toBe(11);
    expect(seen.map(item => item.id)).toEqual([11]);
  });

  it('looks at everything again when the server cannot replay', () => {
    last().hello(10);
    last().close();
    vi.advanceTimersByTime(1000);
    last().hello(3);
    expect(resets).toBe(2);
  });

  it('waits longer after each failure, and is quick again after success', () => {
    for (let round = 0; round < 8; round += 1) {
      last().close();
      vi.advanceTimersByTime(15_000);
    }
    const count = sockets.length;
    last().close();
    vi.advanceTimersByTime(5_000);
    expect(sockets.length).toBe(count);
    vi.advanceTimersByTime(10_000);
    last().hello(1);
    last().close();
    vi.advanceTimersByTime(500);
    expect(sockets.length).toBe(count + 2);
  });

  it('ignores what an old socket still says', () => {
    const old = last();
    old.hello(1);
    old.close();
    vi.advanceTimersByTime(1000);
    last().hello(1);
    old.receive(event('run_state'));
    expect(seen).toEqual([]);
  });

  it('goes on with a followed log after a cut, without doubled lines', () => {
    const key = { dag_id: 'd', run_id: 'r', task_id: 't', map_index: -1 };
    const got: number[] = [];
    const onLines = (message: LogMessage) => got.push(...message.lines.map(line => line.seq));
    const line = (seq: number) => ({ seq, at: '', stream: 'stdout', level: '', text: '' });
    const log = (seqs: number[]) => ({
      type: 'log',
      ...key,
      attempt: 1,
      attempt_number: 1,
      lines: seqs.map(line),
      complete: false
    });
    last().hello(1);
    const stop = stream.follow({ key, attempt: 1, after: 0, onLines });
    expect(last().sent).toEqual([{ type: 'log.follow', ...key, attempt: 1, after: 0 }]);
    last().receive(log([1, 2]));
    last().close();
    vi.advanceTimersByTime(1000);
    last().hello(1);
    expect(last().sent.at(-1)).toMatchObject({ type: 'log.follow', after: 2 });
    last().receive(log([2, 3]));
    last().receive({ ...log([9]), task_id: 'other' });
    expect(got).toEqual([1, 2, 3]);
    stop();
    expect(last().sent.at(-1)).toMatchObject({ type: 'log.unfollow', task_id: 't' });
    last().receive(log([4]));
    expect(got).toEqual([1, 2, 3]);
  });
});
