import { stopIcon } from '@jupyterlab/ui-components';
import type { RunningRun } from '../../client/documents';
import { duration, secondsOf } from '../../model/shared/format';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { Section } from './Section';

interface Props {
  model: SidebarModel;
  now: number;
  actions: FlowActions;
}

/** Unfinished runs: how far they are, how long they have taken against what is usual, and a way to end them. */
export function Running({ model, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const page = model.running.value;
  const runs = page?.runs ?? [];
  return (
    <Section title={trans.__('Running')} count={runs.length} className="jp-flow-running">
      {page && runs.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('Nothing runs.')}</p>
      ) : null}
      <ul>
        {runs.map(run => (
          <RunningRow key={`${run.dag_id}/${run.run_id}`} run={run} now={now} actions={actions} />
        ))}
      </ul>
      {page?.next ? <p className="jp-flow-faint">{trans.__('and more …')}</p> : null}
    </Section>
  );
}

function RunningRow({
  run,
  now,
  actions
}: {
  run: RunningRun;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const seconds = secondsOf({ start_date: run.start_date, end_date: null }, now);
  const usual = run.usual_duration;
  const isLong = seconds !== null && usual !== null && seconds > Math.max(1.5 * usual, usual + 5);
  const failed = (run.states['failed'] ?? 0) + (run.states['upstream_failed'] ?? 0);
  const words = trans.__('%1 of %2 tasks', run.ended, run.total);
  const share = (count: number) => `${run.total ? (100 * count) / run.total : 0}%`;
  return (
    <li className="jp-flow-running-run" data-run-id={run.run_id} data-long={isLong}>
      <div className="jp-flow-attention-head">
        <StateMark state={run.state} bare />
        <button
          className="jp-flow-link"
          title={run.run_id}
          onClick={() => actions.openRun(run.dag_id, run.run_id)}
        >
          {run.dag_display_name}
        </button>
        <span className="jp-flow-space" />
        <button
          className="jp-flow-icon-button"
          title={trans.__('Cancel this run')}
          aria-label={trans.__('Cancel the run of %1', run.dag_display_name)}
          onClick={() => actions.cancelRun(run.dag_id, run.run_id)}
        >
          <stopIcon.react tag="span" />
        </button>
      </div>
      <div
        className="jp-flow-progress"
        role="progressbar"
        aria-label={words}
        aria-valuemin={0}
        aria-valuemax={run.total}
        aria-valuenow={run.ended}
      >
        <span data-tone="good" style={{ width: share(run.ended - failed) }} />
        <span data-tone="bad" style={{ width: share(failed) }} />
        <span data-tone="busy" style={{ width: share(run.states['running'] ?? 0) }} />
      </div>
      <div className="jp-flow-running-words jp-flow-faint">
        <span>{words}</span>
        {failed > 0 ? <span>{trans.__('%1 failed', failed)}</span> : null}
        <span className="jp-flow-space" />
        <span>
          {seconds === null ? trans.__('queued') : duration(Math.floor(seconds))}
          {usual === null ? '' : ` / ${trans.__('usually %1', duration(usual))}`}
        </span>
      </div>
    </li>
  );
}
