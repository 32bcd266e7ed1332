import type { TaskDetails } from '../../client/documents';
import { reasonText } from '../../model/shared/format';
import type { RunModel } from '../../model/run/runModel';
import { isWaiting } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** Why the task is as it is: of one that waits all that it waits for, the nearest first. */
export function WhyList({ model, task }: { model: RunModel; task: TaskDetails }): JSX.Element {
  const trans = useTrans();
  const reasons = isWaiting(task.state) ? model.waitsFor : task.reason ? [task.reason] : [];
  return (
    <div className="jp-flow-tab-page">
      <p>
        <StateMark state={task.state} />
      </p>
      {reasons.length > 0 ? (
        <ul className="jp-flow-reason jp-flow-waits" aria-label={trans.__('What it waits for')}>
          {reasons.map(item => (
            <li key={item.text}>{reasonText(item)}</li>
          ))}
        </ul>
      ) : (
        <p className="jp-flow-faint">
          {task.state === 'running' ? trans.__('It runs.') : trans.__('No reason is recorded.')}
        </p>
      )}
    </div>
  );
}
