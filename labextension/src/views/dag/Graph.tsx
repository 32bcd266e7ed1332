import { Controls, ReactFlow } from '@xyflow/react';
import type { Edge, FitViewOptions, ReactFlowInstance } from '@xyflow/react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { DagWithTasks, TaskInstance } from '../../client/documents';
import { countWords, groupByTask, mappedTasks } from '../../model/shared/aggregate';
import type { TaskGroup } from '../../model/shared/aggregate';
import { duration, elapsed } from '../../model/shared/format';
import { edgeName, graphOf, leftmost, NODE_HEIGHT, NODE_WIDTH } from '../../model/dag/graphLayout';
import type { Positions } from '../../model/dag/graphLayout';
import type { LayoutService } from '../../model/dag/layoutService';
import { LOOKS } from '../../model/shared/states';
import { useNow, useTrans } from '../shared/hooks';
import { TaskNode } from './TaskNode';
import type { TaskGraphNode } from './TaskNode';

interface Props {
  dag: DagWithTasks;
  instances: TaskInstance[];
  layouts: LayoutService;
  onOpen: ((taskId: string) => void) | null;
}

const NODE_TYPES = { task: TaskNode };
const FIT = { padding: 0.12, maxZoom: 1.1 };
/** Larger graphs open at their beginning: as a whole they would be a hairline, and slow to draw. */
const LARGE = 150;
const AT_FIRST = 60;
const READABLE = 0.45;
const LABEL = { labelBgPadding: [4, 2] as [number, number], labelBgBorderRadius: 3 };

export function Graph({ dag, instances, layouts, onOpen }: Props): JSX.Element {
  const trans = useTrans();
  const { tasks } = dag;
  const graph = useMemo(() => graphOf(tasks, dag.labels), [tasks, dag.labels]);
  const mapped = useMemo(() => mappedTasks(tasks, dag.groups), [tasks, dag.groups]);
  const groups = useMemo(() => groupByTask(instances), [instances]);
  const [placed, setPlaced] = useState<{ drawing: string; positions: Positions } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const key = `${dag.dag_id}/${dag.version}/${graph.nodes.length}/${graph.edges.length}`;
  useEffect(() => {
    let isWanted = true;
    layouts.place(key, graph).then(
      positions => isWanted && setPlaced({ drawing: key, positions }),
      error => isWanted && setFailure(String(error))
    );
    return () => {
      isWanted = false;
    };
  }, [key, graph, layouts]);
  const start = useMemo(
    () => (placed && tasks.length > LARGE ? startOf(placed.positions) : FIT),
    [placed, tasks.length]
  );
  const { room, onInit, onMoveStart } = useRefit(start);
  const isBusy = instances.some(instance => instance.state === 'running');
  const now = useNow(isBusy ? 1 : 0);
  if (failure) {
    return (
      <p className="jp-flow-message">{trans.__('The graph could not be drawn: %1', failure)}</p>
    );
  }
  if (placed?.drawing !== key) {
    return <p className="jp-flow-faint">{trans.__('Drawing …')}</p>;
  }
  const byTask = new Map(groups.map(group => [group.taskId, group]));
  const word = (state: keyof typeof LOOKS) => trans.__(LOOKS[state].label);
  const nodes: TaskGraphNode[] = tasks.map(task => {
    const group = byTask.get(task.task_id);
    return {
      id: task.task_id,
      type: 'task',
      position: placed.positions[task.task_id] ?? { x: 0, y: 0 },
      width: NODE_WIDTH,
      height: NODE_HEIGHT,
      data: {
        taskId: task.task_id,
        name: task.task_display_name,
        operator: task.operator,
        isMapped: mapped.has(task.task_id),
        role: task.is_setup ? trans.__('setup') : task.is_teardown ? trans.__('teardown') : '',
        counts: group?.isExpanded ? countWords(group, word) : '',
        state: group?.state ?? null,
        detail: group ? detail(group, now) : '',
        onOpen: () => onOpen?.(task.task_id)
      }
    };
  });
  const edges: Edge[] = graph.edges.map(([source, target]) => ({
    id: edgeName(source, target),
    source,
    target,
    focusable: false,
    ...labelOf(graph.labels?.[edgeName(source, target)])
  }));
  return (
    <div className="jp-flow-graph" ref={room} role="group" aria-label={trans.__('Graph of tasks')}>
      <ReactFlow
        key={key}
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements={tasks.length > LARGE}
        proOptions={{ hideAttribution: false }}
        onInit={onInit}
        onMoveStart={onMoveStart}
        minZoom={0.05}
        fitView
        fitViewOptions={start}
      >
        <Controls showInteractive={false} fitViewOptions={FIT} />
      </ReactFlow>
    </div>
  );
}

/** Room for the first layers. */
function startOf(positions: Positions): FitViewOptions<TaskGraphNode> {
  return { ...FIT, minZoom: READABLE, nodes: leftmost(positions, AT_FIRST).map(id => ({ id })) };
}

function labelOf(label: string | undefined): Partial<Edge> {
  return label ? { label, ...LABEL } : {};
}

/** "2 / 5 · 12 s": so many of all instances are in the state that is shown. */
function detail(group: TaskGroup, now: number): string {
  const count = group.isExpanded ? `${group.inState} / ${group.total}` : '';
  return [count, duration(elapsed(group, now))].filter(Boolean).join(' · ');
}

interface Refit {
  room: (node: HTMLDivElement | null) => void;
  onInit: (flow: ReactFlowInstance<TaskGraphNode>) => void;
  onMoveStart: (event: MouseEvent | TouchEvent | null) => void;
}

/** Fit the graph again when its room changes its size, until the user has moved it. */
function useRefit(start: FitViewOptions<TaskGraphNode>): Refit {
  const flow = useRef<ReactFlowInstance<TaskGraphNode> | null>(null);
  const isMoved = useRef(false);
  const wanted = useRef(start);
  wanted.current = start;
  return useMemo(() => {
    const observer = new ResizeObserver(() => {
      if (!isMoved.current) {
        void flow.current?.fitView(wanted.current);
      }
    });
    return {
      room: node => {
        observer.disconnect();
        if (node) {
          observer.observe(node);
        }
      },
      onInit: instance => {
        flow.current = instance;
      },
      onMoveStart: event => {
        isMoved.current ||= event !== null; // null: it was us
      }
    };
  }, []);
}
