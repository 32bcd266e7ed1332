import { caretDownEmptyThinIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { memo } from 'react';
import type { Bar } from '../../model/grid/gantt';
import type { GridTable } from '../../model/grid/gridTable';
import type { TreeRow } from '../../model/grid/taskTree';
import { duration } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { CELL, ROW } from './sizes';

interface Props {
  table: GridTable;
  row: TreeRow;
  index: number;
  /** The columns that are drawn. */
  from: number;
  letters: string;
  /** How many columns there are. */
  columns: number;
  selected: number | null;
  bar: Bar | null;
  hasGantt: boolean;
  idBase: string;
}

/** One task or group: its name, its state in each run, and when it ran in the selected one. */
export const GridRow = memo(function GridRow(props: Props): JSX.Element {
  const trans = useTrans();
  const { table, row, index, from, letters, selected, idBase } = props;
  const Caret = row.isOpen ? caretDownEmptyThinIcon : caretRightIcon;
  const fold = row.kind === 'group' ? { 'aria-expanded': row.isOpen } : {};
  return (
    <div
      className="jp-flow-grid-row"
      role="row"
      aria-level={row.depth + 1}
      aria-rowindex={index + 2}
      data-row-id={row.id}
      data-kind={row.kind}
      style={{ transform: `translateY(${index * ROW}px)` }}
      {...fold}
    >
      <div
        id={`${idBase}-${index}--1`}
        className="jp-flow-grid-name"
        role="rowheader"
        aria-colindex={1}
        aria-selected={selected === -1}
        data-row={index}
        data-column={-1}
        title={row.hint}
        style={{ paddingLeft: 8 + 14 * row.depth }}
      >
        {row.kind === 'group' ? <Caret.react tag="span" className="jp-flow-caret" /> : null}
        <span className="jp-flow-grid-label">{row.label}</span>
        {row.kind === 'group' ? <span className="jp-flow-count">{row.taskIds.length}</span> : null}
        {row.isMapped ? <span className="jp-flow-grid-mapped">[ ]</span> : null}
      </div>
      <div className="jp-flow-grid-cells" style={{ width: props.columns * CELL }}>
        {[...letters].map((letter, offset) => {
          const state = table.stateOf(letter);
          const column = from + offset;
          const look = state === null ? null : LOOKS[state];
          return (
            <div
              key={column}
              id={`${idBase}-${index}-${column}`}
              className="jp-flow-cell"
              role="gridcell"
              aria-colindex={column + 2}
              aria-label={look ? trans.__(look.label) : trans.__('not in this run')}
              aria-selected={selected === column}
              data-row={index}
              data-column={column}
              data-state={state ?? ''}
              data-tone={look?.tone ?? 'none'}
              style={{ left: column * CELL }}
            >
              {look ? (
                <svg viewBox="0 0 12 12" aria-hidden="true">
                  <path d={look.path} />
                </svg>
              ) : null}
            </div>
          );
        })}
      </div>
      {props.hasGantt ? (
        <div className="jp-flow-gantt" role="gridcell" aria-colindex={props.columns + 2}>
          {props.bar ? <GanttBar bar={props.bar} kind={row.kind} /> : null}
        </div>
      ) : null}
    </div>
  );
});

function GanttBar({ bar, kind }: { bar: Bar; kind: TreeRow['kind'] }): JSX.Element {
  const trans = useTrans();
  const words = duration(bar.seconds);
  const label = `${trans.__(LOOKS[bar.state].label)}, ${words}`;
  const isNarrow = bar.end - bar.start < 0.25;
  const beside = bar.end < 0.8 ? { left: percent(bar.end) } : { right: percent(1 - bar.start) };
  return (
    <div className="jp-flow-gantt-room" data-kind={kind}>
      <span
        className="jp-flow-gantt-queued"
        style={{ left: percent(bar.queued), width: percent(bar.start - bar.queued) }}
      />
      <span
        className="jp-flow-gantt-bar"
        data-tone={LOOKS[bar.state].tone}
        data-state={bar.state}
        role="img"
        aria-label={label}
        title={label}
        style={{ left: percent(bar.start), width: percent(bar.end - bar.start) }}
      >
        {isNarrow || kind === 'group' ? null : words}
      </span>
      {isNarrow && kind === 'task' ? (
        <span className="jp-flow-gantt-words" style={beside}>
          {words}
        </span>
      ) : null}
    </div>
  );
}

export function percent(fraction: number): string {
  return `${(100 * Math.max(0, Math.min(1, fraction))).toFixed(2)}%`;
}
