import { describe, expect, it } from 'vitest';
import type { DagTask } from '../../client/documents';
import { task } from '../../testing/fakes';
import { countWords, groupByTask, mappedTasks } from './aggregate';
import type { TaskState } from './states';

const rows = (states: TaskState[]) =>
  states.map((state, map_index) => task('m', state, { map_index }));

describe('instances of a mapped task', () => {
  it.each<[TaskState[], TaskState, number, number]>([
    [['success', 'failed', 'running'], 'failed', 1, 3],
    [['running', 'up_for_retry', 'success'], 'up_for_retry', 1, 3],
    [['queued', 'running', 'running'], 'running', 2, 3],
    [['success', 'waiting', 'scheduled'], 'scheduled', 1, 3],
    [['success', 'skipped'], 'success', 1, 2],
    [['upstream_failed', 'success'], 'upstream_failed', 1, 2],
    [['success', 'success', 'removed'], 'success', 2, 2],
    [['removed', 'removed'], 'removed', 2, 2]
  ])('%j are %s together', (states, state, inState, total) => {
    expect(groupByTask(rows(states))).toMatchObject([{ state, inState, total, isExpanded: true }]);
  });

  it('are kept apart from other tasks, in their order', () => {
    const groups = groupByTask([task('a', 'success'), ...rows(['success', 'failed'])]);
    expect(groups.map(group => [group.taskId, group.instances.length])).toEqual([
      ['a', 1],
      ['m', 2]
    ]);
    expect(groups[0]?.isExpanded).toBe(false);
    expect(countWords(groups[1]!, state => `“${state}”`)).toBe('1 “success”, 1 “failed”');
  });

  it('last from the first start to the last end, and count on while one runs', () => {
    const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}+00:00`;
    const ended = [
      task('m', 'success', { map_index: 0, start_date: at(5), end_date: at(9), duration: 4 }),
      task('m', 'success', { map_index: 1, start_date: at(2), end_date: at(4), duration: 2 })
    ];
    expect(groupByTask(ended)[0]).toMatchObject({
      start_date: at(2),
      end_date: at(9),
      duration: 7
    });
    const running = task('m', 'running', { map_index: 2, start_date: at(3) });
    expect(groupByTask([...ended, running])[0]).toMatchObject({
      start_date: at(2),
      end_date: null
    });
  });
});

describe('mappedTasks', () => {
  it('knows tasks of groups around groups', () => {
    const one = (task_id: string, group: string | null, is_mapped = false) =>
      ({ task_id, group, is_mapped }) as DagTask;
    const group = (group_id: string, parent: string | null, is_mapped: boolean) => ({
      group_id,
      parent,
      is_mapped,
      label: group_id,
      tooltip: null
    });
    const found = mappedTasks(
      [one('a', null), one('b', null, true), one('c', 'out.in'), one('d', 'plain')],
      [group('out', null, true), group('out.in', 'out', false), group('plain', null, false)]
    );
    expect([...found]).toEqual(['b', 'c']);
  });
});
