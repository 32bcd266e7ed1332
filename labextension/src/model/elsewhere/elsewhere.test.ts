import { beforeEach, describe, expect, it } from 'vitest';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket } from '../../testing/fakes';
import { RunWatch } from './runWatch';
import type { Wanted } from './runWatch';

let socket: FakeSocket;
let stream: EventStream;
let kept: Map<string, unknown>;

beforeEach(() => {
  kept = new Map();
  stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
  stream.start();
});

function watching(wanted: Wanted): { watch: RunWatch; told: string[] } {
  const options = {
    load: async (key: string) => kept.get(key) ?? null,
    save: async (key: string, value: unknown) => void kept.set(key, value)
  };
  const watch = new RunWatch(stream, options, dagId => dagId === 'star');
  watch.wanted = wanted;
  const told: string[] = [];
  watch.ended.connect((_, run) => told.push(`${run.dag_id} ${run.state}`));
  return { watch, told };
}

function end(dag_id: string, state_to: string): void {
  socket.receive(event('run_state', { dag_id, run_id: 'r', state_to }));
}

describe('RunWatch', () => {
  it.each([
    ['none', []],
    ['own', ['mine failed']],
    ['favourites', ['mine failed', 'star success']],
    ['all', ['mine failed', 'star success', 'other failed']]
  ] as [Wanted, string[]][])('%s', (wanted, expected) => {
    const { watch, told } = watching(wanted);
    watch.watch('mine', 'r');
    end('mine', 'running');
    end('mine', 'failed');
    end('mine', 'failed');
    end('star', 'success');
    end('other', 'failed');
    expect(told).toEqual(wanted === 'all' ? ['mine failed', ...expected] : expected);
  });

  it('remembers own runs over a reload', async () => {
    watching('own').watch.watch('mine', 'r');
    const { told } = watching('own');
    await Promise.resolve();
    await Promise.resolve();
    end('mine', 'success');
    expect(told).toEqual(['mine success']);
  });
});
