import { describe, expect, it } from 'vitest';
import type { Health } from '../../client/documents';
import { troublesOf } from './troubles';

const HEALTHY: Health = {
  state: 'healthy',
  message: '',
  trouble: [],
  host: null,
  hosts: [],
  running: 0,
  queued: 0,
  parallelism: 16,
  dag_folders: [],
  import_errors: 0
};

describe('troublesOf', () => {
  it('says nothing while all is well or nothing is known', () => {
    expect(troublesOf(null, null)).toEqual([]);
    expect(troublesOf(HEALTHY, null)).toEqual([]);
  });

  it('shows each sentence as the host says it, worst where nothing new starts', () => {
    const since = '2026-01-05T12:00:00+00:00';
    const trouble = [
      { kind: 'disk_full', since, message: 'the disk is full', pauses_dispatch: true },
      { kind: 'disk_low', since, message: 'almost full', pauses_dispatch: false }
    ];
    const health: Health = { ...HEALTHY, state: 'degraded', message: 'the disk is full', trouble };
    expect(troublesOf(health, null)).toEqual([
      { kind: 'disk_full', message: 'the disk is full', severity: 'bad' },
      { kind: 'disk_low', message: 'almost full', severity: 'warn' }
    ]);
  });

  it('falls back to the message of the state, or to why there is no document', () => {
    const stopped: Health = { ...HEALTHY, state: 'stopped', message: 'no host runs: start it' };
    expect(troublesOf(stopped, null)).toEqual([
      { kind: 'stopped', message: 'no host runs: start it', severity: 'bad' }
    ]);
    expect(troublesOf(stopped, 'the server is away')).toEqual([
      { kind: 'health', message: 'the server is away', severity: 'bad' }
    ]);
  });
});
