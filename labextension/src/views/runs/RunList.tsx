import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent } from 'react';
import type { Run } from '../../client/documents';
import type { RunsModel } from '../../model/runs/runsModel';
import { codeTab } from '../../model/code/codePlace';
import { dateTime, duration, elapsed, reasonText, relative } from '../../model/shared/format';
import { windowOf } from '../../model/shared/rowWindow';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { useSeen } from '../shared/windowed';
import { runTypeWords } from '../shared/words';

interface Props {
  model: RunsModel;
  zone: string;
  now: number;
  actions: FlowActions;
}

/** The style sheet has the same height. */
const ROW = 30;
const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

/** A table of which only what can be seen is drawn. */
export function RunList({ model, zone, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  const [list, setList] = useState<HTMLDivElement | null>(null);
  const seen = useSeen(box, list);
  const anchor = useRef<number | null>(null);
  const { runs, selected } = model;
  const { from, to } = windowOf(seen.top, seen.height, ROW, runs.length);
  const isAtEnd = to >= runs.length;
  useEffect(() => {
    if (isAtEnd) {
      model.showMore();
    }
  }, [isAtEnd, model, runs.length]);
  const areAll = runs.every(run => selected.has(run.run_id));
  const toggle = (index: number, event: MouseEvent) => {
    const run = runs[index] as Run;
    const isSelected = !selected.has(run.run_id);
    const start = event.shiftKey && anchor.current !== null ? anchor.current : index;
    const range = runs.slice(Math.min(start, index), Math.max(start, index) + 1);
    anchor.current = index;
    model.select(
      range.map(item => item.run_id),
      isSelected
    );
  };
  const headings = [
    trans.__('State'),
    trans.__('Run'),
    trans.__('Type'),
    trans.__('Started'),
    trans.__('Duration'),
    trans.__('Version'),
    trans.__('By')
  ];
  return (
    <div className="jp-flow-runs-room" ref={setBox} onKeyDown={onKey}>
      <div
        className="jp-flow-runs"
        role="table"
        aria-label={trans.__('Runs')}
        aria-rowcount={runs.length + 1}
      >
        <div className="jp-flow-runs-row jp-flow-runs-head" role="row" aria-rowindex={1}>
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label={trans.__('Select all shown')}
              checked={areAll}
              onChange={() =>
                model.select(
                  runs.map(run => run.run_id),
                  !areAll
                )
              }
            />
          </span>
          {headings.map(heading => (
            <span key={heading} role="columnheader">
              {heading}
            </span>
          ))}
        </div>
        <div
          role="rowgroup"
          className="jp-flow-runs-body"
          ref={setList}
          style={{ height: runs.length * ROW }}
        >
          {runs.slice(from, to).map((run, offset) => {
            const index = from + offset;
            const isSelected = selected.has(run.run_id);
            return (
              <div
                key={run.run_id}
                className="jp-flow-runs-row"
                role="row"
                aria-rowindex={index + 2}
                aria-selected={isSelected}
                data-run-id={run.run_id}
                data-state={run.state}
                style={{ transform: `translateY(${index * ROW}px)` }}
              >
                <span role="cell">
                  <input
                    type="checkbox"
                    aria-label={trans.__('Select %1', run.run_id)}
                    data-index={index}
                    checked={isSelected}
                    readOnly
                    onClick={event => toggle(index, event)}
                  />
                </span>
                <Cells run={run} zone={zone} now={now} actions={actions} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Cells({
  run,
  zone,
  now,
  actions
}: {
  run: Run;
  zone: string;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <span role="cell">
        <StateMark state={run.state} />
      </span>
      <span role="cell">
        <button
          className="jp-flow-link"
          title={`${run.run_id}\n${zone}`}
          onClick={() => actions.openRun(run.dag_id, run.run_id)}
        >
          {dateTime(run.logical_date ?? run.run_after, zone) || run.run_id}
        </button>
      </span>
      <span role="cell">{runTypeWords(run.run_type, trans)}</span>
      <span role="cell" title={dateTime(run.start_date)}>
        {run.start_date ? relative(run.start_date, now) : reasonText(run.reason)}
      </span>
      <span role="cell">{duration(elapsed(run, now))}</span>
      <span role="cell">
        <button
          className="jp-flow-link"
          title={trans.__('The code of version %1', String(run.version))}
          onClick={() => actions.openDag(run.dag_id, codeTab(run.version))}
        >
          {run.version}
        </button>
      </span>
      <span role="cell" title={run.actor}>
        {run.actor || run.triggered_by}
      </span>
    </>
  );
}

/** Arrows go from one checkbox to the next. */
function onKey(event: KeyboardEvent<HTMLDivElement>): void {
  const step = STEPS[event.key];
  const index = (event.target as HTMLElement).dataset['index'];
  if (step !== undefined && index !== undefined) {
    const goal = event.currentTarget.querySelector<HTMLElement>(
      `[data-index="${Number(index) + step}"]`
    );
    event.preventDefault();
    goal?.focus();
    goal?.scrollIntoView({ block: 'nearest' });
  }
}
