import { useMemo, useState } from 'react';
import { rowWindow, topsOf } from '../../model/shared/rowWindow';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { useSeen } from '../shared/windowed';
import { DagFilters } from './DagFilters';
import { DagRow, rowHeight } from './DagRow';
import { Section } from './Section';

interface Props {
  model: SidebarModel;
  now: number;
  actions: FlowActions;
  /** What scrolls. */
  box: HTMLElement | null;
}

/** All DAGs that the filters let through; only the rows that can be seen are drawn. */
export function DagList({ model, now, actions, box }: Props): JSX.Element {
  const trans = useTrans();
  const dags = model.dags.value;
  const { rows } = useMemo(
    () => model.shown(),
    [model, dags, model.filter, model.favourites, model.hidesPaused] // eslint-disable-line react-hooks/exhaustive-deps
  );
  const [list, setList] = useState<HTMLUListElement | null>(null);
  const tops = useMemo(() => topsOf(rows.map(rowHeight)), [rows]);
  const seen = useSeen(box, list);
  const window = rowWindow(tops, seen.top, seen.top + seen.height);
  return (
    <Section title={trans.__('DAGs')} count={dags?.length} className="jp-flow-dag-section">
      {dags && dags.length > 0 ? <DagFilters model={model} /> : null}
      {model.dags.error ? (
        <p className="jp-flow-message" role="alert">
          {model.dags.error.message}
        </p>
      ) : null}
      {dags === null && !model.dags.error ? (
        <p className="jp-flow-faint">{trans.__('Loading …')}</p>
      ) : null}
      {dags?.length === 0 ? (
        <p className="jp-flow-message">
          {trans.__('No DAGs yet: put a .py file or notebook with a DAG into the folder "dags".')}
        </p>
      ) : null}
      {dags && dags.length > 0 && rows.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('Nothing found.')}</p>
      ) : null}
      <ul
        className="jp-flow-dags"
        ref={setList}
        style={{ paddingTop: window.before, paddingBottom: window.after }}
        data-count={rows.length}
      >
        {rows.slice(window.first, window.end).map((dag, place) => (
          <DagRow
            key={dag.dag_id}
            dag={dag}
            now={now}
            actions={actions}
            isFavourite={model.favourites.has(dag.dag_id)}
            onFavourite={isFavourite => model.setFavourite(dag.dag_id, isFavourite)}
            place={window.first + place + 1}
            count={rows.length}
          />
        ))}
      </ul>
    </Section>
  );
}
