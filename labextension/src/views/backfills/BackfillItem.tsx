import type { TranslationBundle } from '@jupyterlab/translation';
import { useState } from 'react';
import type { Backfill } from '../../client/backfillApi';
import type { BackfillsModel } from '../../model/backfills/backfillsModel';
import { isActive, lookOf, partsOf } from '../../model/backfills/progress';
import type { Part } from '../../model/backfills/progress';
import { dateTime, relative } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import type { FlowActions } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { LookMark } from '../shared/StateMark';
import { BackfillDates } from './BackfillDates';

interface Props {
  model: BackfillsModel;
  backfill: Backfill;
  zone: string;
  now: number;
  actions: FlowActions;
}

/** One backfill: what was asked for, how far it is, its dates, and what can be done with it. */
export function BackfillItem({ model, backfill, zone, now, actions }: Props): JSX.Element {
  const trans = useTrans();
  const [isAsked, ask] = useState(false);
  const id = backfill.backfill_id;
  const isOpen = model.openedId === id;
  const seen = Math.max(now, Date.parse(backfill.created_at ?? '') || 0);
  const wasPaused = backfill.state === 'paused';
  const facts = [
    reprocessed(backfill, trans),
    backfill.run_backwards ? trans.__('latest date first') : trans.__('oldest date first'),
    trans.__('%1 at once', String(backfill.max_active_runs)),
    Object.keys(backfill.conf).length > 0 ? JSON.stringify(backfill.conf) : '',
    trans.__('%1 by %2', relative(backfill.created_at, seen), backfill.actor)
  ];
  return (
    <li className="jp-flow-backfill" data-backfill={id} data-state={backfill.state}>
      <div className="jp-flow-backfill-head">
        <button
          className="jp-flow-link"
          aria-expanded={isOpen}
          onClick={() => model.open(isOpen ? null : id)}
        >
          {isOpen ? '▾' : '▸'} #{id}
        </button>
        <LookMark look={lookOf(backfill)} state={backfill.state} />
        <strong title={zone}>
          {dateTime(backfill.from_date, zone)} – {dateTime(backfill.to_date, zone)}
        </strong>
        <span className="jp-flow-space" />
        {isActive(backfill) && !isAsked ? (
          <>
            <button
              className="jp-flow-button"
              disabled={model.isBusy}
              onClick={() => void model.act(id, wasPaused ? 'unpause' : 'pause')}
            >
              {wasPaused ? trans.__('Go on') : trans.__('Pause')}
            </button>
            <button className="jp-flow-button" onClick={() => ask(true)}>
              {trans.__('Cancel …')}
            </button>
          </>
        ) : null}
      </div>
      {isAsked && isActive(backfill) ? (
        <div className="jp-flow-backfill-question" role="group" aria-label={trans.__('Cancel?')}>
          {trans.__(
            'Dates without a run get none, queued runs are cancelled, running ones go on. There is no way back.'
          )}
          <button
            className="jp-flow-button jp-mod-warn"
            onClick={() => {
              ask(false);
              void model.act(id, 'cancel');
            }}
          >
            {trans.__('Cancel backfill')}
          </button>
          <button className="jp-flow-button" onClick={() => ask(false)}>
            {trans.__('Back')}
          </button>
        </div>
      ) : null}
      <Progress backfill={backfill} />
      <div className="jp-flow-faint">{facts.filter(Boolean).join(' · ')}</div>
      {isOpen ? <Opened model={model} zone={zone} actions={actions} /> : null}
    </li>
  );
}

function Opened({
  model,
  zone,
  actions
}: {
  model: BackfillsModel;
  zone: string;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const { value, error } = model.opened ?? { value: null, error: null };
  if (value === null) {
    return (
      <p className="jp-flow-faint" role={error ? 'alert' : 'status'}>
        {error?.message ?? trans.__('Loading …')}
      </p>
    );
  }
  const { dag_id: dagId, dates } = value;
  return <BackfillDates dagId={dagId} dates={dates} zone={zone} isPlan={false} actions={actions} />;
}

function Progress({ backfill }: { backfill: Backfill }): JSX.Element {
  const trans = useTrans();
  const parts = partsOf(backfill);
  const { total, skipped, finished } = backfill.progress;
  const words = parts.map(part => partWords(part, trans)).join(', ');
  return (
    <>
      <div
        className="jp-flow-backfill-bar"
        role="progressbar"
        aria-label={trans.__('Dates of backfill %1', String(backfill.backfill_id))}
        aria-valuemin={0}
        aria-valuemax={total - skipped}
        aria-valuenow={finished}
        aria-valuetext={words}
        title={words}
      >
        {parts.map(({ kind, count }) => (
          <span
            key={kind}
            data-part={kind}
            data-tone={kind === 'to_come' || kind === 'left_out' ? 'none' : LOOKS[kind].tone}
            style={{ flexGrow: count }}
          />
        ))}
      </div>
      <div>
        {trans.__('%1 of %2 done', String(finished), String(total - skipped))}
        <span className="jp-flow-faint"> · {words}</span>
      </div>
    </>
  );
}

function reprocessed(backfill: Backfill, trans: TranslationBundle): string {
  switch (backfill.reprocess_behavior) {
    case 'none':
      return trans.__('dates with a run are left out');
    case 'failed':
      return trans.__('failed runs run again');
    case 'completed':
      return trans.__('all ended runs run again');
  }
}

function partWords({ kind, count }: Part, trans: TranslationBundle): string {
  switch (kind) {
    case 'to_come':
      return trans.__('%1 to come', String(count));
    case 'left_out':
      return trans.__('%1 left out', String(count));
    default:
      return `${count} ${trans.__(LOOKS[kind].label)}`;
  }
}
