import { useEffect } from 'react';
import type { DagWithTasks, Run } from '../../client/documents';
import type { BackfillsModel } from '../../model/backfills/backfillsModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { BackfillForm } from './BackfillForm';
import { BackfillItem } from './BackfillItem';

interface Props {
  model: BackfillsModel;
  dag: DagWithTasks;
  /** The newest runs, whose values can be taken over. */
  runs: readonly Run[];
  actions: FlowActions;
}

/** The backfills of a DAG with how far they are, and a form for another one. */
export function BackfillsTab({ model, dag, runs, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const now = useNow(30);
  const { wanted } = model;
  useEffect(() => {
    if (wanted !== null) {
      model.openForm(dag, runs, Date.now(), wanted.range);
    }
  }, [wanted]); // eslint-disable-line react-hooks/exhaustive-deps
  const { value: list, error } = model.list;
  return (
    <div className="jp-flow-backfills">
      {model.wish === null ? (
        <div className="jp-flow-tools">
          <button
            className="jp-flow-button"
            onClick={() => model.openForm(dag, runs, Date.now(), null)}
          >
            {trans.__('New backfill …')}
          </button>
          <span className="jp-flow-faint">
            {trans.__('runs past dates, also while the DAG is paused')}
          </span>
        </div>
      ) : (
        <BackfillForm model={model} wish={model.wish} dag={dag} actions={actions} />
      )}
      {(model.problem ?? error?.message) ? (
        <p className="jp-flow-message jp-flow-warning" role="alert">
          {model.problem ?? error?.message}
        </p>
      ) : null}
      {list === null && !error ? <p className="jp-flow-faint">{trans.__('Loading …')}</p> : null}
      {list?.length === 0 && model.wish === null ? (
        <p className="jp-flow-message">{trans.__('No backfills yet.')}</p>
      ) : null}
      <ul className="jp-flow-backfill-list" aria-label={trans.__('Backfills')}>
        {list?.map(backfill => (
          <BackfillItem
            key={backfill.backfill_id}
            model={model}
            backfill={backfill}
            zone={dag.schedule_timezone}
            now={now}
            actions={actions}
          />
        ))}
      </ul>
    </div>
  );
}
