import type { BackfillDate } from '../../client/backfillApi';
import { dateTime } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { VirtualTable } from '../shared/VirtualTable';
import type { Column } from '../shared/VirtualTable';

interface Props {
  dagId: string;
  dates: BackfillDate[];
  zone: string;
  /** Whether these are only dates of a plan. */
  isPlan: boolean;
  actions: FlowActions;
}

/** The style sheet has the height of what stands around the rows. */
const ROW = 32;
const AROUND = 60;
const MOST = 340;

/** The dates of a backfill in their order: their intervals, and the run of each or what will happen. */
export function BackfillDates({ dagId, dates, zone, isPlan, actions }: Props): JSX.Element {
  const trans = useTrans();
  const leftOut = (reason: string) => {
    const words: Record<string, string> = {
      'already exists': trans.__('left out: has a run already'),
      'in flight': trans.__('left out: its run has not ended')
    };
    return words[reason] ?? trans.__('left out: %1', reason);
  };
  const plain = (date: BackfillDate) => {
    if (date.skipped !== null) {
      return leftOut(date.skipped);
    }
    return isPlan ? (date.run_id === null ? trans.__('runs') : trans.__('runs again')) : '';
  };
  const columns: Column<BackfillDate>[] = [
    {
      key: 'date',
      title: trans.__('Logical date'),
      width: 'minmax(150px, 1fr)',
      cell: date => <span title={zone}>{dateTime(date.logical_date, zone)}</span>
    },
    {
      key: 'interval',
      title: trans.__('Data interval'),
      width: 'minmax(220px, 2fr)',
      cell: ({ data_interval_start: start, data_interval_end: end }) =>
        start === end ? '' : `${dateTime(start, zone)} – ${dateTime(end, zone)}`
    },
    {
      key: 'run',
      title: trans.__('Run'),
      width: 'minmax(120px, 1fr)',
      cell: ({ run_id: runId, state }) =>
        runId === null || state === null ? (
          <span className="jp-flow-faint">
            {isPlan ? trans.__('none yet') : trans.__('to come')}
          </span>
        ) : (
          <button
            className="jp-flow-link"
            title={runId}
            onClick={() => actions.openRun(dagId, runId)}
          >
            <StateMark state={state} />
          </button>
        )
    },
    {
      key: 'what',
      title: isPlan ? trans.__('What happens') : '',
      width: 'minmax(170px, 1fr)',
      cell: date => (
        <span className={date.skipped === null ? '' : 'jp-flow-faint'}>{plain(date)}</span>
      )
    }
  ];
  return (
    <div
      className="jp-flow-backfill-dates"
      style={{ height: Math.min(MOST, AROUND + ROW * Math.max(1, dates.length)) }}
    >
      <VirtualTable
        label={trans.__('Dates')}
        rows={dates}
        columns={columns}
        rowKey={date => date.logical_date ?? ''}
        empty={trans.__('No dates.')}
      />
    </div>
  );
}
