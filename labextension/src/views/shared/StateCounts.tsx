import { LOOKS, TASK_STATES } from '../../model/shared/states';
import type { TaskState } from '../../model/shared/states';
import { useTrans } from './hooks';
import { StateMark } from './StateMark';

interface Props {
  states: Record<string, number>;
  label: string;
  onOpen(state: TaskState): void;
}

/** How many tasks are in which state, each a link. */
export function StateCounts({ states, label, onOpen }: Props): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-flow-state-counts" role="group" aria-label={label}>
      {TASK_STATES.filter(state => states[state]).map(state => {
        const words = `${states[state]} ${trans.__(LOOKS[state].label)}`;
        return (
          <button
            key={state}
            className="jp-flow-link jp-flow-state-count"
            title={words}
            aria-label={words}
            data-state={state}
            onClick={() => onOpen(state)}
          >
            <StateMark state={state} bare />
            {states[state]}
          </button>
        );
      })}
    </div>
  );
}
