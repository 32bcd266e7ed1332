import { useEffect, useState } from 'react';
import type { RunEvent } from '../../client/runApi';
import { dateTime, reasonText, timeOfDay } from '../../model/shared/format';
import type { RunModel } from '../../model/run/runModel';
import { LOOKS } from '../../model/shared/states';
import type { AnyState } from '../../model/shared/states';
import type { TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  model: RunModel;
  taskKey: TaskKey;
  /** Fetch again when this changes. */
  version: string;
}

const MOST = 500;

/** The story of a task: from state to state, when, why and by whom. */
export function Events({ model, taskKey, version }: Props): JSX.Element {
  const trans = useTrans();
  const [events, setEvents] = useState<RunEvent[] | null>(null);
  const [hasMore, setMore] = useState(false);
  const { dag_id, run_id, task_id, map_index } = taskKey;
  useEffect(() => {
    let isCurrent = true;
    model.runApi.events({ dag_id, run_id, task_id, map_index }, MOST).then(
      page => {
        if (isCurrent) {
          setEvents(page.events);
          setMore(page.next !== null);
        }
      },
      () => setEvents(before => before ?? [])
    );
    return () => {
      isCurrent = false;
    };
  }, [model, dag_id, run_id, task_id, map_index, version]);
  if (events === null) {
    return <p className="jp-flow-faint">{trans.__('Loading …')}</p>;
  }
  return (
    <div className="jp-flow-tab-page">
      <ol className="jp-flow-story" aria-label={trans.__('Events')}>
        {events.map(event => (
          <li key={event.id}>
            <time dateTime={event.at} title={dateTime(event.at)}>
              {timeOfDay(event.at)}
            </time>{' '}
            {isState(event.state_to) ? (
              <StateMark state={event.state_to} />
            ) : (
              <span>{event.kind.replaceAll('_', ' ')}</span>
            )}{' '}
            <span className="jp-flow-faint">
              {event.reason ? reasonText(event.reason) : ''}
              {event.actor ? ` ${trans.__('by %1', event.actor)}` : ''}
            </span>
          </li>
        ))}
      </ol>
      {hasMore ? <p className="jp-flow-faint">{trans.__('The first %1 events.', MOST)}</p> : null}
    </div>
  );
}

function isState(state: string | null): state is AnyState {
  return state !== null && state in LOOKS;
}
