import { caretDownEmptyThinIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { useState } from 'react';
import type { TaskInstance } from '../../client/documents';
import { countWords, groupByTask } from '../../model/shared/aggregate';
import type { TaskGroup } from '../../model/shared/aggregate';
import { duration, elapsed, reasonText } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import type { TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  tasks: TaskInstance[];
  selected: TaskKey | null;
  now: number;
  onSelect(task: TaskInstance): void;
}

/** A mapped task with more instances than this is shown as one row until it is opened. */
const FEW = 12;

export function TaskTable({ tasks, selected, now, onSelect }: Props): JSX.Element {
  const trans = useTrans();
  const [toggled, setToggled] = useState<Record<string, boolean>>({});
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
        {groupByTask(tasks).flatMap(group => {
          const isOpen = toggled[group.taskId] ?? group.instances.length <= FEW;
          const rows = (isOpen || !group.isExpanded ? group.instances : []).map(task => (
            <InstanceRow
              key={`${task.task_id}/${task.map_index}`}
              task={task}
              isSelected={
                task.task_id === selected?.task_id && task.map_index === selected.map_index
              }
              now={now}
              onSelect={onSelect}
            />
          ));
          if (!group.isExpanded) {
            return rows;
          }
          const toggle = () => setToggled({ ...toggled, [group.taskId]: !isOpen });
          return [
            <GroupRow
              key={group.taskId}
              group={group}
              isOpen={isOpen}
              now={now}
              onToggle={toggle}
            />,
            ...rows
          ];
        })}
      </tbody>
    </table>
  );
}

interface GroupRowProps {
  group: TaskGroup;
  isOpen: boolean;
  now: number;
  onToggle(): void;
}

/** All instances of a mapped task. */
function GroupRow({ group, isOpen, now, onToggle }: GroupRowProps): JSX.Element {
  const trans = useTrans();
  const Caret = isOpen ? caretDownEmptyThinIcon : caretRightIcon;
  return (
    <tr className="jp-flow-mapped" data-mapped-task={group.taskId} onClick={onToggle}>
      <td>
        <StateMark state={group.state} />
      </td>
      <td>
        <button
          className="jp-flow-link"
          aria-expanded={isOpen}
          title={group.taskId}
          onClick={event => {
            event.stopPropagation();
            onToggle();
          }}
        >
          <Caret.react tag="span" className="jp-flow-caret" />
          {group.name} <span className="jp-flow-count">{group.instances.length}</span>
        </button>
        <div className="jp-flow-why">
          {countWords(group, state => trans.__(LOOKS[state].label))}
        </div>
      </td>
      <td>{duration(elapsed(group, now))}</td>
      <td />
    </tr>
  );
}

interface InstanceRowProps {
  task: TaskInstance;
  isSelected: boolean;
  now: number;
  onSelect(task: TaskInstance): void;
}

function InstanceRow({ task, isSelected, now, onSelect }: InstanceRowProps): JSX.Element {
  const isMapped = task.map_index >= 0;
  const why = task.state === 'success' ? '' : reasonText(task.reason);
  return (
    <tr
      data-task-id={task.task_id}
      data-map-index={task.map_index}
      data-state={task.state}
      aria-selected={isSelected}
      onClick={() => onSelect(task)}
    >
      <td>
        <StateMark state={task.state} />
      </td>
      <td className={isMapped ? 'jp-flow-instance' : ''}>
        <button className="jp-flow-link" title={task.task_id} onClick={() => onSelect(task)}>
          {isMapped ? `[${task.map_index}] ${task.label ?? ''}` : task.task_display_name}
        </button>
        {why ? <div className="jp-flow-why">{why}</div> : null}
      </td>
      <td>{duration(elapsed(task, now))}</td>
      <td>{task.try_number > 0 ? `${task.try_number}/${task.max_tries}` : ''}</td>
    </tr>
  );
}
