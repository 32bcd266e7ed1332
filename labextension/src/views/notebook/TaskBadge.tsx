import type { FoundTask } from '../../model/notebook/notebookUses';
import { duration } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** How the task of a cell fared in the last run; a click opens it there. */
export function TaskBadge({
  found,
  actions
}: {
  found: FoundTask;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const { dag, task } = found;
  const run = dag.last_run;
  if (run === null || task.state === null) {
    return (
      <button
        className="jp-flow-task-badge"
        title={trans.__('Open DAG %1', dag.dag_id)}
        onClick={() => actions.openDag(dag.dag_id)}
      >
        <span className="jp-flow-task-badge-name">{task.task_id}</span>
        <span className="jp-flow-faint">{trans.__('has not run yet')}</span>
      </button>
    );
  }
  return (
    <button
      className="jp-flow-task-badge"
      data-task-id={task.task_id}
      title={trans.__('Open %1 in run %2', task.task_id, run.run_id)}
      onClick={() => actions.openRun(dag.dag_id, run.run_id, task.task_id)}
    >
      <span className="jp-flow-task-badge-name">{task.task_id}</span>
      <StateMark state={task.state} />
      <span className="jp-flow-faint">{duration(task.duration)}</span>
    </button>
  );
}
