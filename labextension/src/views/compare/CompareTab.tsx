import type { ComparedRun } from '../../client/compareApi';
import type { DagWithTasks } from '../../client/documents';
import { codeTab } from '../../model/code/codePlace';
import type { CompareModel, Compared } from '../../model/compare/compareModel';
import { dateTime, duration, elapsed } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { runTypeWords } from '../shared/words';
import { CompareNotebooks } from './CompareNotebooks';
import { CompareRows } from './CompareRows';

interface Props {
  model: CompareModel;
  dag: DagWithTasks;
  onlyDifferent: boolean;
  onOnlyDifferent(onlyDifferent: boolean): void;
  onRuns(runIds: string[]): void;
  actions: FlowActions;
}

/** Runs as columns: what changed since it worked. */
export function CompareTab(props: Props): JSX.Element {
  const { model, dag, actions, onlyDifferent } = props;
  useModel(model);
  const trans = useTrans();
  const { error, value } = model.compared;
  const now = useNow(value?.runs.some(run => run.end_date === null) ? 1 : 0);
  if (error) {
    return (
      <p className="jp-flow-message" role="alert">
        {error.message}
      </p>
    );
  }
  if (model.runIds.length === 0) {
    return (
      <p className="jp-flow-message">
        {trans.__('Select two to five runs in the tab Runs and choose Compare there.')}
      </p>
    );
  }
  if (!value) {
    return <p className="jp-flow-faint">{trans.__('Loading …')}</p>;
  }
  return (
    <div className="jp-flow-compare">
      <div className="jp-flow-tools">
        <label className="jp-flow-inline-check">
          <input
            type="checkbox"
            checked={onlyDifferent}
            onChange={event => props.onOnlyDifferent(event.target.checked)}
          />
          {trans.__('Only what differs')}
        </label>
        <span className="jp-flow-faint" role="status">
          {value.runs.length > 1
            ? trans.__('%1 runs, the oldest first', String(value.runs.length))
            : trans.__('No other run of this DAG has succeeded.')}
        </span>
      </div>
      <table
        className="jp-flow-table jp-flow-compare-table"
        aria-label={trans.__('Runs side by side')}
      >
        <Head value={value} dag={dag} onRuns={props.onRuns} actions={actions} />
        <Facts value={value} dag={dag} now={now} actions={actions} />
        <CompareRows table={value.table} onlyDifferent={onlyDifferent} />
      </table>
      {value.notebookTasks.length > 0 ? (
        <CompareNotebooks model={model} value={value} onlyDifferent={onlyDifferent} />
      ) : null}
    </div>
  );
}

function Head({
  value,
  dag,
  onRuns,
  actions
}: {
  value: Compared;
  dag: DagWithTasks;
  onRuns(runIds: string[]): void;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const { runs } = value;
  return (
    <thead>
      <tr>
        <th scope="col">{trans.__('Run')}</th>
        {runs.map(run => (
          <th scope="col" key={run.run_id} data-run-id={run.run_id}>
            <StateMark state={run.state} bare />{' '}
            <button
              className="jp-flow-link"
              title={run.run_id}
              onClick={() => actions.openRun(run.dag_id, run.run_id)}
            >
              {dateTime(run.logical_date ?? run.run_after, dag.schedule_timezone) || run.run_id}
            </button>
            {runs.length > 2 ? (
              <button
                className="jp-flow-link jp-flow-compare-away"
                aria-label={trans.__('Compare without %1', run.run_id)}
                title={trans.__('Compare without this run')}
                onClick={() =>
                  onRuns(runs.map(item => item.run_id).filter(id => id !== run.run_id))
                }
              >
                ×
              </button>
            ) : null}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function Facts({
  value,
  dag,
  now,
  actions
}: {
  value: Compared;
  dag: DagWithTasks;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const rows: [string, (run: ComparedRun, place: number) => JSX.Element | string][] = [
    [trans.__('State'), run => <StateMark state={run.state} />],
    [trans.__('Type'), run => runTypeWords(run.run_type, trans)],
    [trans.__('Started'), run => dateTime(run.start_date, dag.schedule_timezone)],
    [trans.__('Duration'), run => duration(elapsed(run, now))],
    [
      trans.__('Code'),
      (run, place) => (
        <CodeCell run={run} before={value.runs[place - 1] ?? null} actions={actions} />
      )
    ]
  ];
  return (
    <tbody>
      {rows.map(([name, draw]) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {value.runs.map((run, place) => (
            <td key={run.run_id}>{draw(run, place)}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

/** The version, and what changed in it since the run at its left. */
function CodeCell({
  run,
  before,
  actions
}: {
  run: ComparedRun;
  before: ComparedRun | null;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const open = (tab: string) => actions.openDag(run.dag_id, tab);
  return (
    <>
      <button className="jp-flow-link" onClick={() => open(codeTab(run.version))}>
        {trans.__('version %1', String(run.version))}
      </button>
      {before === null ? null : before.version === run.version ? (
        <span className="jp-flow-faint"> {trans.__('the same')}</span>
      ) : (
        <>
          {' · '}
          <button
            className="jp-flow-link"
            onClick={() => open(codeTab(run.version, before.version))}
          >
            {trans.__('what changed')}
          </button>
        </>
      )}
    </>
  );
}
