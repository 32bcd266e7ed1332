import type { TranslationBundle } from '@jupyterlab/translation';
import { compareTab, MOST_COMPARED } from '../../model/compare/comparePlace';
import { BULK_ACTIONS } from '../../model/runs/bulk';
import type { BulkAction, LeftOut } from '../../model/runs/bulk';
import type { Bulk, Progress, RunsModel } from '../../model/runs/runsModel';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** What can be done with the selected runs. */
export function BulkBar({
  model,
  actions
}: {
  model: RunsModel;
  actions: FlowActions;
}): JSX.Element | null {
  const trans = useTrans();
  const count = model.selected.size;
  if (count === 0) {
    return null;
  }
  const labels = actionWords(trans);
  return (
    <div className="jp-flow-tools" role="toolbar" aria-label={trans.__('Selected runs')}>
      <strong>{trans.__('%1 selected', String(count))}</strong>
      <button
        className="jp-flow-button"
        disabled={count > MOST_COMPARED}
        title={
          count === 1
            ? trans.__('Compare with the last success before it')
            : trans.__('Show %1 runs at most side by side', String(MOST_COMPARED))
        }
        onClick={() => actions.openDag(model.dagId, compareTab([...model.selected]))}
      >
        {trans.__('Compare')}
      </button>
      {BULK_ACTIONS.map(action => (
        <button key={action} className="jp-flow-button" onClick={() => model.prepare(action)}>
          {labels[action]} …
        </button>
      ))}
    </div>
  );
}

/** What will happen to each run, before it happens; then how far it is. */
export function BulkPlan({ model, bulk }: { model: RunsModel; bulk: Bulk }): JSX.Element {
  const trans = useTrans();
  const { action, planned, progress, isBusy } = bulk;
  const affected = planned.filter(item => item.leftOut === null).length;
  const isDone = progress.size > 0 && !isBusy;
  const label = actionWords(trans)[action];
  return (
    <section className="jp-flow-plan" aria-label={label}>
      <h2>
        {label}: {trans.__('%1 of %2 runs', String(affected), String(planned.length))}
      </h2>
      <p>{effectWords(trans)[action]}</p>
      <ul>
        {planned.map(({ run, leftOut }) => (
          <li key={run.run_id} data-run-id={run.run_id} data-left-out={leftOut ?? ''}>
            <StateMark state={run.state} /> <span>{run.run_id}</span>{' '}
            <span className="jp-flow-faint">
              {leftOut
                ? leftOutWords(trans)[leftOut]
                : progressWords(progress.get(run.run_id), trans)}
            </span>
          </li>
        ))}
      </ul>
      <div className="jp-flow-actions">
        {isDone ? null : (
          <button
            className={`jp-flow-button ${action === 'delete' ? 'jp-mod-warn' : 'jp-mod-accept'}`}
            disabled={affected === 0 || isBusy}
            onClick={() => void model.perform()}
          >
            {label}
          </button>
        )}
        <button className="jp-flow-button" disabled={isBusy} onClick={() => model.prepare(null)}>
          {isDone ? trans.__('Close') : trans.__('Back')}
        </button>
      </div>
    </section>
  );
}

function actionWords(trans: TranslationBundle): Record<BulkAction, string> {
  return {
    rerun_failed: trans.__('Rerun failed'),
    rerun_all: trans.__('Rerun all'),
    mark_success: trans.__('Mark as success'),
    mark_failed: trans.__('Mark as failed'),
    cancel: trans.__('Cancel'),
    delete: trans.__('Delete')
  };
}

function effectWords(trans: TranslationBundle): Record<BulkAction, string> {
  return {
    rerun_failed: trans.__(
      'Tasks that did not succeed run again, with the latest version of the DAG; the others keep what they have.'
    ),
    rerun_all: trans.__('All tasks run again, with the latest version of the DAG.'),
    mark_success: trans.__('The runs count as success; what still runs in them is ended.'),
    mark_failed: trans.__('The runs count as failed; what still runs in them is ended.'),
    cancel: trans.__('What waits is cancelled, what runs is ended.'),
    delete: trans.__(
      'The runs are forgotten with their logs, notebooks and values. There is no way back.'
    )
  };
}

function leftOutWords(trans: TranslationBundle): Record<LeftOut, string> {
  return {
    still_runs: trans.__('left out: still runs'),
    has_ended: trans.__('left out: has ended'),
    succeeded: trans.__('left out: nothing failed'),
    is_so_already: trans.__('left out: is so already')
  };
}

function progressWords(progress: Progress | undefined, trans: TranslationBundle): string {
  if (typeof progress === 'object') {
    return progress.error;
  }
  return progress === 'done' ? trans.__('done') : progress === 'busy' ? trans.__('…') : '';
}
