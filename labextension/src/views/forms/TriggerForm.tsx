import { useReducer } from 'react';
import type { DagWithTasks } from '../../client/documents';
import type { TriggerChoice } from '../../model/forms/triggerChoice';
import { useTrans } from '../shared/hooks';
import { RunValues } from './RunValues';

interface Props {
  dag: DagWithTasks;
  choice: TriggerChoice;
  /** Why the last attempt to start the run was refused. */
  problem: string | null;
}

/** Params of a run as a form or as JSON; the choice is written through at every change. */
export function TriggerForm({ dag, choice, problem }: Props): JSX.Element {
  const trans = useTrans();
  const [, draw] = useReducer((count: number) => count + 1, 0);
  const change = (write: () => void) => {
    write();
    draw();
  };
  return (
    <div className="jp-flow-trigger">
      {problem ? (
        <p className="jp-flow-warning" role="alert">
          {problem}
        </p>
      ) : null}
      <RunValues dag={dag} choice={choice} change={change} />
      {dag.is_paused ? (
        <label className="jp-flow-check">
          <input
            type="checkbox"
            checked={choice.unpause}
            onChange={event => change(() => (choice.unpause = event.target.checked))}
          />
          {trans.__('The DAG is paused: unpause it, so that the run starts')}
        </label>
      ) : null}
    </div>
  );
}
