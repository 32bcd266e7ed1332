import type { DagWithTasks } from '../../client/documents';
import type { DagModel } from '../../model/dag/dagModel';
import type { LayoutService } from '../../model/dag/layoutService';
import type { FlowActions } from '../../tokens';
import { Graph } from '../dag/Graph';
import { useModel, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** The graph as the cell defines it, in the colours of the DAG's last run. */
export function DagOutput({
  model,
  written,
  layouts,
  actions
}: {
  model: DagModel;
  /** What the cell wrote; without tasks (they are `%%task` cells) the house's own graph is shown. */
  written: DagWithTasks;
  layouts: LayoutService;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  useModel(model);
  const known = model.dag.value;
  const dag = written.tasks.length ? written : (known ?? written);
  const run = model.selectedRun;
  return (
    <div className="jp-flow-dag-output" data-dag-id={dag.dag_id}>
      <div className="jp-flow-dag-output-head">
        {known ? (
          <button className="jp-flow-link" onClick={() => actions.openDag(dag.dag_id)}>
            {dag.dag_id}
          </button>
        ) : (
          <strong>{dag.dag_id}</strong>
        )}
        {run ? (
          <>
            <StateMark state={run.state} />
            <button
              className="jp-flow-link"
              onClick={() => actions.openRun(run.dag_id, run.run_id)}
            >
              {run.run_id}
            </button>
          </>
        ) : (
          <span className="jp-flow-faint">
            {known ? trans.__('has not run yet') : trans.__('not known to the house yet')}
          </span>
        )}
      </div>
      {dag.tasks.length ? (
        <Graph
          dag={dag}
          instances={run?.tasks ?? []}
          layouts={layouts}
          onOpen={run ? taskId => actions.openRun(run.dag_id, run.run_id, taskId) : null}
        />
      ) : null}
    </div>
  );
}
