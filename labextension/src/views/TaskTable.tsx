import type { TaskInstance } from '../client/documents';
import { duration, elapsed } from '../model/format';
import type { TaskKey } from '../tokens';
import { useTrans } from './hooks';
import { StateMark } from './StateMark';

interface Props {
  tasks: TaskInstance[];
  selected: TaskKey | null;
  now: number;
  onSelect(task: TaskInstance): void;
}

export function TaskTable({ tasks, selected, now, onSelect }: Props): JSX.Element {
  const trans = useTrans();
  return (
    <table className="jp-flow-table jp-flow-tasks" aria-label={trans.__('Tasks')}>
      <thead>
        <tr>
          <th scope="col">{trans.__('State')}</th>
          <th scope="col">{trans.__('Task')}</th>
          <th scope="col">{trans.__('Duration')}</th>
          <th scope="col">{trans.__('Try')}</th>
        </tr>
      </thead>
      <tbody>
        {tasks.map(task => {
          const isSelected =
            task.task_id === selected?.task_id && task.map_index === selected.map_index;
          const why = task.reason && task.state !== 'success' ? task.reason.text : '';
          return (
            <tr
              key={`${task.task_id}/${task.map_index}`}
              data-task-id={task.task_id}
              data-state={task.state}
              aria-selected={isSelected}
              onClick={() => onSelect(task)}
            >
              <td>
                <StateMark state={task.state} />
              </td>
              <td>
                <button className="jp-flow-link" onClick={() => onSelect(task)}>
                  {task.task_id}
                  {task.map_index >= 0 ? `[${task.map_index}]` : ''}
                </button>
                {why ? <div className="jp-flow-why">{why}</div> : null}
              </td>
              <td>{duration(elapsed(task, now))}</td>
              <td>{task.try_number > 0 ? `${task.try_number}/${task.max_tries}` : ''}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
