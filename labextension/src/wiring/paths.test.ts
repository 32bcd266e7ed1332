import { describe, expect, it } from 'vitest';
import { beneathRoot, fromLocalPath, toPath } from './paths';

describe('paths of executed notebooks', () => {
  it.each([
    ['mini', 'scheduled__2026-01-01T00:00:00+00:00', 'fit', -1, 2],
    ['a.b~c:d@e', 'manual__x', 't-1', 3, null]
  ])('%s/%s come back as they were', (dag_id, run_id, task_id, map_index, attempt) => {
    const place = { key: { dag_id, run_id, task_id, map_index }, attempt };
    const path = toPath(place, 'a book.ipynb');
    expect(path.startsWith('flow:')).toBe(true);
    expect(fromLocalPath(path.slice('flow:'.length))).toEqual(place);
  });

  it.each(['', 'a/b.ipynb', 'a/b/c/x/y/z.ipynb'])('%s is refused', path => {
    expect(() => fromLocalPath(path)).toThrow('names no executed notebook');
  });
});

describe('paths of the server', () => {
  it.each([
    ['/home/ann/desk', 'dags/a.py'],
    ['/', 'home/ann/desk/dags/a.py'],
    ['/home/ann/des', '/home/ann/desk/dags/a.py'],
    ['', '/home/ann/desk/dags/a.py']
  ])('beneath %s', (root, path) => {
    expect(beneathRoot('/home/ann/desk/dags/a.py', root)).toBe(path);
  });
});
