import type { Run } from '../../client/documents';
import { codeTab } from '../../model/code/codePlace';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';

/** The code that the run used, and what has changed since. */
export function VersionLinks({
  run,
  latest,
  actions
}: {
  run: Run;
  latest: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <button
        className="jp-flow-link"
        title={trans.__('The code that this run used')}
        onClick={() => actions.openDag(run.dag_id, codeTab(run.version))}
      >
        {run.version}
      </button>
      {latest > run.version ? (
        <>
          {' · '}
          <button
            className="jp-flow-link"
            onClick={() => actions.openDag(run.dag_id, codeTab(latest, run.version))}
          >
            {trans.__('changed since')}
          </button>
        </>
      ) : null}
    </>
  );
}
