import { runIcon } from '@jupyterlab/ui-components';
import type { KeyboardEvent, MouseEvent } from 'react';
import type { DagRow as Row } from '../../client/documents';
import { dateTime, relative } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { RunBars } from '../shared/RunBars';
import { ScheduleWords } from '../shared/ScheduleWords';
import { StateCounts } from '../shared/StateCounts';
import { PauseSwitch } from './PauseSwitch';

interface Props {
  dag: Row;
  now: number;
  actions: FlowActions;
  isFavourite: boolean;
  onFavourite(isFavourite: boolean): void;
  place: number;
  count: number;
}

/** Pixels of a row; the style sheet says the same. */
export function rowHeight(dag: Row): number {
  return dag.runs.length > 0 ? 136 : 66;
}

export function DagRow(props: Props): JSX.Element {
  const { dag, now, actions, isFavourite, onFavourite } = props;
  const trans = useTrans();
  const showMenu = (event: MouseEvent | KeyboardEvent, x: number, y: number) => {
    event.preventDefault();
    event.stopPropagation();
    actions.showDagMenu(dag, x, y);
  };
  const star = isFavourite ? trans.__('Remove from favourites') : trans.__('Add to favourites');
  const last = dag.runs.at(-1);
  return (
    <li
      className="jp-flow-dag"
      data-dag-id={dag.dag_id}
      data-paused={dag.is_paused}
      aria-setsize={props.count}
      aria-posinset={props.place}
      style={{ height: rowHeight(dag) }}
      onContextMenu={event => showMenu(event, event.clientX, event.clientY)}
    >
      <div className="jp-flow-dag-head">
        <button
          className="jp-flow-star"
          aria-pressed={isFavourite}
          aria-label={`${star}: ${dag.dag_id}`}
          title={star}
          onClick={() => onFavourite(!isFavourite)}
        >
          {isFavourite ? '★' : '☆'}
        </button>
        <button
          className="jp-flow-link jp-flow-dag-name"
          title={[dag.dag_id, dag.description, dag.tags.join(', ')].filter(Boolean).join('\n')}
          onClick={() => actions.openDag(dag.dag_id)}
        >
          {dag.dag_display_name}
        </button>
        {dag.is_paused ? <span className="jp-flow-badge">{trans.__('paused')}</span> : null}
        <span className="jp-flow-space" />
        <PauseSwitch dag={dag} actions={actions} />
        <button
          className="jp-flow-icon-button"
          title={trans.__('Run %1 …', dag.dag_id)}
          aria-label={trans.__('Run %1', dag.dag_id)}
          onClick={() => actions.trigger(dag.dag_id)}
        >
          <runIcon.react tag="span" />
        </button>
      </div>
      <When dag={dag} now={now} />
      {last ? (
        <>
          <RunBars
            runs={dag.runs}
            now={now}
            onOpen={run => actions.openRun(dag.dag_id, run.run_id)}
          />
          <StateCounts
            states={dag.last_states}
            label={trans.__('Tasks of the last run of %1', dag.dag_id)}
            onOpen={() => actions.openRun(dag.dag_id, last.run_id)}
          />
        </>
      ) : null}
    </li>
  );
}

function When({ dag, now }: { dag: Row; now: number }): JSX.Element {
  const trans = useTrans();
  const next = dag.is_paused ? null : dag.next_run_after;
  const isLate = next !== null && Date.parse(next) < now;
  const words = relative(next, now);
  const none = dag.runs.length === 0 ? ` · ${trans.__('no runs yet')}` : '';
  const zones = [
    `${dateTime(next, dag.schedule_timezone)} ${dag.schedule_timezone}`,
    dateTime(next)
  ];
  if (dag.schedule === null) {
    return (
      <div className="jp-flow-dag-when">
        {trans.__('no schedule: runs when triggered')}
        {none}
      </div>
    );
  }
  return (
    <div className="jp-flow-dag-when" title={next === null ? dag.schedule : zones.join('\n')}>
      {dag.schedule_words && !dag.schedule_assets ? (
        <span className="jp-flow-schedule-words" title={dag.schedule}>
          {dag.schedule_words}
        </span>
      ) : (
        <ScheduleWords dag={dag} />
      )}
      {next === null
        ? null
        : ` · ${isLate ? trans.__('due %1', words) : trans.__('next %1', words)}`}
      {none}
    </div>
  );
}
