import { relative } from '../../model/shared/format';
import type { StatusModel } from '../../model/elsewhere/statusModel';
import { useModel, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  model: StatusModel;
  onOpen(): void;
}

/** One line at the bottom of the window: the scheduler, what runs, what failed today. */
export function StatusItem({ model, onOpen }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const health = model.health.value;
  const state = model.isConnected ? (health?.state ?? 'connecting') : 'connecting';
  const running = model.running.value?.runs.length ?? 0;
  const failed = model.failedToday.value ?? 0;
  const beat = health?.host?.heartbeat_at ?? null;
  const words: Record<string, string> = {
    connecting: trans.__('Jupyter Flow: connecting'),
    healthy: trans.__('Scheduler is running'),
    degraded: trans.__('Scheduler needs attention'),
    stopped: trans.__('Scheduler is stopped')
  };
  const about = [
    words[state] ?? '',
    health?.message ?? '',
    beat === null ? '' : trans.__('last heartbeat seen %1', relative(beat, Date.now())),
    trans.__('%1 runs are running', running),
    trans.__('%1 runs failed today', failed)
  ].filter(Boolean);
  return (
    <button
      className="jp-flow-status"
      title={about.join('\n')}
      aria-label={about.join(', ')}
      onClick={onOpen}
    >
      <span className="jp-flow-host" data-host={state}>
        <span className="jp-flow-host-dot" aria-hidden="true" />
        Flow
      </span>
      {running > 0 ? (
        <span>
          <StateMark state="running" bare /> {running}
        </span>
      ) : null}
      {failed > 0 ? (
        <span>
          <StateMark state="failed" bare /> {failed}
        </span>
      ) : null}
    </button>
  );
}
