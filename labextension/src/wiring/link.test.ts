import { describe, expect, it } from 'vitest';
import { linkedPage, logQuery } from './link';

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

  it('name a line of a log', () => {
    const key = { dag_id: 'a b', run_id: 'r+1', task_id: 'load', map_index: 3 };
    expect(linkedPage(logQuery(key, 2, 120))).toEqual({ ...key, attempt: 2, line: 120 });
    const short = '?flow-dag=d&flow-run=r&flow-task=t&flow-line=';
    const task = { dag_id: 'd', run_id: 'r', task_id: 't' };
    expect(linkedPage(`${short}7`)).toEqual({ ...task, map_index: -1, line: 7 });
    expect(linkedPage(`${short}1e9`)).toEqual(task);
  });

  it.each(['', '?flow-run=r', '?flow-dag=&flow-run=r'])('%s names none', query => {
    expect(linkedPage(query)).toBeNull();
  });
});
