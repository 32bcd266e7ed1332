import type { RunWithTasks, TaskInstance } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { compareTab } from '../../model/compare/comparePlace';
import { dateTime, duration, elapsed, reasonText, relative } from '../../model/shared/format';
import type { RunModel, Tab } from '../../model/run/runModel';
import { countStates, hasEnded } from '../../model/shared/states';
import type { FlowActions, TaskKey } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { VersionLinks } from '../code/VersionLinks';
import { Facts } from '../shared/Facts';
import type { Fact } from '../shared/Facts';
import { ParentLink } from '../shared/Links';
import { StateMark } from '../shared/StateMark';
import { DiagnosisCard } from './DiagnosisCard';
import { TaskInspector } from './TaskInspector';
import { TaskTree } from './TaskTree';
import { runTypeWords } from '../shared/words';

/** What the page asks the outside to do with tasks. */
export interface TaskActions {
  clearTask(key: TaskKey): void;
  markTask(key: TaskKey, state: 'success' | 'failed' | 'skipped'): void;
  clearRun(dagId: string, runId: string, onlyFailed: boolean): void;
  /** Open the menu of a task; `show` turns to one of the page's tabs. */
  menu(task: TaskInstance, key: TaskKey, at: [number, number], show: (tab: Tab) => void): void;
}

interface Props {
  model: RunModel;
  stream: EventStream;
  actions: FlowActions;
  tasks: TaskActions;
}

export function RunPage({ model, stream, actions, tasks }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const run = model.run.value;
  const now = useNow(run !== null && !hasEnded(run.state) ? 1 : 30);
  if (run === null) {
    const words = model.run.error?.message ?? trans.__('Loading …');
    return <p className="jp-flow-message">{words}</p>;
  }
  const keyOf = (task: { task_id: string; map_index: number }): TaskKey => ({
    dag_id: run.dag_id,
    run_id: run.run_id,
    task_id: task.task_id,
    map_index: task.map_index
  });
  const onKey = (key: string, task: TaskInstance): boolean => {
    const acts: Record<string, () => void> = {
      l: () => model.selectTab('log'),
      n: () => model.selectTab('notebook'),
      w: () => model.selectTab('why'),
      r: () => tasks.clearTask(keyOf(task)),
      Enter: () => actions.openNotebook(keyOf(task), null)
    };
    const act = key === 'Enter' && task.notebook_path === null ? undefined : acts[key];
    act?.();
    return act !== undefined;
  };
  const failure = model.diagnosis;
  return (
    <div className="jp-flow-page jp-flow-run-page" data-run-id={run.run_id} data-state={run.state}>
      <Header
        run={run}
        latest={model.dag.value?.version ?? run.version}
        now={now}
        actions={actions}
        tasks={tasks}
        isDiagnosed={failure !== null}
      />
      {failure ? (
        <DiagnosisCard
          failure={failure}
          onSelect={() => {
            model.selectTask(failure.task_id, failure.map_index);
            model.selectTab(failure.has_notebook ? 'notebook' : 'log');
          }}
          onOpenNotebook={() => actions.openNotebook(keyOf(failure), failure.attempt_number)}
          onRepair={() => tasks.clearTask(keyOf(failure))}
        />
      ) : null}
      <div className="jp-flow-run-body">
        <section className="jp-flow-run-tasks" aria-label={trans.__('Tasks')}>
          <TaskTree
            run={run}
            dagTasks={model.dag.value?.tasks ?? []}
            groups={model.dag.value?.groups ?? []}
            earlier={model.earlier}
            selected={model.selectedKey}
            onSelect={task => model.selectTask(task.task_id, task.map_index)}
            onMenu={(task, x, y) =>
              tasks.menu(task, keyOf(task), [x, y], tab => model.selectTab(tab))
            }
            onKey={onKey}
          />
        </section>
        <section className="jp-flow-run-task" aria-label={trans.__('Selected task')}>
          <TaskInspector model={model} stream={stream} actions={actions} now={now} />
        </section>
      </div>
    </div>
  );
}

function Header({
  run,
  latest,
  now,
  actions,
  tasks,
  isDiagnosed
}: {
  run: RunWithTasks;
  /** The version that the DAG has now. */
  latest: number;
  now: number;
  actions: FlowActions;
  tasks: TaskActions;
  isDiagnosed: boolean;
}): JSX.Element {
  const trans = useTrans();
  const isOver = hasEnded(run.state);
  const facts: Fact[] = [
    [
      trans.__('Started'),
      run.start_date ? relative(run.start_date, now) : '',
      dateTime(run.start_date)
    ],
    [trans.__('Duration'), duration(elapsed(run, now))],
    [trans.__('Logical date'), utc(run.logical_date)],
    [trans.__('Run after'), run.logical_date === null ? utc(run.run_after) : ''],
    [
      trans.__('Data interval'),
      run.data_interval_start && run.data_interval_start !== run.data_interval_end
        ? `${utc(run.data_interval_start)} – ${utc(run.data_interval_end)}`
        : ''
    ],
    [trans.__('Run type'), runTypeWords(run.run_type, trans)],
    [
      trans.__('Started by'),
      run.parent ? <ParentLink parent={run.parent} actions={actions} /> : starter(run)
    ],
    [
      trans.__('Version'),
      <VersionLinks key="version" run={run} latest={latest} actions={actions} />
    ],
    [trans.__('Params'), Object.keys(run.conf).length > 0 ? JSON.stringify(run.conf) : ''],
    [
      trans.__('Tasks'),
      <span key="counts" className="jp-flow-counts">
        {countStates(run.tasks.map(task => task.state)).map(({ state, count }) => (
          <span key={state}>
            {count} <StateMark state={state} />
          </span>
        ))}
      </span>
    ]
  ];
  return (
    <header>
      <div className="jp-flow-head">
        <StateMark state={run.state} />
        <h1>
          <button className="jp-flow-link" onClick={() => actions.openDag(run.dag_id)}>
            {run.dag_display_name}
          </button>{' '}
          <span className="jp-flow-run-id">{run.run_id}</span>
        </h1>
        <span className="jp-flow-space" />
        {isOver ? (
          <>
            <button
              className="jp-flow-button"
              title={trans.__(
                'Code, params, environment, durations and notebooks beside the last success'
              )}
              onClick={() => actions.openDag(run.dag_id, compareTab([run.run_id]))}
            >
              {trans.__('Compare with last success')}
            </button>
            {run.state !== 'success' ? (
              <button
                className="jp-flow-button jp-mod-accept"
                title={trans.__(
                  'Run the tasks that failed, and what depends on them, with the latest version'
                )}
                onClick={() => tasks.clearRun(run.dag_id, run.run_id, true)}
              >
                {trans.__('Rerun failed')}
              </button>
            ) : null}
            <button
              className="jp-flow-button"
              title={trans.__('Run all tasks again, with the latest version')}
              onClick={() => tasks.clearRun(run.dag_id, run.run_id, false)}
            >
              {trans.__('Rerun all')}
            </button>
          </>
        ) : (
          <button
            className="jp-flow-button jp-mod-warn"
            onClick={() => actions.cancelRun(run.dag_id, run.run_id)}
          >
            {trans.__('Cancel')}
          </button>
        )}
      </div>
      {run.reason && run.state !== 'success' && !isDiagnosed ? (
        <p className="jp-flow-reason">{reasonText(run.reason)}</p>
      ) : null}
      <Facts className="jp-flow-facts" rows={facts} />
    </header>
  );
}

/** Who asked for a run; nobody did for one that the schedule or an asset started. */
function starter(run: RunWithTasks): string {
  return ['scheduled', 'asset_triggered'].includes(run.run_type) ? '' : run.actor;
}

function utc(instant: string | null): string {
  return instant === null ? '' : `${dateTime(instant, 'UTC')} UTC`;
}
