import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowError } from '../../client/api';
import type { Send } from '../../client/api';
import { BackfillApi } from '../../client/backfillApi';
import type { Backfill } from '../../client/backfillApi';
import { EventStream } from '../../events/eventStream';
import { dag, event, FakeSocket, run } from '../../testing/fakes';
import { instantOf, offsetOf, wallTime } from '../shared/zones';
import { backfillsTab, readBackfillPlace } from './backfillPlace';
import { BackfillsModel } from './backfillsModel';
import { BackfillWish } from './backfillWish';
import { lookOf, partsOf } from './progress';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const BERLIN = dag('mini', {
  schedule_timezone: 'Europe/Berlin',
  params: { rows: { default: 10, schema: {}, description: null } }
});

function backfill(more: Partial<Backfill> = {}): Backfill {
  return {
    backfill_id: 1,
    dag_id: 'mini',
    state: 'running',
    from_date: '2026-01-01T00:00:00+00:00',
    to_date: '2026-01-10T00:00:00+00:00',
    reprocess_behavior: 'none',
    max_active_runs: 10,
    run_backwards: false,
    conf: {},
    actor: 'ann',
    created_at: '2026-03-01T00:00:00+00:00',
    completed_at: null,
    cancelled_by: null,
    progress: { total: 10, skipped: 2, pending: 3, active: 1, finished: 4 },
    states: { running: 1, failed: 1, success: 3 },
    ...more
  };
}

describe('clocks on walls', () => {
  it.each([
    ['2026-01-31T23:30', 'Europe/Berlin', '2026-01-31T22:30:00.000Z'],
    ['2026-03-29T01:59', 'Europe/Berlin', '2026-03-29T00:59:00.000Z'],
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'], // skipped: shows 03:30
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'], // twice: the first
    ['2026-01-01T00:00', 'Pacific/Kiritimati', '2025-12-31T10:00:00.000Z'],
    ['2026-07-01T00:00', 'UTC', '2026-07-01T00:00:00.000Z']
  ])('%s in %s is %s', (wall, zone, expected) => {
    expect(new Date(instantOf(wall, zone)).toISOString()).toBe(expected);
  });

  it('show what they showed, also before 1970, and nothing for what is no date', () => {
    expect(wallTime(Date.parse('2026-01-31T22:30:59.9Z'), 'Europe/Berlin')).toBe(
      '2026-01-31T23:30'
    );
    expect(offsetOf(-1, 'Asia/Kolkata')).toBe(5.5 * 3_600_000);
    expect(instantOf('', 'UTC')).toBeNaN();
  });
});

describe('a wish for a backfill', () => {
  it('proposes the last days, or those that were asked for, on clocks of the DAG', () => {
    const usual = new BackfillWish(BERLIN, [], NOW, null);
    expect([usual.from, usual.to]).toEqual(['2026-03-03T00:00', '2026-03-10T13:00']);
    const wish = new BackfillWish(BERLIN, [run('r1')], NOW, {
      from: '2026-01-01',
      to: '2026-01-02'
    });
    expect(wish.body()).toEqual({
      from_date: '2025-12-31T23:00:00.000Z',
      to_date: '2026-01-02T22:59:00.000Z',
      reprocess_behavior: 'none',
      max_active_runs: 10,
      run_backwards: false,
      conf: {}
    });
  });

  it('says what is missing and asks for nothing then', () => {
    const wish = new BackfillWish(BERLIN, [], NOW, null);
    wish.choice.useJson();
    wish.choice.json = '{"rows": ';
    expect([wish.missing, wish.body()]).toEqual(['values', null]);
    wish.choice.json = '{"rows": 11}';
    expect(wish.body()?.conf).toEqual({ rows: 11 });
    wish.atOnce = NaN;
    expect(wish.missing).toBe('at_once');
    wish.to = '';
    expect([wish.missing, wish.body()]).toEqual(['dates', null]);
  });

  it.each([
    ['new', { range: null }],
    ['12', { backfillId: 12 }],
    ['2026-01-01..2026-01-31', { range: { from: '2026-01-01', to: '2026-01-31' } }],
    ['0', null],
    ['2026-01-01', null]
  ])('has the place %s', (text, place) => {
    expect(readBackfillPlace(text)).toEqual(place);
  });

  it('has a link', () => {
    expect(backfillsTab(null)).toBe('backfills:new');
    expect(backfillsTab({ from: 'a', to: 'b' })).toBe('backfills:a..b');
  });
});

describe('how far a backfill is', () => {
  it('stands in parts, what is done first', () => {
    expect(partsOf(backfill()).map(part => [part.kind, part.count])).toEqual([
      ['success', 3],
      ['failed', 1],
      ['running', 1],
      ['to_come', 3],
      ['left_out', 2]
    ]);
  });

  it.each<[Backfill['state'], Record<string, number>, string]>([
    ['completed', { success: 2 }, 'completed'],
    ['completed', { success: 2, failed: 1 }, 'completed, with failures'],
    ['paused', { failed: 1 }, 'paused']
  ])('%s with %j is shown as “%s”', (state, states, label) => {
    expect(lookOf(backfill({ state, states })).label).toBe(label);
  });
});

describe('BackfillsModel', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let calls: string[];
  let answers: Record<string, unknown>;
  let model: BackfillsModel;

  const settle = async () => {
    await vi.advanceTimersByTimeAsync(1500);
    return calls.splice(0);
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    calls = [];
    answers = {
      'GET dags/mini/backfills?limit=100': { backfills: [backfill()] },
      'GET backfills/1': { ...backfill(), dates: [] },
      'POST dags/mini/backfills': { ...backfill({ backfill_id: 2 }), dates: [] },
      'GET backfills/2': { ...backfill({ backfill_id: 2 }), dates: [] }
    };
    const send: Send = async (method, path, body) => {
      const call = `${method} ${path}`;
      calls.push((body as { dry_run?: boolean })?.dry_run ? `${call} (dry)` : call);
      const answer = answers[call];
      if (answer === undefined || answer instanceof Error) {
        throw answer ?? new FlowError('not_found', `nothing at ${path}`);
      }
      return structuredClone(answer);
    };
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    model = new BackfillsModel(stream, new BackfillApi(send), 'mini');
    model.setActive(true);
    socket.hello(0);
    await settle();
  });

  afterEach(() => {
    stream.dispose();
    vi.useRealTimers();
  });

  it('looks again when a backfill or a run has changed, and not with every task', async () => {
    model.goTo({ backfillId: 1 });
    await settle();
    socket.receive(event('task_state', { task_id: 'a' }));
    socket.receive(event('backfill_changed', { dag_id: 'other' }));
    expect(await settle()).toEqual([]);
    for (let n = 0; n < 5; n++) {
      socket.receive(event('run_state'));
    }
    socket.receive(event('backfill_changed', { run_id: null }));
    expect((await settle()).sort()).toEqual([
      'GET backfills/1',
      'GET dags/mini/backfills?limit=100'
    ]);
  });

  it('previews the form as it is written, and starts what was previewed', async () => {
    model.goTo({ range: null });
    expect(model.wanted).toEqual({ range: null });
    model.openForm(BERLIN, [], NOW, null);
    expect([model.plan, model.wanted]).toEqual([null, null]);
    expect(await settle()).toEqual(['POST dags/mini/backfills (dry)']);
    expect(model.plan).not.toBeNull();
    model.change(() => (model.wish!.atOnce = 3));
    expect(model.plan).toBeNull(); // it was about something else
    answers['POST dags/mini/backfills'] = new FlowError('invalid', 'no past date');
    await settle();
    expect([model.plan, model.planError?.message]).toEqual([null, 'no past date']);
    await model.start();
    expect([model.problem, model.wish === null]).toEqual(['no past date', false]);
    answers['POST dags/mini/backfills'] = { ...backfill({ backfill_id: 2 }), dates: [] };
    await model.start();
    expect([model.wish, model.problem, model.openedId]).toEqual([null, null, 2]);
    expect(await settle()).toContain('GET backfills/2');
  });

  it('keeps a refusal until the next act', async () => {
    await model.act(1, 'pause');
    expect(model.problem).toContain('nothing at backfills/1/pause');
    answers['POST backfills/1/pause'] = { ...backfill(), dates: [] };
    await model.act(1, 'pause');
    expect([model.problem, model.isBusy]).toEqual([null, false]);
  });
});
