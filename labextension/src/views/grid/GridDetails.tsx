import type { DagWithTasks, RunWithTasks, TaskInstance } from '../../client/documents';
import type { TreeRow } from '../../model/grid/taskTree';
import { countWords, groupByTask } from '../../model/shared/aggregate';
import { dateTime, duration, elapsed, reasonText } from '../../model/shared/format';
import { countStates, hasEnded, LOOKS } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { Facts } from '../shared/Facts';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { runTypeWords } from '../shared/words';

interface Props {
  dag: DagWithTasks;
  run: RunWithTasks | null;
  row: TreeRow | null;
  now: number;
  error: Error | null;
  actions: FlowActions;
}

/** What is selected in the grid: a task in a run, a group in a run, or the run. */
export function GridDetails({ dag, run, row, now, error, actions }: Props): JSX.Element {
  const trans = useTrans();
  const instances = row && run ? run.tasks.filter(task => row.taskIds.includes(task.task_id)) : [];
  return (
    <aside className="jp-flow-aside" aria-label={trans.__('Selected')} aria-live="polite">
      {run === null ? (
        <p className="jp-flow-faint">
          {error?.message ?? trans.__('Select a cell or a run to see more of it.')}
        </p>
      ) : (
        <>
          {row ? (
            <TaskPart
              dag={dag}
              run={run}
              row={row}
              instances={instances}
              now={now}
              actions={actions}
            />
          ) : null}
          <RunPart run={run} now={now} actions={actions} />
        </>
      )}
    </aside>
  );
}

interface TaskProps {
  dag: DagWithTasks;
  run: RunWithTasks;
  row: TreeRow;
  instances: TaskInstance[];
  now: number;
  actions: FlowActions;
}

function TaskPart({ dag, run, row, instances, now, actions }: TaskProps): JSX.Element {
  const trans = useTrans();
  const task = dag.tasks.find(item => item.task_id === row.id);
  const [summary] = row.kind === 'task' ? groupByTask(instances) : [];
  const only = row.kind === 'task' && instances.length === 1 ? instances[0] : undefined;
  const why = only && only.state !== 'success' ? reasonText(only.reason) : '';
  const notebook = instances.find(item => item.notebook_path !== null);
  return (
    <section className="jp-flow-aside-part" data-selected-task={row.id}>
      <h2>{row.label}</h2>
      {summary ? <StateMark state={summary.state} /> : null}
      {row.kind === 'group' ? <p>{states(instances, words => trans.__(words))}</p> : null}
      {summary?.isExpanded ? (
        <p>{countWords(summary, state => trans.__(LOOKS[state].label))}</p>
      ) : null}
      {instances.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('This run does not have it.')}</p>
      ) : null}
      {why ? <p className="jp-flow-aside-why">{why}</p> : null}
      <Facts
        className="jp-flow-aside-facts"
        rows={[
          [trans.__('Started'), dateTime(summary?.start_date ?? null)],
          [trans.__('Duration'), summary ? duration(elapsed(summary, now)) : ''],
          [
            trans.__('Try'),
            only && only.try_number > 0 ? `${only.try_number}/${only.max_tries}` : ''
          ],
          [trans.__('Operator'), only?.operator ?? task?.operator ?? ''],
          [
            trans.__('Trigger rule'),
            task && task.trigger_rule !== 'all_success' ? task.trigger_rule : ''
          ],
          [trans.__('Upstream'), task?.upstream.join(', ') ?? ''],
          [trans.__('Downstream'), task?.downstream.join(', ') ?? '']
        ]}
      />
      {task?.doc ? <p className="jp-flow-doc">{task.doc}</p> : null}
      {row.kind === 'task' && instances.length > 0 ? (
        <div className="jp-flow-actions">
          <button
            className="jp-flow-button"
            onClick={() => actions.openRun(run.dag_id, run.run_id, row.id)}
          >
            {trans.__('Open task')}
          </button>
          {notebook ? (
            <button
              className="jp-flow-button"
              onClick={() =>
                actions.openNotebook(
                  {
                    dag_id: run.dag_id,
                    run_id: run.run_id,
                    task_id: row.id,
                    map_index: notebook.map_index
                  },
                  null
                )
              }
            >
              {trans.__('Open notebook')}
            </button>
          ) : null}
        </div>
      ) : null}
    </section>
  );
}

function RunPart({
  run,
  now,
  actions
}: {
  run: RunWithTasks;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const isOver = hasEnded(run.state);
  const hasFailed = run.tasks.some(task => ['failed', 'upstream_failed'].includes(task.state));
  return (
    <section className="jp-flow-aside-part" data-selected-run={run.run_id}>
      <h2 className="jp-flow-aside-run">{run.run_id}</h2>
      <StateMark state={run.state} />
      {run.reason && run.state !== 'success' ? (
        <p className="jp-flow-aside-why">{reasonText(run.reason)}</p>
      ) : null}
      <p>{states(run.tasks, words => trans.__(words))}</p>
      <Facts
        className="jp-flow-aside-facts"
        rows={[
          [trans.__('Run type'), runTypeWords(run.run_type, trans)],
          [trans.__('Logical date'), dateTime(run.logical_date, run.timezone)],
          [trans.__('Started'), dateTime(run.start_date)],
          [trans.__('Duration'), duration(elapsed(run, now))],
          [trans.__('Version'), String(run.version)],
          [trans.__('Params'), Object.keys(run.conf).length > 0 ? JSON.stringify(run.conf) : '']
        ]}
      />
      <div className="jp-flow-actions">
        <button className="jp-flow-button" onClick={() => actions.openRun(run.dag_id, run.run_id)}>
          {trans.__('Open run')}
        </button>
        {isOver && hasFailed ? (
          <button
            className="jp-flow-button"
            onClick={() => actions.clearRun(run.dag_id, run.run_id, true)}
          >
            {trans.__('Rerun failed')}
          </button>
        ) : null}
        {isOver ? null : (
          <button
            className="jp-flow-button"
            onClick={() => actions.cancelRun(run.dag_id, run.run_id)}
          >
            {trans.__('Cancel')}
          </button>
        )}
      </div>
    </section>
  );
}

/** "3 success, 1 failed". */
function states(instances: TaskInstance[], translate: (words: string) => string): string {
  return countStates(instances.map(task => task.state))
    .map(({ state, count }) => `${count} ${translate(LOOKS[state].label)}`)
    .join(', ');
}
