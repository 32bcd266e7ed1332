import { Controls, ReactFlow } from '@xyflow/react';
import type { Edge, ReactFlowInstance } from '@xyflow/react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { DagTask, TaskInstance } from '../client/documents';
import { duration, elapsed } from '../model/format';
import { graphOf, NODE_HEIGHT, NODE_WIDTH } from '../model/graphLayout';
import type { Positions } from '../model/graphLayout';
import type { LayoutService } from '../model/layoutService';
import { useNow, useTrans } from './hooks';
import { TaskNode } from './TaskNode';
import type { TaskGraphNode } from './TaskNode';

interface Props {
  /** Names the drawing: DAG id and version. */
  drawing: string;
  tasks: DagTask[];
  instances: TaskInstance[];
  layouts: LayoutService;
  onOpen: ((taskId: string) => void) | null;
}

const NODE_TYPES = { task: TaskNode };
const FIT = { padding: 0.12, maxZoom: 1.1 };

export function Graph({ drawing, tasks, instances, layouts, onOpen }: Props): JSX.Element {
  const trans = useTrans();
  const graph = useMemo(() => graphOf(tasks), [tasks]);
  const [placed, setPlaced] = useState<{ drawing: string; positions: Positions } | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const key = `${drawing}/${graph.nodes.length}/${graph.edges.length}`;
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
  const { room, onInit, onMoveStart } = useRefit();
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
  const byTask = new Map(instances.map(instance => [instance.task_id, instance]));
  const nodes: TaskGraphNode[] = tasks.map(task => {
    const instance = byTask.get(task.task_id);
    return {
      id: task.task_id,
      type: 'task',
      position: placed.positions[task.task_id] ?? { x: 0, y: 0 },
      width: NODE_WIDTH,
      height: NODE_HEIGHT,
      data: {
        taskId: task.task_id,
        operator: task.operator,
        state: instance?.state ?? null,
        detail: instance ? duration(elapsed(instance, now)) : '',
        onOpen: () => onOpen?.(task.task_id)
      }
    };
  });
  const edges: Edge[] = graph.edges.map(([source, target]) => ({
    id: `${source}→${target}`,
    source,
    target,
    focusable: false
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
        onlyRenderVisibleElements={tasks.length > 150}
        proOptions={{ hideAttribution: false }}
        onInit={onInit}
        onMoveStart={onMoveStart}
        minZoom={0.05}
        fitView
        fitViewOptions={FIT}
      >
        <Controls showInteractive={false} fitViewOptions={FIT} />
      </ReactFlow>
    </div>
  );
}

interface Refit {
  room: (node: HTMLDivElement | null) => void;
  onInit: (flow: ReactFlowInstance<TaskGraphNode>) => void;
  onMoveStart: (event: MouseEvent | TouchEvent | null) => void;
}

/** Fit the graph again when its room changes its size, until the user has moved it. */
function useRefit(): Refit {
  const flow = useRef<ReactFlowInstance<TaskGraphNode> | null>(null);
  const isMoved = useRef(false);
  return useMemo(() => {
    const observer = new ResizeObserver(() => {
      if (!isMoved.current) {
        void flow.current?.fitView(FIT);
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
