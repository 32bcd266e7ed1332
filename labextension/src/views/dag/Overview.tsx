import type { DagWithTasks, NextRun } from '../../client/documents';
import { dateTime, relative } from '../../model/shared/format';
import { Facts } from '../shared/Facts';
import type { Fact } from '../shared/Facts';
import { useTrans } from '../shared/hooks';
import { ScheduleWords } from '../shared/ScheduleWords';

/** What a DAG is, and when it runs next. */
export function Overview({
  dag,
  next,
  now
}: {
  dag: DagWithTasks;
  next: NextRun[];
  now: number;
}): JSX.Element {
  const trans = useTrans();
  const zone = dag.schedule_timezone;
  const rows: Fact[] = [
    [
      trans.__('Schedule'),
      dag.schedule === null ? trans.__('none: runs when triggered') : <ScheduleWords dag={dag} />
    ],
    [trans.__('Time zone'), zone],
    [trans.__('File'), dag.dag_file],
    [trans.__('Version'), String(dag.version)],
    [trans.__('Catch-up'), dag.catchup ? trans.__('yes') : trans.__('no')],
    [trans.__('Runs at once'), String(dag.max_active_runs)],
    [trans.__('Owner'), dag.owner],
    [trans.__('Tags'), dag.tags.join(', ')]
  ];
  const hasIntervals = next.some(item => interval(item, zone) !== '');
  return (
    <div className="jp-flow-overview">
      <Facts className="jp-flow-details" rows={rows} />
      {next.length > 0 ? (
        <table className="jp-flow-table" aria-label={trans.__('Next runs')}>
          <thead>
            <tr>
              <th scope="col">{trans.__('Next runs')}</th>
              {hasIntervals ? <th scope="col">{trans.__('Data interval')}</th> : null}
              <th scope="col">{trans.__('Starts')}</th>
            </tr>
          </thead>
          <tbody>
            {next.map(item => (
              <tr key={item.run_after}>
                <td>{dateTime(item.run_after, zone)}</td>
                {hasIntervals ? <td>{interval(item, zone)}</td> : null}
                <td>{dag.is_paused ? trans.__('when unpaused') : relative(item.run_after, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}

/** Empty for a run that covers no time. */
function interval(run: NextRun, zone: string): string {
  const { data_interval_start: start, data_interval_end: end } = run;
  return start === null || start === end ? '' : `${dateTime(start, zone)} – ${dateTime(end, zone)}`;
}
