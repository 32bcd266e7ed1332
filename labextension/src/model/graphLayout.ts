/** Where the tasks of a DAG stand. Pure: the same code runs in the page and in the worker. */
import { Graph, layout } from '@dagrejs/dagre';

export const NODE_WIDTH = 190;
export const NODE_HEIGHT = 46;

export interface GraphInput {
  nodes: string[];
  edges: [string, string][];
}

export interface Position {
  x: number;
  y: number;
}

export type Positions = Record<string, Position>;

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
    drawing.setEdge(from, to);
  }
  layout(drawing);
  const positions: Positions = {};
  for (const node of graph.nodes) {
    const { x, y } = drawing.node(node) as Position;
    positions[node] = { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  }
  return positions;
}

/** The graph of a DAG's tasks; upstream ids that are no task are left out. */
export function graphOf(tasks: { task_id: string; upstream: string[] }[]): GraphInput {
  const nodes = tasks.map(task => task.task_id);
  const known = new Set(nodes);
  const edges = tasks.flatMap(task =>
    task.upstream
      .filter(upstream => known.has(upstream))
      .map((upstream): [string, string] => [upstream, task.task_id])
  );
  return { nodes, edges };
}
