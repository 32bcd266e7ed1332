import { useMemo, useState } from 'react';
import type { DagWithTasks } from '../../client/documents';
import type { DagOptions, DagPageModel } from '../../model/dag/dagPageModel';
import { Gantt } from '../../model/grid/gantt';
import type { Place } from '../../model/grid/gridKeys';
import type { GridTable } from '../../model/grid/gridTable';
import { findRows, treeRows } from '../../model/grid/taskTree';
import { hasEnded } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { Grid } from './Grid';
import { GridDetails } from './GridDetails';

interface Props {
  model: DagPageModel;
  dag: DagWithTasks;
  actions: FlowActions;
}

const LENGTHS = [25, 50, 100, 200, 500];

/** The grid with its Gantt chart, and beside it what is selected. */
export function GridTab({ model, dag, actions }: Props): JSX.Element {
  useModel(model.grid);
  const { table } = model.grid;
  const trans = useTrans();
  if (table === null) {
    const words = model.grid.grid.error?.message ?? trans.__('Loading …');
    return <p className="jp-flow-message">{words}</p>;
  }
  if (table.runs.length === 0) {
    return <p className="jp-flow-message">{trans.__('No runs yet: the grid shows them.')}</p>;
  }
  return <Loaded model={model} dag={dag} table={table} actions={actions} />;
}

function Loaded({ model, dag, table, actions }: Props & { table: GridTable }): JSX.Element {
  const options = model.options.value;
  const [words, setWords] = useState('');
  const [chosenRow, setChosenRow] = useState<string | null>(null);
  const [isHeadChosen, setHeadChosen] = useState(false);
  const folded = useMemo(() => new Set(words ? [] : options.folded), [options.folded, words]);
  const rows = useMemo(() => {
    const gone = table.gone(dag.tasks.map(task => task.task_id));
    return findRows(treeRows(dag.tasks, dag.groups, folded, gone), words);
  }, [dag.tasks, dag.groups, folded, table, words]);
  const run = model.dag.selectedRun;
  const column = table.runs.findIndex(item => item.run_id === model.dag.selectedRunId);
  const isBusy = table.runs.some(item => !hasEnded(item.state));
  const now = useNow(isBusy ? 1 : 0);
  const isLive = run !== null && !hasEnded(run.state);
  const clock = isLive ? now : 0;
  const gantt = useMemo(
    () => (options.hasGantt ? new Gantt(run?.tasks ?? [], clock) : null),
    [options.hasGantt, run?.tasks, clock]
  );
  const rowIndex = rows.findIndex(row => row.id === chosenRow);
  const selected = useMemo<Place | null>(() => {
    if (isHeadChosen) {
      return { row: rowIndex, column: -1 };
    }
    return column < 0 ? null : { row: rowIndex, column };
  }, [isHeadChosen, rowIndex, column]);

  const select = (place: Place) => {
    setChosenRow(rows[place.row]?.id ?? null);
    setHeadChosen(place.column < 0);
    const chosen = table.runs[place.column];
    if (chosen) {
      model.dag.select(chosen.run_id);
    }
  };
  const open = (place: Place) => {
    const row = rows[place.row];
    const opened = table.runs[place.column];
    if (row?.kind === 'group') {
      model.options.set({ folded: toggled(options.folded, row.id) });
    } else if (opened) {
      actions.openRun(dag.dag_id, opened.run_id, row?.id);
    }
  };
  const repair = (place: Place) => {
    const repaired = table.runs[place.column];
    if (repaired) {
      actions.clearRun(dag.dag_id, repaired.run_id, true);
    }
  };
  return (
    <div className="jp-flow-grid-tab">
      <Toolbar dag={dag} options={options} words={words} onWords={setWords} model={model} />
      <div className="jp-flow-split">
        <Grid
          table={table}
          rows={rows}
          gantt={gantt}
          selected={selected}
          now={now}
          zone={dag.schedule_timezone}
          onSelect={select}
          onOpen={open}
          onRepair={repair}
        />
        <GridDetails
          dag={dag}
          run={run}
          row={rows[rowIndex] ?? null}
          now={now}
          error={model.dag.selectedError}
          actions={actions}
        />
      </div>
    </div>
  );
}

interface ToolbarProps {
  dag: DagWithTasks;
  model: DagPageModel;
  options: DagOptions;
  words: string;
  onWords(words: string): void;
}

function Toolbar({ dag, model, options, words, onWords }: ToolbarProps): JSX.Element {
  const trans = useTrans();
  const groups = dag.groups.map(group => group.group_id);
  return (
    <div className="jp-flow-tools" role="toolbar" aria-label={trans.__('Grid')}>
      <input
        type="search"
        className="jp-flow-input"
        aria-label={trans.__('Find tasks')}
        placeholder={trans.__('Find tasks')}
        value={words}
        onChange={event => onWords(event.target.value)}
      />
      <label>
        {trans.__('Runs')}{' '}
        <select
          className="jp-flow-input"
          value={options.gridRuns}
          onChange={event => model.options.set({ gridRuns: Number(event.target.value) })}
        >
          {LENGTHS.map(length => (
            <option key={length} value={length}>
              {length}
            </option>
          ))}
        </select>
      </label>
      <label className="jp-flow-inline-check">
        <input
          type="checkbox"
          checked={options.hasGantt}
          onChange={event => model.options.set({ hasGantt: event.target.checked })}
        />
        {trans.__('Gantt')}
      </label>
      {groups.length > 0 ? (
        <>
          <button className="jp-flow-button" onClick={() => model.options.set({ folded: groups })}>
            {trans.__('Fold all')}
          </button>
          <button className="jp-flow-button" onClick={() => model.options.set({ folded: [] })}>
            {trans.__('Unfold all')}
          </button>
        </>
      ) : null}
      <span className="jp-flow-space" />
      <span className="jp-flow-faint jp-flow-keys">
        {trans.__('Arrows move · Enter opens · R reruns failed')}
      </span>
    </div>
  );
}

function toggled(ids: string[], id: string): string[] {
  return ids.includes(id) ? ids.filter(other => other !== id) : [...ids, id];
}
