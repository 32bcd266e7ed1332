import { Handle, Position } from '@xyflow/react';
import type { Node, NodeProps } from '@xyflow/react';
import { LOOKS } from '../../model/shared/states';
import type { TaskState } from '../../model/shared/states';
import { StateMark } from '../shared/StateMark';

export type TaskNodeData = {
  taskId: string;
  name: string;
  operator: string;
  isMapped: boolean;
  /** "setup" or "teardown". */
  role: string;
  /** How many instances are in which state; empty for a task that is not mapped. */
  counts: string;
  state: TaskState | null;
  detail: string;
  onOpen(): void;
};

export type TaskGraphNode = Node<TaskNodeData, 'task'>;

/** One task: its name, and its state in the selected run as colour, shape and word. */
export function TaskNode({ data }: NodeProps<TaskGraphNode>): JSX.Element {
  const tone = data.state ? LOOKS[data.state].tone : 'none';
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        className="jp-flow-node nodrag"
        data-task-id={data.taskId}
        data-state={data.state ?? ''}
        data-tone={tone}
        data-mapped={data.isMapped}
        title={[data.name, data.taskId, data.operator, data.role, data.counts]
          .filter((words, index, all) => words && all.indexOf(words) === index)
          .join('\n')}
        onClick={() => data.onOpen()}
      >
        <NodeName name={data.name} />
        <span className="jp-flow-node-line">
          {data.state ? <StateMark state={data.state} /> : <span>{data.operator}</span>}
          {data.role ? <span className="jp-flow-node-role">{data.role}</span> : null}
          <span className="jp-flow-node-detail">{data.detail}</span>
        </span>
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

/** The groups around a task give way first when there is not enough room. */
function NodeName({ name }: { name: string }): JSX.Element {
  const end = name.lastIndexOf('.') + 1;
  return (
    <span className="jp-flow-node-name">
      {end > 0 && end < name.length ? (
        <span className="jp-flow-node-group">{name.slice(0, end)}</span>
      ) : null}
      <span className="jp-flow-node-task">{end < name.length ? name.slice(end) : name}</span>
    </span>
  );
}
