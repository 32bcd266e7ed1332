import { caretDownEmptyThinIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { MouseEvent } from 'react';
import type { EarlierAttempt } from '../../client/runApi';
import { barOver, barsOf } from '../../model/run/gantt';
import type { Bar, Span } from '../../model/run/gantt';
import { foldedWords } from '../../model/run/taskTree';
import type { TreeRow } from '../../model/run/taskTree';
import { duration, elapsed, reasonText } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** Pixels; the style sheet says the same. */
export const ROW_HEIGHT = 28;

interface Props {
  row: TreeRow;
  /** Place among all rows, from 1. */
  index: number;
  isSelected: boolean;
  isMarked: boolean;
  span: Span | null;
  earlier: EarlierAttempt[];
  now: number;
  onChoose(): void;
  onToggle(): void;
  onMenu(event: MouseEvent): void;
}

/** One task, or a folded group of them, and its bars. */
export function TaskTreeRow(props: Props): JSX.Element {
  const { row, index, isSelected, isMarked, now, onChoose, onToggle } = props;
  const trans = useTrans();
  const task = row.kind === 'task' ? row.tasks[0] : undefined;
  const isFolder = task === undefined;
  const words = isFolder
    ? foldedWords(row, state => trans.__(LOOKS[state].label))
    : task.state === 'success'
      ? ''
      : reasonText(task.reason);
  const Caret = row.isOpen ? caretDownEmptyThinIcon : caretRightIcon;
  const tries = task && task.try_number > 1 ? ` ${task.try_number}/${task.max_tries}` : '';
  return (
    <tr
      id={`jp-flow-row-${row.id}`}
      className="jp-flow-tree-row"
      data-row={row.id}
      data-task-id={task?.task_id}
      data-map-index={task?.map_index}
      data-mapped-task={row.kind === 'mapped' ? row.tasks[0]?.task_id : undefined}
      data-state={row.state}
      data-marked={isMarked}
      aria-rowindex={index}
      aria-level={row.depth + 1}
      aria-selected={isSelected}
      aria-expanded={isFolder ? row.isOpen : undefined}
      onClick={isFolder ? onToggle : onChoose}
      onContextMenu={props.onMenu}
    >
      <td role="gridcell" className="jp-flow-tree-name" style={{ paddingLeft: 8 + 16 * row.depth }}>
        {isFolder ? <Caret.react tag="span" className="jp-flow-caret" /> : null}
        <StateMark state={row.state} bare />{' '}
        <button
          className="jp-flow-link"
          tabIndex={-1}
          title={[task?.task_id ?? row.name, words].filter(Boolean).join('\n')}
          onClick={event => {
            event.stopPropagation();
            (isFolder ? onToggle : onChoose)();
          }}
        >
          {row.name}
        </button>
        {isFolder ? <span className="jp-flow-count">{row.tasks.length}</span> : null}
        <span className="jp-flow-tree-words">{words}</span>
      </td>
      <td role="gridcell" className="jp-flow-tree-time">
        {task ? duration(elapsed(task, now)) : ''}
        {tries ? (
          <span className="jp-flow-faint" title={trans.__('try')}>
            {tries}
          </span>
        ) : null}
      </td>
      <td role="gridcell" className="jp-flow-tree-bars" aria-hidden="true">
        <Bars {...props} />
      </td>
    </tr>
  );
}

function Bars({ row, span, earlier, now }: Props): JSX.Element | null {
  const [task] = row.tasks;
  if (span === null || task === undefined) {
    return null;
  }
  const own = earlier.filter(
    item => item.task_id === task.task_id && item.map_index === task.map_index
  );
  const bars: Bar[] =
    row.kind === 'task' ? barsOf(task, own, span, now) : barOver(row.tasks, row.state, span, now);
  return (
    <div className="jp-flow-bars-room">
      {bars.map((bar, place) => (
        <span
          key={place}
          className="jp-flow-task-bar"
          data-kind={bar.kind}
          data-tone={LOOKS[bar.state].tone}
          data-state={bar.state}
          style={{ left: `${100 * bar.from}%`, width: `${100 * (bar.to - bar.from)}%` }}
        />
      ))}
    </div>
  );
}
