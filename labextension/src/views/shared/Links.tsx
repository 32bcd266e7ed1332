import type { ChildRun, ParentTask } from '../../client/documents';
import type { FlowActions } from '../../tokens';
import { useTrans } from './hooks';
import { StateMark } from './StateMark';

/** The task that asked for this run, as a link to it. */
export function ParentLink({
  parent,
  actions
}: {
  parent: ParentTask;
  actions: FlowActions;
}): JSX.Element {
  const { dag_id, run_id, task_id, map_index } = parent;
  const index = map_index >= 0 ? `[${map_index}]` : '';
  return (
    <button
      className="jp-flow-link"
      title={run_id}
      onClick={() => actions.openRun(dag_id, run_id, task_id ?? undefined, map_index)}
    >
      {dag_id}
      {task_id === null ? '' : ` ▸ ${task_id}${index}`}
    </button>
  );
}

/** The runs that a task asked for, each with its state. */
export function ChildRuns({
  runs,
  actions
}: {
  runs: ChildRun[];
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-flow-children" role="group" aria-label={trans.__('Runs that it started')}>
      {trans.__('Started:')}
      {runs.map(run => (
        <span key={`${run.dag_id}/${run.run_id}`}>
          <StateMark state={run.state} />{' '}
          <button className="jp-flow-link" onClick={() => actions.openRun(run.dag_id, run.run_id)}>
            {run.dag_id} <span className="jp-flow-run-id">{run.run_id}</span>
          </button>
        </span>
      ))}
    </div>
  );
}
