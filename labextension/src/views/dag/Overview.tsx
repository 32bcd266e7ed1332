import type { DagWithTasks } from '../../client/documents';
import type { DagModel } from '../../model/dag/dagModel';
import type { TrendsModel } from '../../model/trends/trendsModel';
import type { FlowActions } from '../../tokens';
import { Facts } from '../shared/Facts';
import type { Fact } from '../shared/Facts';
import { useTrans } from '../shared/hooks';
import { Markdown } from '../shared/Markdown';
import { ScheduleWords } from '../shared/ScheduleWords';
import { Trends } from '../trends/Trends';
import { NextRuns } from './NextRuns';

interface Props {
  model: DagModel;
  trends: TrendsModel;
  dag: DagWithTasks;
  now: number;
  actions: FlowActions;
}

/** What a DAG is, how its runs went, and when it runs next. */
export function Overview({ model, trends, dag, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const rows: Fact[] = [
    [
      trans.__('Schedule'),
      dag.schedule === null ? trans.__('none: runs when triggered') : <ScheduleWords dag={dag} />
    ],
    [trans.__('Time zone'), dag.schedule_timezone],
    [trans.__('File'), dag.dag_file],
    [trans.__('Version'), String(dag.version)],
    [trans.__('Catch-up'), dag.catchup ? trans.__('yes') : trans.__('no')],
    [trans.__('Runs at once'), String(dag.max_active_runs)],
    [trans.__('Owner'), dag.owner],
    [trans.__('Tags'), dag.tags.join(', ')]
  ];
  return (
    <div className="jp-flow-overview">
      <Facts className="jp-flow-details" rows={rows} />
      <Trends model={trends} dag={dag} actions={actions} />
      <NextRuns model={model} dag={dag} now={now} />
      {dag.doc_md ? (
        <section aria-label={trans.__('Documentation')}>
          <h2 className="jp-flow-title">{trans.__('Documentation')}</h2>
          <Markdown text={dag.doc_md} />
        </section>
      ) : null}
    </div>
  );
}
