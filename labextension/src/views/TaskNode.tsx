import { Handle, Position } from '@xyflow/react';
import type { Node, NodeProps } from '@xyflow/react';
import { LOOKS } from '../model/states';
import type { TaskState } from '../model/states';
import { StateMark } from './StateMark';

export type TaskNodeData = {
  taskId: string;
  operator: string;
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
        title={`${data.taskId}\n${data.operator}`}
        onClick={() => data.onOpen()}
      >
        <span className="jp-flow-node-name">{data.taskId}</span>
        <span className="jp-flow-node-line">
          {data.state ? <StateMark state={data.state} /> : <span>{data.operator}</span>}
          <span className="jp-flow-node-detail">{data.detail}</span>
        </span>
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}
