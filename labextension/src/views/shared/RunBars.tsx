import type { RunBar } from '../../client/documents';
import { duration, relative, secondsOf } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import { useTrans } from './hooks';
import { StateMark } from './StateMark';

interface Props {
  runs: RunBar[];
  now: number;
  onOpen(run: RunBar): void;
}

const LEAST = 18;

/** The last runs, newest at the right: height is duration, foot is state (shape and colour). */
export function RunBars({ runs, now, onOpen }: Props): JSX.Element {
  const trans = useTrans();
  const longest = Math.max(1e-3, ...runs.map(run => secondsOf(run, now) ?? 0));
  return (
    <div className="jp-flow-bars" role="group" aria-label={trans.__('Last runs')}>
      {runs.map(run => {
        const seconds = secondsOf(run, now);
        const height = Math.max(LEAST, (100 * (seconds ?? 0)) / longest);
        const when = relative(run.start_date, now);
        const words = [run.run_id, trans.__(LOOKS[run.state].label), when, duration(seconds)];
        return (
          <button
            key={run.run_id}
            className="jp-flow-bar"
            title={words.filter(Boolean).join('\n')}
            aria-label={words.filter(Boolean).join(', ')}
            onClick={() => onOpen(run)}
          >
            <span className="jp-flow-bar-room">
              <span
                className="jp-flow-bar-body"
                data-tone={LOOKS[run.state].tone}
                style={{ height: `${height}%` }}
              />
            </span>
            <StateMark state={run.state} bare />
          </button>
        );
      })}
    </div>
  );
}
