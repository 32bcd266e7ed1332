import type { DagRow } from '../../client/documents';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';

interface Props {
  dag: Pick<DagRow, 'dag_id' | 'is_paused'>;
  actions: FlowActions;
}

export function PauseSwitch({ dag, actions }: Props): JSX.Element {
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
