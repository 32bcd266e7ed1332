import type { Run } from '../../client/documents';
import { dateTime, duration, elapsed, reasonText, relative } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { runTypeWords } from '../shared/words';
import { StateMark } from '../shared/StateMark';

interface Props {
  runs: Run[];
  selectedRunId: string | null;
  now: number;
  /** IANA zone of the DAG, in which logical dates are shown. */
  zone: string;
  hasOlder: boolean;
  actions: FlowActions;
  onSelect(runId: string): void;
  onOlder(): void;
}

export function RunTable(props: Props): JSX.Element {
  const trans = useTrans();
  const { runs, now } = props;
  return (
    <div className="jp-flow-table-room">
      <table className="jp-flow-table" aria-label={trans.__('Runs')}>
        <thead>
          <tr>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Run')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col">{trans.__('Duration')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <tr
              key={run.run_id}
              data-run-id={run.run_id}
              aria-selected={run.run_id === props.selectedRunId}
              onClick={() => props.onSelect(run.run_id)}
            >
              <td>
                <StateMark state={run.state} />
              </td>
              <td>
                <button
                  className="jp-flow-link"
                  title={`${run.run_id}\n${props.zone}`}
                  onClick={() => props.actions.openRun(run.dag_id, run.run_id)}
                >
                  {dateTime(run.logical_date ?? run.run_after, props.zone) || run.run_id}
                </button>
                <span className="jp-flow-faint"> {runTypeWords(run.run_type, trans)}</span>
              </td>
              <td title={dateTime(run.start_date)}>
                {run.start_date ? relative(run.start_date, now) : reasonText(run.reason)}
              </td>
              <td>{duration(elapsed(run, now))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {runs.length === 0 ? <p className="jp-flow-faint">{trans.__('No runs yet.')}</p> : null}
      {props.hasOlder ? (
        <button className="jp-flow-link" onClick={() => props.onOlder()}>
          {trans.__('Older runs')}
        </button>
      ) : null}
    </div>
  );
}
