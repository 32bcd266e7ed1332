/** Where the tasks of a DAG stand. Pure: the same code runs in the page and in the worker. */
import { Graph, layout } from '@dagrejs/dagre';
import type { EdgeLabel } from '../../client/documents';

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 46;

export interface GraphInput {
  nodes: string[];
  edges: [string, string][];
  /** Texts on edges, by {@link edgeName}. */
  labels?: Record<string, string>;
}

export interface Position {
  x: number;
  y: number;
}

export type Positions = Record<string, Position>;

const LABEL_HEIGHT = 16;
const LETTER = 6.5;

/** Names an edge; task ids have no arrows in them. */
export function edgeName(from: string, to: string): string {
  return `${from}→${to}`;
}

/** Return the top left corner of every node, left to right. */
export function place(graph: GraphInput): Positions {
  const drawing = new Graph();
  // The default ranker takes 16 s for 1,000 layered nodes, this one about 1 s.
  drawing.setGraph({ rankdir: 'LR', ranker: 'tight-tree', nodesep: 22, ranksep: 56 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    drawing.setNode(node, { width: NODE_WIDTH, height: NODE_HEIGHT });
  }
  for (const [from, to] of graph.edges) {
    const label = graph.labels?.[edgeName(from, to)];
    const room = label && { width: label.length * LETTER, height: LABEL_HEIGHT, labelpos: 'c' };
    drawing.setEdge(from, to, room || {});
  }
  layout(drawing);
  const positions: Positions = {};
  for (const node of graph.nodes) {
    const { x, y } = drawing.node(node) as Position;
    positions[node] = { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  }
  return positions;
}

/** The graph of a DAG's tasks: each task and edge once; upstream ids that are no task are left out. */
export function graphOf(
  tasks: { task_id: string; upstream: string[] }[],
  labels: EdgeLabel[] = []
): GraphInput {
  const known = new Set(tasks.map(task => task.task_id));
  const edges = new Map<string, [string, string]>();
  for (const task of tasks) {
    for (const upstream of task.upstream.filter(name => known.has(name))) {
      edges.set(edgeName(upstream, task.task_id), [upstream, task.task_id]);
    }
  }
  const texts = labels.map(item => [edgeName(item.upstream, item.downstream), item.label] as const);
  return { nodes: [...known], edges: [...edges.values()], labels: Object.fromEntries(texts) };
}

/** Ids of the `count` nodes that stand at the left. */
export function leftmost(positions: Positions, count: number): string[] {
  return Object.entries(positions)
    .sort(([, one], [, other]) => one.x - other.x || one.y - other.y)
    .slice(0, count)
    .map(([id]) => id);
}
