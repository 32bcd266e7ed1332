import { runIcon } from '@jupyterlab/ui-components';
import type { Dag } from '../../client/documents';
import { dateTime, relative } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { RunBars } from '../shared/RunBars';
import { ScheduleWords } from '../shared/ScheduleWords';

interface Props {
  dag: Dag;
  now: number;
  actions: FlowActions;
}

export function DagRow({ dag, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  return (
    <li className="jp-flow-dag" data-dag-id={dag.dag_id} data-paused={dag.is_paused}>
      <div className="jp-flow-dag-head">
        <button
          className="jp-flow-link jp-flow-dag-name"
          title={[dag.dag_id, dag.description].filter(Boolean).join('\n')}
          onClick={() => actions.openDag(dag.dag_id)}
        >
          {dag.dag_display_name}
        </button>
        {dag.is_paused ? <span className="jp-flow-badge">{trans.__('paused')}</span> : null}
        <span className="jp-flow-space" />
        <PauseSwitch dag={dag} actions={actions} />
        <button
          className="jp-flow-icon-button"
          title={trans.__('Run %1 …', dag.dag_id)}
          aria-label={trans.__('Run %1', dag.dag_id)}
          onClick={() => actions.trigger(dag.dag_id)}
        >
          <runIcon.react tag="span" />
        </button>
      </div>
      <div className="jp-flow-dag-when">{whenWords(dag, now, trans.__.bind(trans))}</div>
      {dag.recent_runs.length > 0 ? (
        <RunBars
          runs={dag.recent_runs}
          now={now}
          onOpen={run => actions.openRun(run.dag_id, run.run_id)}
        />
      ) : (
        <div className="jp-flow-faint">{trans.__('no runs yet')}</div>
      )}
    </li>
  );
}

export function PauseSwitch({ dag, actions }: { dag: Dag; actions: FlowActions }): JSX.Element {
  const trans = useTrans();
  const words = dag.is_paused
    ? trans.__('Paused: the schedule starts no runs. Click to unpause')
    : trans.__('Active: the schedule starts runs. Click to pause');
  return (
    <button
      className="jp-flow-switch"
      role="switch"
      aria-checked={!dag.is_paused}
      aria-label={trans.__('Schedule of %1 is active', dag.dag_id)}
      title={words}
      onClick={() => actions.setPaused(dag.dag_id, !dag.is_paused)}
    >
      <span className="jp-flow-switch-knob" />
    </button>
  );
}

function whenWords(
  dag: Dag,
  now: number,
  __: (text: string, ...args: string[]) => string
): JSX.Element {
  if (dag.schedule === null) {
    return <>{__('no schedule: runs when triggered')}</>;
  }
  const next = dag.next_run?.run_after ?? null;
  const late = next !== null && Date.parse(next) < now;
  let words = '';
  if (next !== null && !dag.is_paused) {
    words = late ? __('due %1', relative(next, now)) : __('next %1', relative(next, now));
  }
  return (
    <>
      <ScheduleWords dag={dag} />
      {words ? (
        <span
          title={`${dateTime(next, dag.schedule_timezone)} ${dag.schedule_timezone}\n${dateTime(next)}`}
        >
          {' '}
          · {words}
        </span>
      ) : null}
    </>
  );
}
