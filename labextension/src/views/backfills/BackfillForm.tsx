import type { TranslationBundle } from '@jupyterlab/translation';
import type { Reprocess } from '../../client/backfillApi';
import type { DagWithTasks } from '../../client/documents';
import type { BackfillsModel } from '../../model/backfills/backfillsModel';
import { MOST_AT_ONCE, REPROCESS } from '../../model/backfills/backfillWish';
import type { BackfillWish } from '../../model/backfills/backfillWish';
import type { FlowActions } from '../../tokens';
import { RunValues } from '../forms/RunValues';
import { useTrans } from '../shared/hooks';
import { BackfillDates } from './BackfillDates';

interface Props {
  model: BackfillsModel;
  wish: BackfillWish;
  dag: DagWithTasks;
  actions: FlowActions;
}

/** What a new backfill is to cover, and date by date what it would do. */
export function BackfillForm({ model, wish, dag, actions }: Props): JSX.Element {
  const trans = useTrans();
  const { plan } = model;
  const dates = plan?.dates ?? [];
  const count = dates.filter(date => date.skipped === null).length;
  return (
    <section
      className="jp-flow-plan jp-flow-backfill-form"
      aria-label={trans.__('New backfill')}
      data-ready={plan !== null}
    >
      <h2>{trans.__('New backfill')}</h2>
      <Fields model={model} wish={wish} />
      {Object.keys(dag.params).length > 0 ? (
        <details className="jp-flow-backfill-values">
          <summary>{trans.__('Values of its runs')}</summary>
          <RunValues dag={dag} choice={wish.choice} change={write => model.change(write)} />
        </details>
      ) : null}
      <p role="status">{said(model, wish, count, dates.length, trans)}</p>
      {model.planError ? (
        <p className="jp-flow-warning" role="alert">
          {model.planError.message}
        </p>
      ) : null}
      {plan !== null ? (
        <BackfillDates dagId={dag.dag_id} dates={dates} zone={wish.zone} isPlan actions={actions} />
      ) : null}
      <div className="jp-flow-actions">
        <button
          className="jp-flow-button jp-mod-accept"
          disabled={count === 0 || model.isBusy}
          onClick={() => void model.start()}
        >
          {trans.__('Start')}
        </button>
        <button className="jp-flow-button" onClick={() => model.closeForm()}>
          {trans.__('Back')}
        </button>
      </div>
    </section>
  );
}

function Fields({ model, wish }: { model: BackfillsModel; wish: BackfillWish }): JSX.Element {
  const trans = useTrans();
  const words = reprocessWords(trans);
  return (
    <div className="jp-flow-backfill-fields">
      <label>
        <span>{trans.__('From')}</span>
        <input
          type="datetime-local"
          className="jp-flow-input"
          value={wish.from}
          onChange={event => model.change(() => (wish.from = event.target.value))}
        />
      </label>
      <label>
        <span>{trans.__('To')}</span>
        <input
          type="datetime-local"
          className="jp-flow-input"
          value={wish.to}
          onChange={event => model.change(() => (wish.to = event.target.value))}
        />
      </label>
      <label>
        <span>{trans.__('Dates that have a run')}</span>
        <select
          className="jp-flow-input"
          value={wish.reprocess}
          onChange={event => model.change(() => (wish.reprocess = event.target.value as Reprocess))}
        >
          {REPROCESS.map(value => (
            <option key={value} value={value}>
              {words[value]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{trans.__('Order')}</span>
        <select
          className="jp-flow-input"
          value={wish.isBackwards ? 'latest' : 'oldest'}
          onChange={event =>
            model.change(() => (wish.isBackwards = event.target.value === 'latest'))
          }
        >
          <option value="oldest">{trans.__('oldest date first')}</option>
          <option value="latest">{trans.__('latest date first')}</option>
        </select>
      </label>
      <label>
        <span>{trans.__('Runs at once')}</span>
        <input
          type="number"
          className="jp-flow-input"
          min={1}
          max={MOST_AT_ONCE}
          value={Number.isNaN(wish.atOnce) ? '' : wish.atOnce}
          onChange={event => model.change(() => (wish.atOnce = event.target.valueAsNumber))}
        />
      </label>
      <span className="jp-flow-faint">{trans.__('on clocks of %1', wish.zone)}</span>
    </div>
  );
}

function reprocessWords(trans: TranslationBundle): Record<Reprocess, string> {
  return {
    none: trans.__('leave them as they are'),
    failed: trans.__('run the failed ones again'),
    completed: trans.__('run all that have ended again')
  };
}

function said(
  model: BackfillsModel,
  wish: BackfillWish,
  count: number,
  all: number,
  trans: TranslationBundle
): string {
  switch (wish.missing) {
    case 'dates':
      return trans.__('Say from when to when.');
    case 'at_once':
      return trans.__('Say how many runs there may be at once, from 1 to %1.', `${MOST_AT_ONCE}`);
    case 'values':
      return trans.__('The values are no JSON object yet.');
    case null:
      break;
  }
  if (model.planError) {
    return '';
  }
  if (model.plan === null) {
    return trans.__('Looking at the dates …');
  }
  return count === all
    ? trans.__('%1 dates run.', String(count))
    : trans.__('%1 dates run, %2 are left out.', String(count), String(all - count));
}
