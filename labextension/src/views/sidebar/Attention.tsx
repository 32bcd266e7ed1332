import { useState } from 'react';
import type { AttentionItem } from '../../model/sidebar/attention';
import { dateTime, relative } from '../../model/shared/format';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { ProblemLink } from '../shared/ProblemLink';
import { StateMark } from '../shared/StateMark';
import { Banner } from './Banner';
import { Section } from './Section';

interface Props {
  model: SidebarModel;
  now: number;
  actions: FlowActions;
}

const FEW = 8;

/** What somebody should look at: the house itself, failed runs, import errors, late runs, missed SLAs. */
export function Attention({ model, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const [isLong, setLong] = useState(false);
  const items = model.attention(now);
  const shown = isLong ? items : items.slice(0, FEW);
  const isKnown = model.failed.value !== null && model.problems.value !== null;
  const isWell = model.health.value?.state === 'healthy' && model.isConnected;
  return (
    <Section
      title={trans.__('Needs attention')}
      count={items.length}
      className="jp-flow-attention jp-flow-problems"
    >
      <Banner model={model} />
      {items.length === 0 && isKnown && isWell ? (
        <p className="jp-flow-all-good">
          <StateMark state="success" bare /> {trans.__('All good')}
        </p>
      ) : null}
      <ul>
        {shown.map(item => (
          <li key={item.key} className="jp-flow-attention-item" data-kind={item.kind}>
            <Item item={item} now={now} actions={actions} />
          </li>
        ))}
      </ul>
      {items.length > FEW ? (
        <button className="jp-flow-link jp-flow-more" onClick={() => setLong(!isLong)}>
          {isLong ? trans.__('Show fewer') : trans.__('Show %1 more', items.length - FEW)}
        </button>
      ) : null}
    </Section>
  );
}

function Item({
  item,
  now,
  actions
}: {
  item: AttentionItem;
  now: number;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  if (item.kind === 'failed') {
    const { run } = item;
    const where = run.task_id
      ? run.task_id + (run.map_index >= 0 ? `[${run.map_index}]` : '')
      : trans.__('the run itself');
    return (
      <>
        <div className="jp-flow-attention-head">
          <StateMark state="failed" bare />
          <button
            className="jp-flow-link"
            title={run.run_id}
            onClick={() =>
              actions.openRun(run.dag_id, run.run_id, run.task_id ?? undefined, run.map_index)
            }
          >
            {run.dag_display_name} ▸ {where}
          </button>
          <When instant={run.end_date} now={now} />
        </div>
        <div className="jp-flow-cause" title={run.cause}>
          {run.cause || trans.__('no cause is recorded')}
        </div>
      </>
    );
  }
  if (item.kind === 'import') {
    return <ProblemLink problem={item.problem} actions={actions} />;
  }
  if (item.kind === 'late') {
    return (
      <div className="jp-flow-attention-head">
        <StateMark state="up_for_retry" bare />
        <button className="jp-flow-link" onClick={() => actions.openDag(item.dag.dag_id)}>
          {item.dag.dag_display_name}
        </button>
        <span title={dateTime(item.due)}>
          {trans.__('late: was due %1', relative(item.due, now))}
        </span>
      </div>
    );
  }
  const { sla } = item;
  return (
    <div className="jp-flow-attention-head">
      <StateMark state="up_for_retry" bare />
      <button
        className="jp-flow-link"
        title={sla.run_id}
        onClick={() => actions.openRun(sla.dag_id, sla.run_id, sla.task_id)}
      >
        {sla.dag_id} ▸ {sla.task_id}
      </button>
      <span title={dateTime(sla.due_at)}>
        {trans.__('missed its SLA %1', relative(sla.due_at, now))}
      </span>
    </div>
  );
}

function When({ instant, now }: { instant: string | null; now: number }): JSX.Element {
  return (
    <span className="jp-flow-faint jp-flow-when" title={dateTime(instant)}>
      {relative(instant, now)}
    </span>
  );
}
