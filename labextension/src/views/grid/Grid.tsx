import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, PointerEvent } from 'react';
import type { Gantt } from '../../model/grid/gantt';
import { moved } from '../../model/grid/gridKeys';
import type { Place } from '../../model/grid/gridKeys';
import type { GridTable } from '../../model/grid/gridTable';
import type { TreeRow } from '../../model/grid/taskTree';
import { windowOf } from '../../model/shared/rowWindow';
import { LOOKS } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { useSeen } from '../shared/windowed';
import { GridHead } from './GridHead';
import { GridRow } from './GridRow';
import { CELL, GANTT, HEAD, NAMES, ROW } from './sizes';

interface Props {
  table: GridTable;
  rows: TreeRow[];
  /** When the tasks of the selected run ran; null: not asked for. */
  gantt: Gantt | null;
  selected: Place | null;
  now: number;
  zone: string;
  onSelect(place: Place): void;
  onOpen(place: Place): void;
  onRepair(place: Place): void;
}

const TICKS = 5;

/** Tasks against runs. Only what can be seen is drawn; names, heads and the Gantt chart stay where they are. */
export function Grid(props: Props): JSX.Element {
  const trans = useTrans();
  const idBase = useId();
  const { table, rows, gantt, selected, now, onSelect, onOpen } = props;
  const [room, setRoom] = useState<HTMLDivElement | null>(null);
  const [list, setList] = useState<HTMLDivElement | null>(null);
  const seen = useSeen(room, list);
  const hover = useRef<HTMLDivElement | null>(null);
  const count = table.runs.length;
  const chart = gantt === null ? 0 : GANTT;
  const width = Math.max(seen.width - NAMES - chart, CELL);
  const columns = windowOf(seen.left, width, CELL, count);
  const lines = windowOf(seen.top, seen.height, ROW, rows.length);

  const body = {
    height: rows.length * ROW,
    minWidth: `max(100%, ${NAMES + count * CELL + chart}px)`
  };
  const newest = table.runs.at(-1)?.run_id;
  useLayoutEffect(() => {
    room?.scrollTo({ left: count * CELL });
  }, [room, newest, count]);
  useEffect(() => {
    if (selected !== null && room?.contains(document.activeElement)) {
      reveal(room, selected, chart);
    }
  }, [room, selected, chart]);

  const onKey = (event: KeyboardEvent) => {
    const place = selected ?? { row: -1, column: count - 1 };
    const goal = moved(place, event.key, event.ctrlKey || event.metaKey, {
      rows: rows.length,
      columns: count
    });
    if (goal !== null) {
      onSelect(goal);
    } else if (event.key === 'Enter' || (event.key === ' ' && place.column < 0)) {
      onOpen(place);
    } else if (event.key.toLowerCase() === 'l' && isPlain(event)) {
      onOpen(place);
    } else if (event.key.toLowerCase() === 'r' && isPlain(event)) {
      props.onRepair(place);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = (event: MouseEvent) => {
    const place = placeOf(event.target);
    if (place !== null) {
      onSelect(place);
      if (place.column < 0 && rows[place.row]?.kind === 'group') {
        onOpen(place);
      }
    }
  };
  const onDoubleClick = (event: MouseEvent) => {
    const place = placeOf(event.target);
    if (place !== null && place.column >= 0) {
      onOpen(place);
    }
  };
  const onPointerOver = (event: PointerEvent) => {
    const place = placeOf(event.target);
    const isOver = place !== null && place.column >= 0;
    if (hover.current) {
      hover.current.style.visibility = isOver ? 'visible' : 'hidden';
      hover.current.style.transform = `translateX(${(place?.column ?? 0) * CELL}px)`;
    }
    const cell = (event.target as Element).closest<HTMLElement>('.jp-flow-cell');
    const row = place === null ? undefined : rows[place.row];
    if (cell && place && row) {
      cell.title = hint(table, row, place.column, state => trans.__(LOOKS[state].label));
    }
  };
  const ticks = useMemo(() => gantt?.ticks(TICKS) ?? null, [gantt]);
  const active = selected === null ? undefined : `${idBase}-${selected.row}-${selected.column}`;
  return (
    <div
      className="jp-flow-grid"
      ref={setRoom}
      role="treegrid"
      tabIndex={0}
      aria-label={trans.__('Tasks and runs')}
      aria-rowcount={rows.length + 1}
      aria-colcount={count + 1}
      aria-activedescendant={active}
      onKeyDown={onKey}
      onClick={onClick}
      onDoubleClick={onDoubleClick}
      onPointerOver={onPointerOver}
      onPointerLeave={() => hover.current && (hover.current.style.visibility = 'hidden')}
    >
      <GridHead
        table={table}
        from={columns.from}
        to={columns.to}
        selected={selected?.row === -1 ? selected.column : null}
        now={now}
        zone={props.zone}
        ticks={ticks}
        idBase={idBase}
      />
      <div className="jp-flow-grid-body" role="rowgroup" ref={setList} style={body}>
        <div className="jp-flow-grid-columns" aria-hidden="true">
          <div className="jp-flow-grid-hover" ref={hover} />
          {selected !== null && selected.column >= 0 ? (
            <div className="jp-flow-grid-chosen" style={{ left: selected.column * CELL }} />
          ) : null}
          {table.runs.map((run, column) =>
            table.isNewVersion(column) ? (
              <div
                key={run.run_id}
                className="jp-flow-grid-change"
                style={{ left: column * CELL }}
              />
            ) : null
          )}
        </div>
        {rows.slice(lines.from, lines.to).map((row, offset) => {
          const index = lines.from + offset;
          return (
            <GridRow
              key={row.id}
              table={table}
              row={row}
              index={index}
              from={columns.from}
              letters={table.letters(row).slice(columns.from, columns.to)}
              columns={count}
              selected={selected?.row === index ? selected.column : null}
              bar={gantt?.bar(row) ?? null}
              hasGantt={gantt !== null}
              idBase={idBase}
            />
          );
        })}
      </div>
    </div>
  );
}

function placeOf(target: EventTarget): Place | null {
  const cell = (target as Element).closest<HTMLElement>('[data-column]');
  const { row, column } = cell?.dataset ?? {};
  return row === undefined || column === undefined
    ? null
    : { row: Number(row), column: Number(column) };
}

function isPlain(event: KeyboardEvent): boolean {
  return !event.ctrlKey && !event.metaKey && !event.altKey;
}

function hint(
  table: GridTable,
  row: TreeRow,
  column: number,
  word: (state: keyof typeof LOOKS) => string
): string {
  const counts = table.counts(row, column);
  const isMany = counts.length > 1 || (counts[0]?.count ?? 0) > 1;
  const states = counts.map(({ state, count }) =>
    isMany ? `${count} ${word(state)}` : word(state)
  );
  return [row.id, states.join(', '), table.runs[column]?.run_id].filter(Boolean).join('\n');
}

/** Scroll as little as needed to show a place between the parts that stay where they are. */
function reveal(room: HTMLElement, place: Place, chart: number): void {
  const top = place.row * ROW;
  const left = place.column * CELL;
  const height = room.clientHeight - HEAD;
  const width = room.clientWidth - NAMES - chart;
  if (place.row >= 0) {
    room.scrollTop = Math.max(top + ROW - height, Math.min(room.scrollTop, top));
  }
  if (place.column >= 0) {
    room.scrollLeft = Math.max(left + CELL - width, Math.min(room.scrollLeft, left));
  }
}
