import type { DagWithTasks } from '../../client/documents';
import type { CalendarModel } from '../../model/calendar/calendarModel';
import type { FlowActions } from '../../tokens';
import { useModel, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { DayDetails } from './DayDetails';
import { Year } from './Year';

interface Props {
  model: CalendarModel;
  dag: DagWithTasks;
  actions: FlowActions;
}

const SHOWN = ['success', 'failed', 'cancelled', 'running'] as const;

/** A year of runs, day by day; selected days can be run again. */
export function CalendarTab({ model, dag, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const { value, error } = model.document;
  const { year } = model;
  if (value === null || year === null) {
    return (
      <p className="jp-flow-message" role={error ? 'alert' : 'status'}>
        {error?.message ?? trans.__('Loading …')}
      </p>
    );
  }
  return (
    <div className="jp-flow-calendar">
      <div className="jp-flow-tools">
        <button
          className="jp-flow-button"
          aria-label={trans.__('Year before')}
          onClick={() => (model.year = year - 1)}
        >
          ‹
        </button>
        <strong className="jp-flow-calendar-year" aria-live="polite">
          {year}
        </strong>
        <button
          className="jp-flow-button"
          aria-label={trans.__('Year after')}
          onClick={() => (model.year = year + 1)}
        >
          ›
        </button>
        <button className="jp-flow-button" onClick={() => model.select(value.today, false)}>
          {trans.__('Today')}
        </button>
        <span className="jp-flow-faint">
          {trans.__('days of %1, by logical date', value.timezone)}
        </span>
        <span className="jp-flow-space" />
        {SHOWN.map(state => (
          <StateMark key={state} state={state} />
        ))}
        <span className="jp-flow-calendar-legend" data-coming="true">
          {trans.__('to come')}
        </span>
      </div>
      {error ? (
        <p className="jp-flow-message" role="alert">
          {error.message}
        </p>
      ) : null}
      <div className="jp-flow-split">
        <Year model={model} document={value} year={year} />
        <DayDetails model={model} document={value} dag={dag} actions={actions} />
      </div>
    </div>
  );
}
