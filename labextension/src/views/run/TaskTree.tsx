import { useLayoutEffect, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent } from 'react';
import type { Group, DagTask, RunWithTasks, TaskInstance } from '../../client/documents';
import type { EarlierAttempt } from '../../client/runApi';
import { spanOf } from '../../model/run/gantt';
import { rowId, treeRows } from '../../model/run/taskTree';
import type { TreeRow } from '../../model/run/taskTree';
import { windowOf } from '../../model/shared/rowWindow';
import { hasEnded } from '../../model/shared/states';
import type { TaskKey } from '../../tokens';
import { useNow, useTrans } from '../shared/hooks';
import { reveal, STEP, useSeen } from '../shared/windowed';
import type { Seen } from '../shared/windowed';
import { ROW_HEIGHT, TaskTreeRow } from './TaskTreeRow';

interface Props {
  run: RunWithTasks;
  dagTasks: DagTask[];
  groups: Group[];
  earlier: EarlierAttempt[];
  selected: TaskKey | null;
  onSelect(task: TaskInstance): void;
  onMenu(task: TaskInstance, x: number, y: number): void;
  onKey(key: string, task: TaskInstance): boolean;
}

/** The tasks of a run as a tree, with bars on the run's time axis. Only rows that are seen are drawn. */
export function TaskTree(props: Props): JSX.Element {
  const { run, dagTasks, groups, earlier, selected, onSelect } = props;
  const trans = useTrans();
  const now = useNow(hasEnded(run.state) ? 0 : 1);
  const [toggled, setToggled] = useState<Record<string, boolean>>({});
  const [onlyTroubled, setOnlyTroubled] = useState(false);
  const rows = treeRows(run.tasks, dagTasks, groups, { toggled, onlyTroubled });
  const span = spanOf(run.tasks, earlier, now);
  const [room, setRoom] = useState<HTMLDivElement | null>(null);
  const [list, setList] = useState<HTMLTableElement | null>(null);
  const seen = useSeen(room, list);
  const { from, to } = windowOf(seen.top, seen.height, ROW_HEIGHT, rows.length);
  const chosen = selected === null ? '' : rowId(selected);
  const [marked, setMarked] = useState<string | null>(null);
  const current = marked !== null && rows.some(row => row.id === marked) ? marked : chosen;
  const show = (place: number) => reveal(room, list, place * ROW_HEIGHT, (place + 1) * ROW_HEIGHT);
  const at = rows.findIndex(row => row.id === current);
  useKeptInSight(current, at, seen, show);
  const toggle = (row: TreeRow) => setToggled({ ...toggled, [row.id]: !row.isOpen });
  const choose = (row: TreeRow) => {
    setMarked(row.id);
    const [task] = row.tasks;
    if (row.kind === 'task' && task) {
      onSelect(task);
    }
  };
  const go = (place: number) => {
    const goal = Math.min(rows.length - 1, Math.max(0, place));
    const row = rows[goal];
    if (row) {
      choose(row);
      show(goal);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[at];
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      Home: 0,
      End: rows.length - 1
    };
    const place = moves[event.key];
    if (place !== undefined) {
      go(place);
    } else if (row && row.kind !== 'task' && ['Enter', ' '].includes(event.key)) {
      toggle(row);
    } else if (
      row &&
      row.kind !== 'task' &&
      event.key === (row.isOpen ? 'ArrowLeft' : 'ArrowRight')
    ) {
      toggle(row);
    } else if (row && event.key === 'ArrowLeft') {
      const above = rows.reduce(
        (found, other, place) => (place < at && other.depth < row.depth ? place : found),
        -1
      );
      go(above < 0 ? at : above);
    } else if (!row || row.kind !== 'task' || !keyed(event, row)) {
      return;
    }
    event.preventDefault();
  };
  const keyed = (event: KeyboardEvent, row: TreeRow): boolean => {
    const task = row.tasks[0] as TaskInstance;
    if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      const box = room?.querySelector(`[data-row="${CSS.escape(row.id)}"]`);
      const at = box?.getBoundingClientRect();
      props.onMenu(task, (at?.left ?? 0) + 40, at?.bottom ?? 0);
      return true;
    }
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    return isPlain && props.onKey(event.key, task);
  };
  return (
    <div className="jp-flow-tree-page">
      <div className="jp-flow-tree-bar">
        <label className="jp-flow-tree-filter">
          <input
            type="checkbox"
            checked={onlyTroubled}
            onChange={event => setOnlyTroubled(event.target.checked)}
          />
          {trans.__('Only failed or running')}
        </label>
        <span className="jp-flow-space" />
        <span className="jp-flow-faint">{trans.__('%1 tasks', run.tasks.length)}</span>
      </div>
      <div className="jp-flow-tree" ref={setRoom}>
        <table
          className="jp-flow-tree-table"
          role="treegrid"
          ref={setList}
          aria-label={trans.__('Tasks')}
          aria-rowcount={rows.length}
          aria-activedescendant={current ? `jp-flow-row-${current}` : undefined}
          tabIndex={0}
          onKeyDown={onKeyDown}
        >
          <tbody>
            <tr aria-hidden="true" style={{ height: from * ROW_HEIGHT }} />
            {rows.slice(from, to).map((row, place) => (
              <TaskTreeRow
                key={row.id}
                row={row}
                index={from + place + 1}
                isSelected={row.id === chosen}
                isMarked={row.id === current}
                span={span}
                earlier={earlier}
                now={now}
                onChoose={() => choose(row)}
                onToggle={() => toggle(row)}
                onMenu={(event: MouseEvent) => {
                  const [task] = row.tasks;
                  if (row.kind === 'task' && task) {
                    event.preventDefault();
                    event.stopPropagation();
                    choose(row);
                    props.onMenu(task, event.clientX, event.clientY);
                  }
                }}
              />
            ))}
            <tr aria-hidden="true" style={{ height: (rows.length - to) * ROW_HEIGHT }} />
          </tbody>
        </table>
        {rows.length === 0 ? (
          <p className="jp-flow-faint">
            {onlyTroubled ? trans.__('Nothing failed, nothing runs.') : trans.__('No tasks.')}
          </p>
        ) : null}
      </div>
    </div>
  );
}

/** Scrolls when another row is the current one, and when the room shrinks (a card above it comes) while it is seen. */
function useKeptInSight(
  id: string,
  place: number,
  seen: Seen,
  show: (place: number) => void
): void {
  const before = useRef({ id: '', height: 0, isSeen: false });
  useLayoutEffect(() => {
    if (place < 0 || seen.width === 0) {
      return;
    }
    const { id: earlier, height, isSeen } = before.current;
    if (id !== earlier || (seen.height < height && isSeen)) {
      show(place);
    }
    const [top, end] = [place * ROW_HEIGHT, (place + 1) * ROW_HEIGHT];
    before.current = {
      id,
      height: seen.height,
      isSeen: end > seen.top && top < seen.top + STEP + seen.height
    };
  });
}
