import { useEffect, useMemo, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';
import { windowOf } from '../../model/shared/rowWindow';
import { useTrans } from './hooks';
import { reveal, useSeen } from './windowed';

export interface Column<Row> {
  key: string;
  title: string;
  /** Width as CSS grid says it, e.g. `2fr` or `90px`. */
  width: string;
  cell(row: Row): ReactNode;
  /** What rows are sorted by; a column without it is not to be sorted. */
  order?(row: Row): string | number;
}

interface Props<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  rowKey(row: Row): string;
  empty: string;
  isSelected?(row: Row): boolean;
  /** Asked for when the last known row comes into sight. */
  onEnd?(): void;
}

const ROW = 32;

/** A table of any length: only the rows that can be seen are drawn, the roles tell of all of them. */
export function VirtualTable<Row>(props: Props<Row>): JSX.Element {
  const { label, columns, rowKey, empty, onEnd } = props;
  const trans = useTrans();
  const [sort, setSort] = useState<{ key: string; isDown: boolean } | null>(null);
  const [focus, setFocus] = useState(0);
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [list, setList] = useState<HTMLDivElement | null>(null);
  const rows = useMemo(
    () => sorted(props.rows, columns, sort),
    [props.rows, sort] // eslint-disable-line react-hooks/exhaustive-deps
  );
  const seen = useSeen(box, list);
  const { from, to } = windowOf(seen.top, seen.height, ROW, rows.length);
  const isAtEnd = rows.length > 0 && to === rows.length;
  useEffect(() => {
    if (isAtEnd) {
      onEnd?.();
    }
  }, [isAtEnd, rows.length]); // eslint-disable-line react-hooks/exhaustive-deps
  const template = { gridTemplateColumns: columns.map(column => column.width).join(' ') };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 };
    const step = steps[event.key];
    const next =
      event.key === 'Home' ? 0 : event.key === 'End' ? rows.length - 1 : focus + (step ?? 0);
    if (event.target === box && (step !== undefined || /^(Home|End)$/.test(event.key))) {
      const at = Math.max(0, Math.min(rows.length - 1, next));
      event.preventDefault();
      setFocus(at);
      reveal(box, list, at * ROW, (at + 1) * ROW);
    }
  };
  return (
    <div className="jp-flow-vtable" role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div role="row" aria-rowindex={1} className="jp-flow-vtable-head" style={template}>
        {columns.map(column => (
          <Head
            key={column.key}
            column={column}
            sort={sort}
            onSort={isDown => setSort({ key: column.key, isDown })}
          />
        ))}
      </div>
      <div className="jp-flow-vtable-box" ref={setBox} tabIndex={0} onKeyDown={onKey}>
        <div
          role="rowgroup"
          ref={setList}
          style={{ paddingTop: from * ROW, paddingBottom: (rows.length - to) * ROW }}
        >
          {rows.slice(from, to).map((row, place) => (
            <div
              key={rowKey(row)}
              role="row"
              aria-rowindex={from + place + 2}
              className="jp-flow-vtable-row"
              data-focus={from + place === focus}
              aria-current={props.isSelected?.(row) ? 'true' : undefined}
              data-row={rowKey(row)}
              style={{ ...template, height: ROW }}
            >
              {columns.map(column => (
                <div role="cell" key={column.key}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          ))}
        </div>
        {rows.length === 0 ? <p className="jp-flow-faint">{empty}</p> : null}
      </div>
      <div className="jp-flow-vtable-foot jp-flow-faint">{trans.__('%1 rows', rows.length)}</div>
    </div>
  );
}

interface HeadProps<Row> {
  column: Column<Row>;
  sort: { key: string; isDown: boolean } | null;
  onSort(isDown: boolean): void;
}

function Head<Row>({ column, sort, onSort }: HeadProps<Row>): JSX.Element {
  const isSorted = sort?.key === column.key;
  const isDown = isSorted && sort.isDown;
  return (
    <div
      role="columnheader"
      aria-sort={isSorted ? (isDown ? 'descending' : 'ascending') : 'none'}
      className="jp-flow-vtable-title"
    >
      {column.order ? (
        <button className="jp-flow-link" onClick={() => onSort(isSorted && !isDown)}>
          {column.title} {isSorted ? (isDown ? '▾' : '▴') : ''}
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}

function sorted<Row>(
  rows: Row[],
  columns: Column<Row>[],
  sort: { key: string; isDown: boolean } | null
): Row[] {
  const order = columns.find(column => column.key === sort?.key)?.order;
  if (!order) {
    return rows;
  }
  const sign = sort?.isDown ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [order(one), order(other)];
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  });
}
