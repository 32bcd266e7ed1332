import type { ReactNode } from 'react';
import type { DagWithTasks, NextRun } from '../../client/documents';
import type { DagModel } from '../../model/dag/dagModel';
import { dateTime, reasonText, relative } from '../../model/shared/format';
import type { LayoutService } from '../../model/dag/layoutService';
import type { FlowActions } from '../../tokens';
import { PauseSwitch } from '../sidebar/DagRow';
import { Graph } from './Graph';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { RunTable } from './RunTable';
import { ScheduleWords } from '../shared/ScheduleWords';
import { StateMark } from '../shared/StateMark';

interface Props {
  model: DagModel;
  layouts: LayoutService;
  actions: FlowActions;
}

export function DagPage({ model, layouts, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const now = useNow(model.runs.some(run => run.end_date === null) ? 1 : 30);
  const dag = model.dag.value;
  if (dag === null) {
    const words = model.dag.error?.message ?? trans.__('Loading …');
    return <p className="jp-flow-message">{words}</p>;
  }
  const run = model.selectedRun;
  return (
    <div className="jp-flow-page jp-flow-dag-page" data-dag-id={dag.dag_id}>
      <header className="jp-flow-head">
        <h1>
          {dag.dag_display_name}
          {dag.dag_display_name === dag.dag_id ? null : (
            <span className="jp-flow-run-id"> {dag.dag_id}</span>
          )}
        </h1>
        {dag.is_paused ? <span className="jp-flow-badge">{trans.__('paused')}</span> : null}
        <span className="jp-flow-space" />
        <PauseSwitch dag={dag} actions={actions} />
        <button
          className="jp-flow-button jp-mod-accept"
          onClick={() => actions.trigger(dag.dag_id)}
        >
          {trans.__('Run …')}
        </button>
      </header>
      {dag.description ? <p className="jp-flow-description">{dag.description}</p> : null}
      {dag.warnings.map(warning => (
        <p key={warning} className="jp-flow-warning" role="note">
          {warning}
        </p>
      ))}
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
      <div className="jp-flow-columns">
        <section aria-label={trans.__('Runs')}>
          <h2 className="jp-flow-title">{trans.__('Runs')}</h2>
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
        <section aria-label={trans.__('Details')}>
          <h2 className="jp-flow-title">{trans.__('Details')}</h2>
          <Details dag={dag} next={model.next.value ?? []} now={now} />
        </section>
      </div>
    </div>
  );
}

function Details({
  dag,
  next,
  now
}: {
  dag: DagWithTasks;
  next: NextRun[];
  now: number;
}): JSX.Element {
  const trans = useTrans();
  const zone = dag.schedule_timezone;
  const rows: [string, ReactNode][] = [
    [
      trans.__('Schedule'),
      dag.schedule === null ? trans.__('none: runs when triggered') : <ScheduleWords dag={dag} />
    ],
    [trans.__('Time zone'), zone],
    [trans.__('File'), dag.dag_file],
    [trans.__('Version'), String(dag.version)],
    [trans.__('Catch-up'), dag.catchup ? trans.__('yes') : trans.__('no')],
    [trans.__('Runs at once'), String(dag.max_active_runs)],
    [trans.__('Owner'), dag.owner],
    [trans.__('Tags'), dag.tags.join(', ')]
  ];
  const hasIntervals = next.some(item => interval(item, zone) !== '');
  return (
    <>
      <dl className="jp-flow-details">
        {rows
          .filter(([, value]) => value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {next.length > 0 ? (
        <table className="jp-flow-table" aria-label={trans.__('Next runs')}>
          <thead>
            <tr>
              <th scope="col">{trans.__('Next runs')}</th>
              {hasIntervals ? <th scope="col">{trans.__('Data interval')}</th> : null}
              <th scope="col">{trans.__('Starts')}</th>
            </tr>
          </thead>
          <tbody>
            {next.map(item => (
              <tr key={item.run_after}>
                <td>{dateTime(item.run_after, zone)}</td>
                {hasIntervals ? <td>{interval(item, zone)}</td> : null}
                <td>{dag.is_paused ? trans.__('when unpaused') : relative(item.run_after, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </>
  );
}

/** Empty for a run that covers no time. */
function interval(run: NextRun, zone: string): string {
  const { data_interval_start: start, data_interval_end: end } = run;
  return start === null || start === end ? '' : `${dateTime(start, zone)} – ${dateTime(end, zone)}`;
}
