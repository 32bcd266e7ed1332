import type { TranslationBundle } from '@jupyterlab/translation';
import { SECTIONS } from '../../model/compare/compareTable';
import type { CompareTable, DurationCell, Row, Section } from '../../model/compare/compareTable';
import { duration } from '../../model/shared/format';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

/** Params, environment, durations, metrics and values of all runs; what differs is marked by more than colour. */
export function CompareRows({
  table,
  onlyDifferent
}: {
  table: CompareTable;
  onlyDifferent: boolean;
}): JSX.Element {
  return (
    <>
      {SECTIONS.map(section => (
        <SectionRows key={section} section={section} table={table} onlyDifferent={onlyDifferent} />
      ))}
    </>
  );
}

function SectionRows({
  section,
  table,
  onlyDifferent
}: {
  section: Section;
  table: CompareTable;
  onlyDifferent: boolean;
}): JSX.Element | null {
  const trans = useTrans();
  const rows: Row<string | DurationCell>[] = table[section];
  const [first] = rows;
  if (first === undefined) {
    return null;
  }
  const shown = onlyDifferent ? rows.filter(row => row.differs) : rows;
  const hidden = rows.length - shown.length;
  return (
    <tbody data-section={section}>
      <tr className="jp-flow-compare-section">
        <th scope="rowgroup" colSpan={first.cells.length + 1}>
          {sectionWords(trans)[section]}
          {hidden > 0 ? (
            <span className="jp-flow-faint">
              {' '}
              {trans._n('%1 is the same', '%1 are the same', hidden, String(hidden))}
            </span>
          ) : null}
        </th>
      </tr>
      {shown.map(row => (
        <tr key={row.name} data-name={row.name} data-differs={row.differs}>
          <th scope="row">
            {row.differs ? (
              <span role="img" aria-label={trans.__('differs')} title={trans.__('differs')}>
                ≠{' '}
              </span>
            ) : null}
            {section === 'environment' ? (environmentWords(trans)[row.name] ?? row.name) : row.name}
          </th>
          {row.cells.map((cell, place) => (
            <td key={place}>
              {cell === null ? (
                <span className="jp-flow-faint">{trans.__('none')}</span>
              ) : typeof cell === 'string' ? (
                <span className="jp-flow-compare-value">{cell}</span>
              ) : (
                <Bar cell={cell} />
              )}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function Bar({ cell }: { cell: DurationCell }): JSX.Element {
  return (
    <span className="jp-flow-compare-duration">
      <StateMark state={cell.state} bare />
      <span className="jp-flow-compare-bar" aria-hidden="true">
        <span style={{ width: `${100 * cell.share}%` }} data-state={cell.state} />
      </span>
      {duration(cell.seconds)}
    </span>
  );
}

function sectionWords(trans: TranslationBundle): Record<Section, string> {
  return {
    params: trans.__('Params'),
    environment: trans.__('Environment'),
    durations: trans.__('Durations of tasks'),
    metrics: trans.__('Metrics'),
    values: trans.__('Values (XComs)')
  };
}

/** Packages have letters: the same letter means the same names and versions of all installed packages. */
function environmentWords(trans: TranslationBundle): Record<string, string> {
  return {
    kernel: trans.__('Kernel'),
    interpreter: trans.__('Interpreter'),
    packages: trans.__('Packages (same letter: same versions)')
  };
}
