/** The columns of the operations pages. */
import type { Asset, ImportProblem, Pool, Sla } from '../../client/documents';
import { dateTime } from '../../model/shared/format';
import type { OperationsModel } from '../../model/operations/operationsModel';
import type { FlowActions } from '../../tokens';
import { StateMark } from '../shared/StateMark';
import type { Column } from '../shared/VirtualTable';
import { SlaNote } from './SlaNote';

type Words = (text: string, ...args: string[]) => string;
type When = (instant: string | null) => JSX.Element;

export function poolColumns(__: Words): Column<Pool>[] {
  const slots = (count: number | null) => (count === null || count < 0 ? '∞' : String(count));
  return [
    { key: 'name', title: __('Pool'), width: '2fr', cell: row => row.name, order: row => row.name },
    {
      key: 'slots',
      title: __('Slots'),
      width: '90px',
      cell: row => slots(row.slots),
      order: row => row.slots
    },
    {
      key: 'running',
      title: __('Running'),
      width: '90px',
      cell: row => row.running_slots,
      order: row => row.running_slots
    },
    {
      key: 'queued',
      title: __('Queued'),
      width: '90px',
      cell: row => row.queued_slots,
      order: row => row.queued_slots
    },
    {
      key: 'waiting',
      title: __('Waiting'),
      width: '90px',
      cell: row => row.scheduled_slots,
      order: row => row.scheduled_slots
    },
    {
      key: 'open',
      title: __('Free'),
      width: '90px',
      cell: row => slots(row.open_slots),
      order: row => row.open_slots ?? Infinity
    },
    { key: 'about', title: __('Description'), width: '3fr', cell: row => row.description ?? '' }
  ];
}

export function slaColumns(
  model: OperationsModel,
  actions: FlowActions,
  when: When,
  __: Words
): Column<Sla>[] {
  return [
    {
      key: 'task',
      title: __('Task'),
      width: '3fr',
      order: row => `${row.dag_id} ${row.task_id}`,
      cell: row => (
        <button
          className="jp-flow-link"
          title={row.run_id}
          onClick={() => actions.openRun(row.dag_id, row.run_id, row.task_id)}
        >
          {row.dag_id} ▸ {row.task_id}
        </button>
      )
    },
    {
      key: 'date',
      title: __('Logical date'),
      width: '2fr',
      cell: row => dateTime(row.logical_date),
      order: row => row.logical_date ?? ''
    },
    {
      key: 'due',
      title: __('Was due'),
      width: '1fr',
      cell: row => when(row.due_at),
      order: row => row.due_at ?? ''
    },
    {
      key: 'note',
      title: __('Note'),
      width: '3fr',
      cell: row => <SlaNote sla={row} model={model} />
    }
  ];
}

export function problemColumns(actions: FlowActions, __: Words): Column<ImportProblem>[] {
  return [
    {
      key: 'file',
      title: __('File'),
      width: '2fr',
      order: row => row.file,
      cell: row => (
        <button
          className="jp-flow-link"
          onClick={() =>
            actions.openFile(row.folder ? `${row.folder}/${row.file}` : row.file, row.line)
          }
        >
          {row.file}
          {row.line === null ? '' : `:${row.line}`}
        </button>
      )
    },
    {
      key: 'kind',
      title: __('Kind'),
      width: '100px',
      order: row => row.kind,
      cell: row => (
        <>
          <StateMark state={row.kind === 'error' ? 'failed' : 'upstream_failed'} bare />{' '}
          {row.kind === 'error' ? __('error') : __('warning')}
        </>
      )
    },
    {
      key: 'message',
      title: __('Message'),
      width: '5fr',
      cell: row => <span title={row.traceback ?? row.message}>{row.message}</span>
    }
  ];
}

export function assetColumns(actions: FlowActions, when: When, __: Words): Column<Asset>[] {
  const links = (places: unknown[]) =>
    [...new Set(places.map(place => (place as { dag_id: string }).dag_id))].map(dagId => (
      <button
        key={dagId}
        className="jp-flow-link jp-flow-gap"
        onClick={() => actions.openDag(dagId)}
      >
        {dagId}
      </button>
    ));
  return [
    {
      key: 'name',
      title: __('Asset'),
      width: '2fr',
      cell: row => <span title={row.uri}>{row.name}</span>,
      order: row => row.name
    },
    {
      key: 'group',
      title: __('Group'),
      width: '1fr',
      cell: row => row.group,
      order: row => row.group
    },
    { key: 'from', title: __('Made by'), width: '2fr', cell: row => links(row.producing_tasks) },
    { key: 'to', title: __('Starts'), width: '2fr', cell: row => links(row.scheduled_dags) },
    {
      key: 'count',
      title: __('Events'),
      width: '80px',
      cell: row => row.event_count,
      order: row => row.event_count
    },
    {
      key: 'last',
      title: __('Last event'),
      width: '1fr',
      cell: row => when(row.last_event_at),
      order: row => row.last_event_at ?? ''
    }
  ];
}
