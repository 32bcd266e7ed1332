import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi, FlowError } from '../../client/api';
import { FrontApi } from '../../client/frontApi';
import type { FailedRun, ImportProblem, Sla } from '../../client/documents';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket, row } from '../../testing/fakes';
import { attentionItems } from './attention';
import { NO_FILTER, shownDags, valuesOf } from './dagFilter';
import { merge } from './rowStore';
import { SidebarModel } from './sidebarModel';

let socket: FakeSocket;
let stream: EventStream;
let calls: string[];
let answers: Record<string, unknown>;
let kept: Map<string, unknown>;

beforeEach(() => {
  vi.useFakeTimers();
  calls = [];
  kept = new Map();
  answers = {
    health: { state: 'healthy', message: null, import_errors: 0 },
    'import-errors': [],
    'attention?limit=100': { failed: [], next: null },
    'running-runs?limit=200': { runs: [], next: null },
    'slas?limit=50': { slas: [], next: null },
    'dag-rows?limit=60': { dags: [row('a'), row('b')], next: 'b' },
    'dag-rows?limit=500&after=b': { dags: [row('c', { is_paused: true })], next: null },
    'dag-rows?limit=500': { dags: [row('a'), row('new')], next: null },
    'dag-rows?limit=1&dag_id=a': { dags: [row('a', { is_paused: true })], next: null },
    'dag-rows?limit=1&dag_id=b': { dags: [], next: null }
  };
  stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
});

afterEach(() => {
  stream.dispose();
  vi.useRealTimers();
});

function newModel(): SidebarModel {
  const send = async (method: string, path: string) => {
    calls.push(`${method} ${path}`);
    if (!(path in answers)) {
      throw new FlowError('not_found', `nothing at ${path}`);
    }
    return structuredClone(answers[path]);
  };
  const options = {
    load: async (key: string) => kept.get(key) ?? null,
    save: async (key: string, value: unknown) => void kept.set(key, value)
  };
  return new SidebarModel(stream, new FlowApi(send), new FrontApi(send), options);
}

async function settle(): Promise<string[]> {
  await vi.advanceTimersByTimeAsync(1000);
  return calls.splice(0).sort();
}

async function opened(): Promise<SidebarModel> {
  const model = newModel();
  model.setActive(true);
  await settle();
  return model;
}

const ids = (model: SidebarModel) => model.dags.value?.map(item => item.dag_id);

describe('SidebarModel', () => {
  it('shows a first page at once, the rest behind it, and then asks for nothing', async () => {
    const model = newModel();
    const seen: number[] = [];
    model.dags.changed.connect(() => seen.push(model.dags.value?.length ?? 0));
    model.setActive(true);
    expect((await settle()).filter(call => call.includes('dag-rows'))).toEqual([
      'GET dag-rows?limit=500&after=b',
      'GET dag-rows?limit=60'
    ]);
    expect(seen).toEqual([2, 3]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(calls).toEqual([]);
  });

  it('turns a storm of events into few looks at what they touch', async () => {
    await opened();
    for (let count = 0; count < 200; count += 1) {
      socket.receive(event('task_state', { dag_id: 'a', task_id: 't' }));
    }
    expect(await settle()).toEqual(['GET dag-rows?limit=1&dag_id=a', 'GET running-runs?limit=200']);
  });

  it('takes in what has changed and leaves out what is gone', async () => {
    const model = await opened();
    socket.receive(event('dag_changed', { dag_id: 'a' }));
    await settle();
    expect(model.dags.value?.[0]?.is_paused).toBe(true);
    socket.receive(event('dag_changed', { dag_id: 'b' }));
    await settle();
    expect(ids(model)).toEqual(['a', 'c']);
  });

  it('looks at everything again after a reset', async () => {
    const model = await opened();
    socket.hello(99);
    expect(await settle()).toContain('GET dag-rows?limit=500');
    expect(ids(model)).toEqual(['a', 'new']);
  });

  it('keeps what it knows when a request fails, says why, and asks again at the next event', async () => {
    const model = await opened();
    const good = answers['dag-rows?limit=1&dag_id=a'];
    delete answers['dag-rows?limit=1&dag_id=a'];
    socket.receive(event('run_state', { dag_id: 'a' }));
    await settle();
    expect(ids(model)).toEqual(['a', 'b', 'c']);
    expect(model.dags.error?.message).toContain('nothing at dag-rows');
    answers['dag-rows?limit=2&dag_id=a&dag_id=b'] = good;
    socket.receive(event('run_state', { dag_id: 'b' }));
    await settle();
    expect(model.dags.error).toBeNull();
  });

  it('keeps favourites and filters, but no search', async () => {
    const first = await opened();
    first.setFavourite('b', true);
    first.setFilter({ tag: 'x', search: 'y' });
    const second = newModel();
    await settle();
    expect([...second.favourites]).toEqual(['b']);
    expect(second.filter).toEqual({ ...NO_FILTER, tag: 'x' });
  });
});

describe('shownDags', () => {
  const rows = [
    row('etl', { tags: ['prod'], owner: 'ann', runs: [bar('failed')] }),
    row('train', { owner: 'bob', is_paused: true, runs: [bar('success')] }),
    row('report', { tags: ['prod', 'daily'], owner: 'bob' })
  ];
  const names = (change: object, stars: string[] = []) =>
    shownDags(rows, { ...NO_FILTER, ...change }, new Set(stars)).rows.map(item => item.dag_id);

  it.each([
    [{}, ['etl', 'report']],
    [{ showPaused: true }, ['etl', 'train', 'report']],
    [{ tag: 'prod', owner: 'bob' }, ['report']],
    [{ state: 'failed' }, ['etl']],
    [{ state: 'none' }, ['report']],
    [{ search: 'PROD ann' }, ['etl']]
  ])('%j', (change, expected) => {
    expect(names(change)).toEqual(expected);
  });

  it('puts favourites first, and counts paused ones', () => {
    expect(names({}, ['report'])).toEqual(['report', 'etl']);
    expect(names({ onlyFavourites: true }, ['report'])).toEqual(['report']);
    expect(shownDags(rows, NO_FILTER, new Set()).paused).toBe(1);
  });

  it('shows paused ones while there are no others', () => {
    const all = [row('a', { is_paused: true })];
    expect(shownDags(all, NO_FILTER, new Set()).rows).toHaveLength(1);
    expect(shownDags(all, { ...NO_FILTER, showPaused: false }, new Set()).rows).toEqual([]);
  });

  it('lists the values of a filter, most used first', () => {
    expect(valuesOf(rows, item => item.tags)).toEqual(['prod', 'daily']);
  });
});

describe('attentionItems', () => {
  const now = Date.parse('2026-01-02T00:00:00Z');
  const sla = {
    dag_id: 'd',
    run_id: 'r',
    task_id: 't',
    note: null,
    noticed_at: '2026-01-01T20:00:00Z'
  };

  it('has failures first, and only what is wrong now', () => {
    const items = attentionItems(
      {
        failed: [{ dag_id: 'd', run_id: 'r' } as FailedRun],
        problems: [{ kind: 'error' }, { kind: 'warning' }] as ImportProblem[],
        slas: [
          sla,
          { ...sla, note: 'known' },
          { ...sla, noticed_at: '2025-12-01T00:00:00Z' }
        ] as Sla[],
        rows: [
          row('late', { next_run_after: '2026-01-01T23:00:00Z' }),
          row('paused', { next_run_after: '2026-01-01T23:00:00Z', is_paused: true }),
          row('soon', { next_run_after: '2026-01-01T23:59:30Z' })
        ]
      },
      now
    );
    expect(items.map(item => item.kind)).toEqual(['failed', 'import', 'late', 'sla']);
  });
});

describe('merge', () => {
  it('keeps the order of ids', () => {
    const known = [row('a'), row('c')];
    const found = merge(known, ['b', 'c'], [row('b')]);
    expect(found.map(item => item.dag_id)).toEqual(['a', 'b']);
  });
});

function bar(state: 'failed' | 'success') {
  return { run_id: 'r', state, start_date: null, end_date: null };
}
