import type { TranslationBundle } from '@jupyterlab/translation';
import type { DagWithTasks, NextRun } from '../../client/documents';
import { clockNotes } from '../../model/dag/clockNotes';
import type { ClockNote } from '../../model/dag/clockNotes';
import type { DagModel } from '../../model/dag/dagModel';
import { dateTime, relative } from '../../model/shared/format';
import { offsetOf } from '../../model/shared/zones';
import { useTrans } from '../shared/hooks';

interface Props {
  model: DagModel;
  dag: DagWithTasks;
  now: number;
}

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What the schedule brings: the clock of its zone and of the viewer, and what daylight saving does to it. */
export function NextRuns({ model, dag, now }: Props): JSX.Element | null {
  const trans = useTrans();
  const next = model.next.value ?? [];
  if (next.length === 0) {
    return null;
  }
  const zone = dag.schedule_timezone;
  const instants = next.map(item => Date.parse(item.run_after));
  const notes = clockNotes(instants, zone);
  const hasIntervals = next.some(item => interval(item, zone) !== '');
  const hasNotes = notes.some(note => note !== null);
  const isElsewhere = instants.some(at => offsetOf(at, zone) !== offsetOf(at, OWN_ZONE));
  return (
    <section aria-label={trans.__('Schedule')}>
      <table className="jp-flow-table" aria-label={trans.__('Next runs')}>
        <thead>
          <tr>
            <th scope="col">{trans.__('Next runs (%1)', zone)}</th>
            {isElsewhere ? <th scope="col">{trans.__('On your clock')}</th> : null}
            {hasIntervals ? <th scope="col">{trans.__('Data interval')}</th> : null}
            <th scope="col">{trans.__('Starts')}</th>
            {hasNotes ? <th scope="col">{trans.__('Daylight saving')}</th> : null}
          </tr>
        </thead>
        <tbody>
          {next.map((item, at) => (
            <tr key={item.run_after} data-run-after={item.run_after}>
              <td>{dateTime(item.run_after, zone)}</td>
              {isElsewhere ? <td>{dateTime(item.run_after)}</td> : null}
              {hasIntervals ? <td>{interval(item, zone)}</td> : null}
              <td>{dag.is_paused ? trans.__('when unpaused') : relative(item.run_after, now)}</td>
              {hasNotes ? <td>{noteWords(notes[at] ?? null, trans)}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
      {model.hasMoreNext ? (
        <button className="jp-flow-link" onClick={() => model.showMoreNext()}>
          {trans.__('More')}
        </button>
      ) : null}
    </section>
  );
}

function noteWords(note: ClockNote | null, trans: TranslationBundle): string {
  switch (note?.kind) {
    case 'first':
      return trans.__('this time comes twice: the first time');
    case 'second':
      return trans.__('this time comes twice: the second time');
    case 'moved':
      return note.minutes > 0
        ? trans.__('clocks have gone forward %1 min', String(note.minutes))
        : trans.__('clocks have gone back %1 min', String(-note.minutes));
    default:
      return '';
  }
}

/** Empty for a run that covers no time. */
function interval(run: NextRun, zone: string): string {
  const { data_interval_start: start, data_interval_end: end } = run;
  return start === null || start === end ? '' : `${dateTime(start, zone)} – ${dateTime(end, zone)}`;
}
