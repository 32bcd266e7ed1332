import { describe, expect, it } from 'vitest';
import { linkedPage } from './link';

describe('links of mails', () => {
  it('name a run, and a task if they want', () => {
    const run_id = 'scheduled__2026-01-01T00:00:00+00:00';
    const query = `?reset&flow-dag=etl&flow-run=${encodeURIComponent(run_id)}`;
    expect(linkedPage(query)).toEqual({ dag_id: 'etl', run_id });
    expect(linkedPage(`${query}&flow-task=load`)).toEqual({
      dag_id: 'etl',
      run_id,
      task_id: 'load'
    });
  });

  it('name a DAG, and one of its views if they want', () => {
    expect(linkedPage('?flow-dag=etl')).toEqual({ dag_id: 'etl' });
    expect(linkedPage('?flow-dag=etl&flow-tab=grid')).toEqual({ dag_id: 'etl', tab: 'grid' });
  });

  it.each(['', '?flow-run=r', '?flow-dag=&flow-run=r'])('%s names none', query => {
    expect(linkedPage(query)).toBeNull();
  });
});
