import type { CodeKind, CompareModel, Compared } from '../../model/compare/compareModel';
import type { CellRow } from '../../model/compare/alignCells';
import { secondsOf } from '../../model/run/liveNotebook';
import type { LiveCell } from '../../model/run/liveNotebook';
import { duration } from '../../model/shared/format';
import { SourceView } from '../code/SourceView';
import { Code } from '../run/Code';
import { Outputs } from '../run/Outputs';
import { useTrans } from '../shared/hooks';

interface Props {
  model: CompareModel;
  value: Compared;
  onlyDifferent: boolean;
}

/** The executed notebooks of one task, cell beside cell: source, time and outputs. */
export function CompareNotebooks({ model, value, onlyDifferent }: Props): JSX.Element {
  const trans = useTrans();
  const notebooks = model.notebooks.value;
  const rows = notebooks?.rows.filter(
    row => !onlyDifferent || row.sourceDiffers || row.outputsDiffer
  );
  const columns = { gridTemplateColumns: `repeat(${value.runs.length}, minmax(280px, 1fr))` };
  return (
    <section className="jp-flow-compare-notebooks" aria-label={trans.__('Executed notebooks')}>
      <div className="jp-flow-tools">
        <label>
          {trans.__('Notebook of')}{' '}
          <select
            aria-label={trans.__('Notebook of')}
            className="jp-flow-input"
            value={model.taskId ?? ''}
            onChange={event => model.selectTask(event.target.value)}
          >
            {value.notebookTasks.map(taskId => (
              <option key={taskId} value={taskId}>
                {taskId}
              </option>
            ))}
          </select>
        </label>
        {notebooks ? (
          <span role="status" className="jp-flow-faint">
            {rows?.length === 0
              ? trans.__('All cells and outputs are the same.')
              : trans.__('%1 of %2 cells', String(rows?.length), String(notebooks.rows.length))}
          </span>
        ) : null}
      </div>
      {notebooks && notebooks.taskId === model.taskId ? (
        <div className="jp-flow-compare-cells">
          {notebooks.absent.some(Boolean) ? (
            <div className="jp-flow-compare-cell-row" style={columns}>
              {notebooks.absent.map((words, place) => (
                <p key={place} className="jp-flow-faint">
                  {words}
                </p>
              ))}
            </div>
          ) : null}
          {rows?.map((row, place) => (
            <div
              key={place}
              className="jp-flow-compare-cell-row"
              style={columns}
              data-source-differs={row.sourceDiffers}
              data-outputs-differ={row.outputsDiffer}
            >
              {row.cells.map((cell, column) => (
                <Cell key={column} row={row} cell={cell} column={column} kind={notebooks.kind} />
              ))}
            </div>
          ))}
        </div>
      ) : (
        <p className="jp-flow-faint">{trans.__('Loading …')}</p>
      )}
    </section>
  );
}

function Cell({
  row,
  cell,
  column,
  kind
}: {
  row: CellRow;
  cell: LiveCell | null;
  column: number;
  kind: CodeKind;
}): JSX.Element {
  const trans = useTrans();
  if (cell === null) {
    return (
      <div className="jp-flow-compare-cell">
        <span className="jp-flow-faint">{trans.__('not in this notebook')}</span>
      </div>
    );
  }
  const before = column > 0 ? (row.cells[0]?.source ?? null) : null;
  const label = trans.__('Cell %1', String(cell.number));
  return (
    <div className="jp-flow-compare-cell" data-cell-state={cell.state}>
      <div className="jp-flow-compare-cell-head">
        {cell.type === 'code' ? label : trans.__('text')}
        <span>{duration(secondsOf(cell, 0))}</span>
      </div>
      {row.sourceDiffers && before !== null && before !== cell.source ? (
        <SourceView
          isBare
          file={`cell${kind.ending}`}
          source={cell.source}
          before={before}
          isUnified
          label={label}
          labelBefore={label}
        />
      ) : (
        <Code source={cell.source} language={kind.language} />
      )}
      {cell.outputs.length > 0 ? <Outputs outputs={cell.outputs} /> : null}
    </div>
  );
}
