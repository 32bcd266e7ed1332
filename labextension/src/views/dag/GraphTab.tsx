import type { DagWithTasks } from '../../client/documents';
import type { DagModel } from '../../model/dag/dagModel';
import type { LayoutService } from '../../model/dag/layoutService';
import { reasonText } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { Graph } from './Graph';
import { RunTable } from './RunTable';

interface Props {
  model: DagModel;
  dag: DagWithTasks;
  layouts: LayoutService;
  now: number;
  actions: FlowActions;
}

/** The graph in the colours of one run, and the runs to choose from. */
export function GraphTab({ model, dag, layouts, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const run = model.selectedRun;
  return (
    <div className="jp-flow-graph-tab">
      <div className="jp-flow-graph-head">
        {run ? (
          <>
            <StateMark state={run.state} />
            <button
              className="jp-flow-link"
              onClick={() => actions.openRun(run.dag_id, run.run_id)}
            >
              {run.run_id}
            </button>
            {run.reason && run.state !== 'success' ? <span>{reasonText(run.reason)}</span> : null}
          </>
        ) : (
          <span className="jp-flow-faint">{trans.__('No run is shown in the graph.')}</span>
        )}
      </div>
      <Graph
        dag={dag}
        instances={run?.tasks ?? []}
        layouts={layouts}
        onOpen={run ? taskId => actions.openRun(run.dag_id, run.run_id, taskId) : null}
      />
      <section className="jp-flow-graph-runs" aria-label={trans.__('Runs')}>
        {model.runsError ? <p className="jp-flow-message">{model.runsError.message}</p> : null}
        <RunTable
          runs={model.runs}
          selectedRunId={model.selectedRunId}
          now={now}
          zone={dag.schedule_timezone}
          hasOlder={model.hasOlderRuns}
          actions={actions}
          onSelect={runId => model.select(runId === model.runs[0]?.run_id ? null : runId)}
          onOlder={() => model.showOlderRuns()}
        />
      </section>
    </div>
  );
}
