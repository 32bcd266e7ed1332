import type { DagWithTasks } from '../../client/documents';
import { NO_FILTER } from '../../model/runs/runsModel';
import type { RunsModel } from '../../model/runs/runsModel';
import { LOOKS, RUN_STATES } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { Choice } from '../shared/Choice';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { runTypeWords } from '../shared/words';
import { BulkBar, BulkPlan } from './Bulk';
import { RunList } from './RunList';

interface Props {
  model: RunsModel;
  dag: DagWithTasks;
  actions: FlowActions;
}

const TYPES = ['scheduled', 'manual', 'backfill', 'asset_triggered', 'operator_triggered'];

/** All runs of a DAG: found by state, type and time, and changed many at once. */
export function RunsTab({ model, dag, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const now = useNow(model.runs.some(run => run.end_date === null) ? 1 : 30);
  const { error, value } = model.list;
  return (
    <div className="jp-flow-runs-tab">
      <Filters model={model} />
      {model.bulk ? (
        <BulkPlan model={model} bulk={model.bulk} />
      ) : (
        <BulkBar model={model} actions={actions} />
      )}
      {error ? (
        <p className="jp-flow-message" role="alert">
          {error.message}
        </p>
      ) : null}
      {value === null && !error ? <p className="jp-flow-faint">{trans.__('Loading …')}</p> : null}
      {value?.runs.length === 0 ? (
        <p className="jp-flow-message">
          {model.filter === NO_FILTER ? trans.__('No runs yet.') : trans.__('No such runs.')}
        </p>
      ) : null}
      {model.runs.length > 0 ? (
        <RunList model={model} zone={dag.schedule_timezone} now={now} actions={actions} />
      ) : null}
    </div>
  );
}

function Filters({ model }: { model: RunsModel }): JSX.Element {
  const trans = useTrans();
  const { filter } = model;
  const choose = (change: Partial<typeof filter>) => {
    model.filter = { ...filter, ...change };
  };
  return (
    <div className="jp-flow-tools" role="search" aria-label={trans.__('Find runs')}>
      <Choice
        className="jp-flow-input"
        label={trans.__('State')}
        value={filter.state}
        options={RUN_STATES.map(state => [state, trans.__(LOOKS[state].label)])}
        any={trans.__('State: any')}
        onChange={state => choose({ state: state ?? '' })}
      />
      <Choice
        className="jp-flow-input"
        label={trans.__('Type')}
        value={filter.run_type}
        options={TYPES.map(type => [type, runTypeWords(type, trans)])}
        any={trans.__('Type: any')}
        onChange={type => choose({ run_type: type ?? '' })}
      />
      <label>
        {trans.__('From')}{' '}
        <input
          type="date"
          className="jp-flow-input"
          value={day(filter.since)}
          onChange={event => choose({ since: instant(event.target.value, 'T00:00:00') })}
        />
      </label>
      <label>
        {trans.__('To')}{' '}
        <input
          type="date"
          className="jp-flow-input"
          value={day(filter.until)}
          onChange={event => choose({ until: instant(event.target.value, 'T23:59:59.999') })}
        />
      </label>
      {Object.values(filter).some(Boolean) ? (
        <button className="jp-flow-link" onClick={() => (model.filter = NO_FILTER)}>
          {trans.__('Show all')}
        </button>
      ) : null}
      <span className="jp-flow-space" />
      <span className="jp-flow-faint" role="status">
        {model.list.value?.hasMore
          ? trans.__('%1 runs and more', String(model.runs.length))
          : trans.__('%1 runs', String(model.runs.length))}
      </span>
    </div>
  );
}

/** A day on the viewer's clock. */
function day(value: string): string {
  if (!value) {
    return '';
  }
  const date = new Date(value);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function instant(value: string, time: string): string {
  const date = new Date(value + time);
  return value && !Number.isNaN(date.getTime()) ? date.toISOString() : '';
}
