import type { TaskDetails } from '../../client/documents';
import { dateTime } from '../../model/shared/format';
import type { FlowActions, TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';

interface Props {
  task: TaskDetails;
  taskKey: TaskKey;
  actions: FlowActions;
}

/** Of a failed notebook whose kernel is still there: until when, opening it, and letting it go. */
export function LiveKernel({ task, taskKey, actions }: Props): JSX.Element | null {
  const trans = useTrans();
  const live = task.live_kernel;
  if (!live) {
    return null;
  }
  return (
    <div
      className="jp-flow-live"
      role="group"
      aria-label={trans.__('Kernel kept after the failure')}
    >
      <span className="jp-flow-live-dot" aria-hidden="true" />
      <span className="jp-flow-live-words">
        {trans.__('Kernel kept until %1, with all its variables', dateTime(live.until))}
      </span>
      <button
        className="jp-flow-button jp-mod-accept"
        title={trans.__('Open a working copy at the failing cell, on the kernel as it failed')}
        onClick={() => actions.openLive(taskKey)}
      >
        {trans.__('Open live')}
      </button>
      <button
        className="jp-flow-button"
        title={trans.__('End the kernel and free its memory')}
        onClick={() => actions.letKernelGo(taskKey)}
      >
        {trans.__('Let go')}
      </button>
    </div>
  );
}
