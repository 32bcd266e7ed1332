import { relative } from '../../model/shared/format';
import type { StatusModel } from '../../model/elsewhere/statusModel';
import { useModel, useTrans } from '../shared/hooks';
import { HostMark, useHost } from '../shared/Host';
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
  const { state, words } = useHost(model);
  const running = model.running.value?.runs.length ?? 0;
  const failed = model.failedToday.value ?? 0;
  const beat = health?.host?.heartbeat_at ?? null;
  const about = [
    trans.__('Jupyter Flow: %1', words),
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
      <HostMark className="jp-flow-status-host" state={state}>
        {trans.__('Flow')}
      </HostMark>
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
