import type { ReactNode } from 'react';
import type { RunWithTasks } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { dateTime, duration, elapsed, reasonText, relative } from '../../model/shared/format';
import type { RunModel } from '../../model/run/runModel';
import { countStates, hasEnded } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { ParentLink } from '../shared/Links';
import { StateMark } from '../shared/StateMark';
import { TaskInspector } from './TaskInspector';
import { TaskTable } from './TaskTable';
import { runTypeWords } from '../shared/words';

interface Props {
  model: RunModel;
  stream: EventStream;
  actions: FlowActions;
}

export function RunPage({ model, stream, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const run = model.run.value;
  const now = useNow(run !== null && !hasEnded(run.state) ? 1 : 30);
  if (run === null) {
    const words = model.run.error?.message ?? trans.__('Loading …');
    return <p className="jp-flow-message">{words}</p>;
  }
  return (
    <div className="jp-flow-page jp-flow-run-page" data-run-id={run.run_id} data-state={run.state}>
      <Header run={run} now={now} actions={actions} />
      <div className="jp-flow-run-body">
        <section className="jp-flow-run-tasks" aria-label={trans.__('Tasks')}>
          <TaskTable
            tasks={run.tasks}
            selected={model.selectedKey}
            now={now}
            onSelect={task => model.selectTask(task.task_id, task.map_index)}
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
  now,
  actions
}: {
  run: RunWithTasks;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const isOver = hasEnded(run.state);
  const facts: [string, ReactNode, string][] = [
    [
      trans.__('Started'),
      run.start_date ? relative(run.start_date, now) : '',
      dateTime(run.start_date)
    ],
    [trans.__('Duration'), duration(elapsed(run, now)), ''],
    [trans.__('Logical date'), utc(run.logical_date), ''],
    [trans.__('Run after'), run.logical_date === null ? utc(run.run_after) : '', ''],
    [
      trans.__('Data interval'),
      run.data_interval_start && run.data_interval_start !== run.data_interval_end
        ? `${utc(run.data_interval_start)} – ${utc(run.data_interval_end)}`
        : '',
      ''
    ],
    [trans.__('Run type'), runTypeWords(run.run_type, trans), ''],
    [
      trans.__('Started by'),
      run.parent ? <ParentLink parent={run.parent} actions={actions} /> : starter(run),
      ''
    ],
    [trans.__('Version'), String(run.version), ''],
    [trans.__('Params'), Object.keys(run.conf).length > 0 ? JSON.stringify(run.conf) : '', '']
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
            {run.state !== 'success' ? (
              <button
                className="jp-flow-button jp-mod-accept"
                title={trans.__(
                  'Run the tasks that failed, and what depends on them, with the latest version'
                )}
                onClick={() => actions.clearRun(run.dag_id, run.run_id, true)}
              >
                {trans.__('Rerun failed')}
              </button>
            ) : null}
            <button
              className="jp-flow-button"
              title={trans.__('Run all tasks again, with the latest version')}
              onClick={() => actions.clearRun(run.dag_id, run.run_id, false)}
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
      {run.reason && run.state !== 'success' ? (
        <p className="jp-flow-reason">{reasonText(run.reason)}</p>
      ) : null}
      <dl className="jp-flow-facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value, title]) => (
            <div key={name} title={title}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        <div>
          <dt>{trans.__('Tasks')}</dt>
          <dd className="jp-flow-counts">
            {countStates(run.tasks.map(task => task.state)).map(({ state, count }) => (
              <span key={state}>
                {count} <StateMark state={state} />
              </span>
            ))}
          </dd>
        </div>
      </dl>
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
