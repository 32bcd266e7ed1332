import type { Attempt, TaskDetails } from '../../client/documents';
import type { RunModel } from '../../model/run/runModel';
import { bytes } from '../../model/run/samples';
import { dateTime, duration, elapsed, reasonText, timeOfDay } from '../../model/shared/format';
import type { TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { useRendered } from './Values';

interface Props {
  model: RunModel;
  task: TaskDetails;
  taskKey: TaskKey;
  shown: number;
  now: number;
}

/** All attempts; the one that is picked is shown by the other tabs, and compared with the one before it. */
export function Attempts({ model, task, taskKey, shown, now }: Props): JSX.Element {
  const trans = useTrans();
  const latest = task.attempts.at(-1)?.attempt_number;
  const at = task.attempts.findIndex(attempt => attempt.attempt_number === shown);
  const before = at > 0 ? task.attempts[at - 1] : undefined;
  const current = task.attempts[at];
  return (
    <div className="jp-flow-tab-page">
      <table className="jp-flow-table jp-flow-attempts" aria-label={trans.__('Attempts')}>
        <thead>
          <tr>
            <th scope="col">{trans.__('Attempt')}</th>
            <th scope="col">{trans.__('Try')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col">{trans.__('Duration')}</th>
            <th scope="col">{trans.__('Memory')}</th>
            <th scope="col">{trans.__('How it ended')}</th>
          </tr>
        </thead>
        <tbody>
          {task.attempts.map(attempt => (
            <tr
              key={attempt.attempt_number}
              data-attempt={attempt.attempt_number}
              aria-selected={attempt.attempt_number === shown}
              onClick={() =>
                model.selectAttempt(
                  attempt.attempt_number === latest ? null : attempt.attempt_number
                )
              }
            >
              <td>
                <button className="jp-flow-link">{attempt.attempt_number}</button>
              </td>
              <td>{attempt.try_number}</td>
              <td title={dateTime(attempt.start_date)}>
                {attempt.start_date ? timeOfDay(attempt.start_date) : ''}
              </td>
              <td>{duration(elapsed(attempt, now))}</td>
              <td>{attempt.peak_rss ? bytes(attempt.peak_rss) : ''}</td>
              <td>{reasonText(attempt.reason) || (attempt.outcome ?? trans.__('running'))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {before && current ? (
        <Difference model={model} taskKey={taskKey} before={before} current={current} />
      ) : null}
    </div>
  );
}

interface DifferenceProps {
  model: RunModel;
  taskKey: TaskKey;
  before: Attempt;
  current: Attempt;
}

function Difference({ model, taskKey, before, current }: DifferenceProps): JSX.Element {
  const trans = useTrans();
  const old = useRendered(model, taskKey, before.attempt_number) ?? {};
  const now = useRendered(model, taskKey, current.attempt_number) ?? {};
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const rows: [string, string, string][] = names
    .map(
      name =>
        [name, JSON.stringify(old[name]) ?? '', JSON.stringify(now[name]) ?? ''] as [
          string,
          string,
          string
        ]
    )
    .filter(([, one, other]) => one !== other);
  const took = [duration(before.duration), duration(current.duration)] as const;
  if (took[0] !== took[1]) {
    rows.push([trans.__('duration'), ...took]);
  }
  const title = trans.__(
    'What changed from attempt %1 to attempt %2',
    before.attempt_number,
    current.attempt_number
  );
  return (
    <table className="jp-flow-table jp-flow-difference" aria-label={title}>
      <caption>{title}</caption>
      <tbody>
        {rows.map(([name, one, other]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <del>{one}</del>
            </td>
            <td>
              <ins>{other}</ins>
            </td>
          </tr>
        ))}
        {rows.length === 0 ? (
          <tr>
            <td>{trans.__('Nothing that is recorded.')}</td>
          </tr>
        ) : null}
      </tbody>
    </table>
  );
}
