import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi } from '../../client/api';
import { FilesApi } from '../../client/filesApi';
import { dag } from '../../testing/fakes';
import { AddTasksModel, NewDagModel } from './draftModel';

const draft = {
  dag_id: 'a',
  folder: '/dags',
  name: 'a.py',
  text: 'text',
  before: null,
  replaces: null
};

describe('a draft', () => {
  const asked: string[] = [];
  let isSaved = true;
  const send = (method: string, path: string): Promise<unknown> => {
    asked.push(`${method} ${path}`);
    if (path.startsWith('dags/') && !path.includes('/draft')) {
      return Promise.resolve(dag('etl', {}));
    }
    return Promise.resolve(
      method === 'GET' ? draft : { is_good: isSaved, is_saved: isSaved, dag_ids: [], problems: [] }
    );
  };

  beforeEach(() => {
    vi.useFakeTimers();
    asked.length = 0;
    isSaved = true;
  });
  afterEach(() => vi.useRealTimers());

  it('follows what is chosen, and asks once while somebody types', async () => {
    const model = new NewDagModel(new FilesApi(send), ['x/a.ipynb', 'b.ipynb'], '@daily');
    await vi.runAllTimersAsync();
    ['n', 'ne', 'new'].forEach(id => (model.dagId = id));
    await vi.runAllTimersAsync();
    expect(asked).toEqual([
      'GET dag-draft?path=x%2Fa.ipynb&path=b.ipynb&chain=true&schedule=%40daily',
      'GET dag-draft?path=x%2Fa.ipynb&path=b.ipynb&chain=true&dag_id=new&schedule=%40daily'
    ]);
    model.dispose();
  });

  it('has an order that can be changed', () => {
    const model = new NewDagModel(new FilesApi(send), ['a', 'b', 'c'], '');
    model.move(2, 1);
    expect(model.paths).toEqual(['a', 'c', 'b']);
    model.move(0, 2);
    expect(model.paths).toEqual(['c', 'b', 'a']);
    model.move(0, -1);
    model.move(2, 3);
    expect(model.paths).toEqual(['c', 'b', 'a']);
    model.dispose();
  });

  it('is saved as it is chosen then, or says what is wrong', async () => {
    const model = new NewDagModel(new FilesApi(send), ['a.ipynb'], '');
    expect(await model.save()).toEqual(draft);
    expect(asked.at(-1)).toBe('POST dag-files/a.py?folder=%2Fdags');
    isSaved = false;
    expect(await model.save()).toBeNull();
    expect(model.verdict?.is_good).toBe(false);
    model.isChain = false;
    expect(model.verdict).toBeNull();
    model.dispose();
  });

  it('of tasks goes to the chosen DAG', async () => {
    const ids = ['etl', 'other'];
    const model = new AddTasksModel(new FlowApi(send), new FilesApi(send), ['a.ipynb'], ids);
    await vi.runAllTimersAsync();
    model.dagId = 'other';
    model.after = 'load';
    await vi.runAllTimersAsync();
    expect(asked.at(-1)).toBe('GET dags/other/draft?path=a.ipynb&after=load');
    model.dispose();
  });
});
