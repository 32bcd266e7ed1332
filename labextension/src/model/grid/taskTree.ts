/** Tasks and their groups as the rows of a tree. */
import type { DagTask, Group } from '../../client/documents';

export interface TreeRow {
  kind: 'task' | 'group';
  id: string;
  label: string;
  depth: number;
  /** The task itself, or all tasks of the group and of the groups in it. */
  taskIds: string[];
  isMapped: boolean;
  /** Groups only: whether its rows are shown. */
  isOpen: boolean;
  hint: string;
}

type Node = { task: DagTask } | { group: Group; children: Node[] };

/** Rows in the order of the tasks, each group where its first task is. `extra` are tasks that the DAG has no more. */
export function treeRows(
  tasks: DagTask[],
  groups: Group[],
  folded: ReadonlySet<string>,
  extra: string[] = []
): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (nodes: Node[], depth: number): void => {
    for (const node of nodes) {
      if ('task' in node) {
        rows.push(taskRow(node.task, depth));
      } else {
        const isOpen = !folded.has(node.group.group_id);
        rows.push(groupRow(node, depth, isOpen));
        if (isOpen) {
          walk(node.children, depth + 1);
        }
      }
    }
  };
  walk(forest(tasks, groups), 0);
  return [...rows, ...extra.map(goneRow)];
}

/** The rows whose label or id has `words` in it, with the groups around them. */
export function findRows(rows: TreeRow[], words: string): TreeRow[] {
  const wanted = words.trim().toLowerCase();
  if (!wanted) {
    return rows;
  }
  const hits = new Set(
    rows
      .filter(row => row.kind === 'task' && `${row.id} ${row.label}`.toLowerCase().includes(wanted))
      .map(row => row.id)
  );
  return rows.filter(row => row.taskIds.some(id => hits.has(id)));
}

function forest(tasks: DagTask[], groups: Group[]): Node[] {
  const top: Node[] = [];
  const known = new Map(groups.map(group => [group.group_id, group]));
  const made = new Map<string, Node[]>();
  const childrenOf = (groupId: string | null): Node[] => {
    const group = groupId === null ? undefined : known.get(groupId);
    if (group === undefined) {
      return top;
    }
    let children = made.get(group.group_id);
    if (children === undefined) {
      children = [];
      made.set(group.group_id, children);
      childrenOf(group.parent).push({ group, children });
    }
    return children;
  };
  for (const task of tasks) {
    childrenOf(task.group).push({ task });
  }
  return top;
}

function taskRow(task: DagTask, depth: number): TreeRow {
  const { task_id: id, task_display_name: name, group } = task;
  const label =
    group !== null && name.startsWith(`${group}.`) ? name.slice(group.length + 1) : name;
  return {
    kind: 'task',
    id,
    label,
    depth,
    taskIds: [id],
    isMapped: task.is_mapped,
    isOpen: false,
    hint: [id, task.operator].join('\n')
  };
}

function groupRow(
  node: { group: Group; children: Node[] },
  depth: number,
  isOpen: boolean
): TreeRow {
  const { group } = node;
  return {
    kind: 'group',
    id: group.group_id,
    label: group.label,
    depth,
    taskIds: tasksOf(node.children),
    isMapped: group.is_mapped,
    isOpen,
    hint: [group.group_id, group.tooltip].filter(Boolean).join('\n')
  };
}

function tasksOf(nodes: Node[]): string[] {
  return nodes.flatMap(node => ('task' in node ? [node.task.task_id] : tasksOf(node.children)));
}

function goneRow(id: string): TreeRow {
  const shared = { depth: 0, taskIds: [id], isMapped: false, isOpen: false, hint: id };
  return { kind: 'task', id, label: id, ...shared };
}
