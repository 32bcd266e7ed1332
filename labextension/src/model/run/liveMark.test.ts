import { describe, expect, it } from 'vitest';
import { liveMark } from './liveMark';

const LIVE = { attempt_id: 'a1', dag_id: 'd', run_id: 'r', task_id: 't', map_index: 2 };

describe('liveMark', () => {
  it('reads whose copy a notebook is', () => {
    expect(liveMark({ live: LIVE, dag_file: true })).toEqual(LIVE);
    expect(liveMark({ live: { ...LIVE, map_index: null } })?.map_index).toBe(-1);
  });

  it('finds none in other notebooks', () => {
    for (const metadata of [
      undefined,
      null,
      'live',
      {},
      { live: true },
      { live: { ...LIVE, run_id: 1 } }
    ]) {
      expect(liveMark(metadata)).toBeNull();
    }
  });
});
