/** The tasks of a run as rows of a tree: task groups, mapped tasks and their instances, folded or not. */
import type { DagTask, Group, TaskInstance } from '../../client/documents';
import { countWords, groupByTask, heaviest } from '../shared/aggregate';
import type { TaskGroup } from '../shared/aggregate';
import type { TaskState } from '../shared/states';

export interface TreeRow {
  id: string;
  kind: 'group' | 'mapped' | 'task';
  depth: number;
  name: string;
  state: TaskState;
  /** Instances in it; those that its bar is drawn for. */
  tasks: TaskInstance[];
  isOpen: boolean;
}

export interface TreeChoice {
  /** What was opened or folded by hand, by row id. */
  toggled: Readonly<Record<string, boolean>>;
  /** Show only what failed, waits to be tried again, or runs. */
  onlyTroubled: boolean;
}

/** A mapped task with more instances than this, and a group in a run with more tasks, are folded at first. */
const FEW_INSTANCES = 12;
const FEW_TASKS = 40;
const TROUBLED = new Set<TaskState>(['failed', 'running', 'queued', 'up_for_retry', 'cancelled']);

interface Node {
  group: Group | null;
  children: (Node | TaskGroup)[];
}

export function treeRows(
  tasks: TaskInstance[],
  dagTasks: DagTask[],
  groups: Group[],
  choice: TreeChoice
): TreeRow[] {
  const shown = choice.onlyTroubled ? tasks.filter(task => TROUBLED.has(task.state)) : tasks;
  const groupOf = new Map(dagTasks.map(task => [task.task_id, task.group]));
  const byId = new Map(groups.map(group => [group.group_id, group]));
  const nodes = new Map<string, Node>();
  const root: Node = { group: null, children: [] };
  const nodeOf = (groupId: string | null): Node => {
    const group = groupId === null ? undefined : byId.get(groupId);
    if (group === undefined) {
      return root;
    }
    let node = nodes.get(group.group_id);
    if (node === undefined) {
      node = { group, children: [] };
      nodes.set(group.group_id, node);
      nodeOf(group.parent).children.push(node);
    }
    return node;
  };
  const grouped = groupByTask(shown);
  for (const task of grouped) {
    nodeOf(groupOf.get(task.taskId) ?? null).children.push(task);
  }
  const isSmall = grouped.length <= FEW_TASKS || choice.onlyTroubled;
  const rows: TreeRow[] = [];
  const walk = (node: Node, depth: number): void => {
    for (const child of node.children) {
      if (!('children' in child)) {
        addTask(rows, child, depth, node.group, choice);
        continue;
      }
      const group = child.group as Group;
      const id = `group:${group.group_id}`;
      const isOpen = choice.toggled[id] ?? isSmall;
      const inside = instancesIn(child);
      rows.push({
        id,
        kind: 'group',
        depth,
        name: group.label,
        state: heaviest(inside.map(task => task.state)),
        tasks: inside,
        isOpen
      });
      if (isOpen) {
        walk(child, depth + 1);
      }
    }
  };
  walk(root, 0);
  return rows;
}

/** Words beside a folded row: "3 success, 1 failed". */
export function foldedWords(row: TreeRow, word: (state: TaskState) => string): string {
  return countWords({ instances: row.tasks }, word);
}

function addTask(
  rows: TreeRow[],
  task: TaskGroup,
  depth: number,
  around: Group | null,
  choice: TreeChoice
): void {
  const name = withoutGroup(task.name, around);
  if (!task.isExpanded) {
    for (const instance of task.instances) {
      rows.push(taskRow(instance, depth, name));
    }
    return;
  }
  const id = `mapped:${task.taskId}`;
  const isOpen = choice.toggled[id] ?? task.instances.length <= FEW_INSTANCES;
  const { state, instances } = task;
  rows.push({ id, kind: 'mapped', depth, name, state, tasks: instances, isOpen });
  if (isOpen) {
    for (const instance of instances) {
      const label = `[${instance.map_index}] ${instance.label ?? ''}`.trim();
      rows.push(taskRow(instance, depth + 1, label));
    }
  }
}

function taskRow(task: TaskInstance, depth: number, name: string): TreeRow {
  return {
    id: rowId(task),
    kind: 'task',
    depth,
    name,
    state: task.state,
    tasks: [task],
    isOpen: false
  };
}

export function rowId(task: { task_id: string; map_index: number }): string {
  return `task:${task.task_id}:${task.map_index}`;
}

function instancesIn(node: Node): TaskInstance[] {
  return node.children.flatMap(child =>
    'children' in child ? instancesIn(child) : child.instances
  );
}

/** Inside of its group a task is known by the rest of its name. */
function withoutGroup(name: string, group: Group | null): string {
  const prefix = group === null ? '' : `${group.group_id}.`;
  return prefix && name.startsWith(prefix) ? name.slice(prefix.length) : name;
}
