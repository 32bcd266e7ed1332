import type { GridRun } from '../../client/dagApi';
import type { Tick } from '../../model/grid/gantt';
import type { GridTable } from '../../model/grid/gridTable';
import { duration } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { percent } from './GridRow';
import { CELL } from './sizes';

interface Props {
  table: GridTable;
  from: number;
  to: number;
  /** Column of the run that is selected in the head itself. */
  selected: number | null;
  now: number;
  zone: string;
  ticks: Tick[] | null;
  idBase: string;
}

const BARS = 44;
const LABEL_ROOM = 64;

/** The runs: how long each took, its state, where the version of the DAG changed; over the Gantt chart its time. */
export function GridHead(props: Props): JSX.Element {
  const trans = useTrans();
  const { table, from, to, now, zone } = props;
  const { runs } = table;
  const longest = Math.max(1, ...runs.map(run => secondsOf(run, now) ?? 0));
  const labels = labelled(runs, zone);
  return (
    <div className="jp-flow-grid-head" role="row" aria-rowindex={1}>
      <div className="jp-flow-grid-corner" role="columnheader" aria-colindex={1}>
        <span>{duration(longest)}</span>
        <span className="jp-flow-grid-corner-name">{trans.__('Task')}</span>
      </div>
      <div className="jp-flow-grid-cells" style={{ width: runs.length * CELL }}>
        {runs.slice(from, to).map((run, offset) => {
          const column = from + offset;
          const look = LOOKS[run.state];
          const seconds = secondsOf(run, now);
          const words = [run.run_id, trans.__(look.label), duration(seconds)];
          return (
            <div
              key={run.run_id}
              id={`${props.idBase}--1-${column}`}
              className="jp-flow-grid-run"
              role="columnheader"
              aria-colindex={column + 2}
              aria-selected={props.selected === column}
              aria-label={words.filter(Boolean).join(', ')}
              title={[...words, trans.__('version %1', String(run.version))]
                .filter(Boolean)
                .join('\n')}
              data-row={-1}
              data-column={column}
              data-run-id={run.run_id}
              data-state={run.state}
              data-tone={look.tone}
              data-new-version={table.isNewVersion(column)}
              style={{ left: column * CELL }}
            >
              {table.isNewVersion(column) ? (
                <span className="jp-flow-grid-version">v{run.version}</span>
              ) : null}
              <span
                className="jp-flow-grid-bar"
                style={{ height: Math.max(2, (BARS * (seconds ?? 0)) / longest) }}
              />
              <svg viewBox="0 0 12 12" aria-hidden="true">
                <path d={look.path} />
              </svg>
              {labels.has(column) ? (
                <span className="jp-flow-grid-date">{labels.get(column)}</span>
              ) : null}
            </div>
          );
        })}
      </div>
      {props.ticks === null ? null : (
        <div className="jp-flow-gantt" role="columnheader" aria-colindex={runs.length + 2}>
          <div className="jp-flow-gantt-room">
            {props.ticks.map(tick => (
              <span
                key={tick.seconds}
                className="jp-flow-gantt-tick"
                data-is-last={tick.at > 0.8}
                style={{ left: percent(tick.at) }}
              >
                {tickWords(tick.seconds)}
              </span>
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

export function secondsOf(run: GridRun, now: number): number | null {
  if (run.start_date === null) {
    return null;
  }
  const end = run.end_date === null ? now : Date.parse(run.end_date);
  return Math.max(0, (end - Date.parse(run.start_date)) / 1000);
}

/** Dates under the columns where the day changes, as far apart as they need. */
function labelled(runs: GridRun[], zone: string): Map<number, string> {
  const words = new Intl.DateTimeFormat(undefined, {
    month: 'short',
    day: 'numeric',
    timeZone: zone
  });
  const found = new Map<number, string>();
  let last = -Infinity;
  let before = '';
  runs.forEach((run, column) => {
    const instant = run.logical_date ?? run.start_date;
    const text = instant === null ? '' : words.format(new Date(instant));
    if (text && text !== before && (column - last) * CELL >= LABEL_ROOM) {
      found.set(column, text);
      last = column;
      before = text;
    }
  });
  return found;
}

/** "5 min", not "5 min 0 s". */
function tickWords(seconds: number): string {
  return seconds === 0 ? '0' : duration(seconds).replace(/ 0 (s|min)$/, '');
}
