import { useMemo } from 'react';
import type { Timeline } from '../../client/documents';
import { dayStrip } from '../../model/home/dayStrip';
import { HOURS } from '../../model/home/homeModel';
import { dateTime, duration, secondsOf } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';

interface Props {
  day: Timeline;
  now: number;
  actions: FlowActions;
}

const LANE = 14;
/** An hour so near to "now" (a share of the axis) would stand under that word. */
const NEAR_NOW = 0.04;

/** Past runs as bars, coming ones as marks, with now in the middle. */
export function DayStrip({ day, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const strip = useMemo(() => dayStrip(day, now, HOURS), [day, now]);
  const height = strip.lanes * LANE;
  const time = (at: number) =>
    new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(at);
  return (
    <div className="jp-flow-day">
      <div className="jp-flow-day-room" style={{ height }}>
        {strip.hours.map(hour => (
          <span
            key={hour.at}
            className="jp-flow-day-hour"
            style={{ left: `${100 * hour.left}%` }}
            aria-hidden="true"
          />
        ))}
        <span className="jp-flow-day-now" aria-hidden="true" />
        {strip.bars.map(({ run, left, width, lane }) => {
          const words = [
            run.dag_id,
            trans.__(LOOKS[run.state].label),
            dateTime(run.start_date),
            duration(secondsOf(run, now))
          ];
          return (
            <button
              key={`${run.dag_id}/${run.run_id}`}
              className="jp-flow-day-run"
              data-tone={LOOKS[run.state].tone}
              data-state={run.state}
              data-dag-id={run.dag_id}
              title={words.join('\n')}
              aria-label={words.join(', ')}
              style={{ left: `${100 * left}%`, width: `${100 * width}%`, top: lane * LANE }}
              onClick={() => actions.openRun(run.dag_id, run.run_id)}
            />
          );
        })}
        {strip.coming.map(mark => {
          const who = mark.dagIds.slice(0, 8).join(', ') + (mark.dagIds.length > 8 ? ' …' : '');
          const words = trans.__('%1: %2', time(mark.at), who);
          return (
            <button
              key={mark.at}
              className="jp-flow-day-coming"
              data-many={mark.dagIds.length > 1}
              title={words}
              aria-label={trans.__('comes at %1', words)}
              style={{ left: `${100 * mark.left}%` }}
              onClick={() => actions.openDag(mark.dagIds[0] ?? '')}
            />
          );
        })}
      </div>
      <div className="jp-flow-day-axis" aria-hidden="true">
        {strip.hours
          .filter(hour => Math.abs(hour.left - 0.5) > NEAR_NOW)
          .map(hour => (
            <span key={hour.at} style={{ left: `${100 * hour.left}%` }}>
              {time(hour.at)}
            </span>
          ))}
        <span className="jp-flow-day-now-word">{trans.__('now')}</span>
      </div>
      {day.runs.length === 0 && strip.coming.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('Nothing ran, and nothing is planned.')}</p>
      ) : null}
      {day.next === null ? null : (
        <p className="jp-flow-faint">
          {trans.__('Only the newest %1 runs are drawn.', day.runs.length)}
        </p>
      )}
    </div>
  );
}
