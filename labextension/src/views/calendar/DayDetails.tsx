import type { DagWithTasks } from '../../client/documents';
import type { CalendarDocument } from '../../client/historyApi';
import { backfillsTab } from '../../model/backfills/backfillPlace';
import { CalendarModel } from '../../model/calendar/calendarModel';
import { sumOf } from '../../model/calendar/days';
import { dateTime, duration, elapsed } from '../../model/shared/format';
import { RUN_STATES } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { useNow, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { dayWords } from './Year';

interface Props {
  model: CalendarModel;
  document: CalendarDocument;
  dag: DagWithTasks;
  actions: FlowActions;
}

/** What was on the selected days: how many runs, which ones, and a way to run these days. */
export function DayDetails({ model, document, dag, actions }: Props): JSX.Element {
  const trans = useTrans();
  const runs = model.runs?.value?.runs ?? [];
  const now = useNow(runs.some(run => run.end_date === null) ? 1 : 0);
  const { range } = model;
  if (range === null) {
    return (
      <aside className="jp-flow-aside" aria-label={trans.__('Selected days')}>
        <p className="jp-flow-faint">
          {trans.__('Select days: click, drag, or arrows; Shift extends the selection.')}
        </p>
      </aside>
    );
  }
  const sum = sumOf(document.days, range);
  const day = (text: string) => dayWords(text, { dateStyle: 'medium' });
  const title = range.from === range.to ? day(range.from) : `${day(range.from)} – ${day(range.to)}`;
  return (
    <aside className="jp-flow-aside" aria-label={trans.__('Selected days')} aria-live="polite">
      <div className="jp-flow-aside-part">
        <h2>{title}</h2>
        <ul>
          {RUN_STATES.filter(state => sum.states[state]).map(state => (
            <li key={state}>
              {sum.states[state]} <StateMark state={state} />
            </li>
          ))}
          {sum.coming > 0 ? (
            <li>
              {trans.__('%1 to come', String(sum.coming))}
              {dag.is_paused ? ` ${trans.__('when unpaused')}` : ''}
            </li>
          ) : null}
        </ul>
        {sum.runs + sum.coming === 0 ? (
          <p className="jp-flow-faint">{trans.__('No runs.')}</p>
        ) : null}
        <div className="jp-flow-actions">
          <button
            className="jp-flow-button"
            disabled={range.from > document.today}
            title={range.from > document.today ? trans.__('A backfill runs past dates') : ''}
            onClick={() => actions.openDag(dag.dag_id, backfillsTab(range))}
          >
            {trans.__('Backfill …')}
          </button>
        </div>
      </div>
      {runs.length > 0 ? (
        <div className="jp-flow-aside-part">
          <ul className="jp-flow-calendar-runs" aria-label={trans.__('Runs')}>
            {runs.map(run => (
              <li key={run.run_id} data-run-id={run.run_id}>
                <StateMark state={run.state} bare />{' '}
                <button
                  className="jp-flow-link"
                  title={run.run_id}
                  onClick={() => actions.openRun(run.dag_id, run.run_id)}
                >
                  {dateTime(run.logical_date ?? run.run_after, document.timezone) || run.run_id}
                </button>{' '}
                <span className="jp-flow-faint">{duration(elapsed(run, now))}</span>
              </li>
            ))}
          </ul>
          {model.runs?.value?.next ? (
            <p className="jp-flow-faint">
              {trans.__('The newest %1 runs.', String(CalendarModel.LISTED))}
            </p>
          ) : null}
        </div>
      ) : null}
    </aside>
  );
}
