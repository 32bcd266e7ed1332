import type { Health, Pool } from '../../client/documents';
import { dateTime, relative } from '../../model/shared/format';
import { hasEnded } from '../../model/shared/states';
import type { HomeModel } from '../../model/home/homeModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { HostMark, useHost } from '../shared/Host';
import { ProblemLink } from '../shared/ProblemLink';
import { StateMark } from '../shared/StateMark';
import { DayStrip } from './DayStrip';

interface Props {
  model: HomeModel;
  actions: FlowActions;
}

/** The state of the house at a glance, for the start of a working day. */
export function Home({ model, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const isBusy = model.day.value?.runs.some(run => !hasEnded(run.state)) ?? false;
  const now = useNow(isBusy ? 2 : 15);
  const errors = model.problems.value ?? [];
  return (
    <div className="jp-flow-page jp-flow-home">
      <div className="jp-flow-head">
        <h1>{trans.__('Jupyter Flow')}</h1>
      </div>
      <Facts model={model} now={now} />
      <section className="jp-flow-card" aria-label={trans.__('Today')}>
        <h2 className="jp-flow-title">{trans.__('12 hours back, 12 hours ahead')}</h2>
        {model.day.value ? (
          <DayStrip day={model.day.value} now={now} actions={actions} />
        ) : (
          <Waiting error={model.day.error} />
        )}
      </section>
      <div className="jp-flow-home-columns">
        <section className="jp-flow-card" aria-label={trans.__('Last failures')}>
          <h2 className="jp-flow-title">{trans.__('Last failures')}</h2>
          <Failures model={model} now={now} actions={actions} />
        </section>
        <div>
          <section className="jp-flow-card" aria-label={trans.__('Slots in use')}>
            <h2 className="jp-flow-title">{trans.__('Slots in use')}</h2>
            <Slots health={model.health.value} pools={model.pools.value ?? []} />
          </section>
          <section className="jp-flow-card" aria-label={trans.__('DAG files that do not load')}>
            <h2 className="jp-flow-title">{trans.__('DAG files that do not load')}</h2>
            {errors.length === 0 ? (
              <AllGood words={trans.__('All DAG files load')} />
            ) : (
              <ul>
                {errors.map((problem, place) => (
                  <li key={place}>
                    <ProblemLink problem={problem} actions={actions} />
                  </li>
                ))}
              </ul>
            )}
          </section>
        </div>
      </div>
    </div>
  );
}

function Facts({ model, now }: { model: HomeModel; now: number }): JSX.Element {
  const trans = useTrans();
  const health = model.health.value;
  const { state, words } = useHost(model);
  const beat = health?.host?.heartbeat_at ?? null;
  const facts: [string, string][] = [
    [trans.__('Running tasks'), String(health?.running ?? '…')],
    [trans.__('Queued tasks'), String(health?.queued ?? '…')],
    [trans.__('Failed runs in 12 hours'), String(model.day.value?.failed ?? '…')]
  ];
  return (
    <>
      <div className="jp-flow-tiles">
        <div className="jp-flow-tile">
          <HostMark className="jp-flow-tile-host" state={state}>
            {words}
          </HostMark>
          <div className="jp-flow-faint" title={dateTime(beat)}>
            {beat === null
              ? trans.__('no heartbeat')
              : trans.__('heartbeat %1', relative(beat, now))}
          </div>
        </div>
        {facts.map(([label, value]) => (
          <div className="jp-flow-tile" key={label}>
            <strong className="jp-flow-tile-value">{value}</strong>
            <div className="jp-flow-faint">{label}</div>
          </div>
        ))}
      </div>
      {health?.message ? <p className="jp-flow-warning">{health.message}</p> : null}
    </>
  );
}

function Failures({ model, now, actions }: Props & { now: number }): JSX.Element {
  const trans = useTrans();
  const page = model.failed.value;
  if (!page) {
    return <Waiting error={model.failed.error} />;
  }
  if (page.failed.length === 0) {
    return <AllGood words={trans.__('The last run of every DAG is all right')} />;
  }
  return (
    <ul>
      {page.failed.map(run => (
        <li key={`${run.dag_id}/${run.run_id}`} className="jp-flow-failure">
          <div className="jp-flow-attention-head">
            <StateMark state="failed" bare />
            <button
              className="jp-flow-link"
              title={run.run_id}
              onClick={() =>
                actions.openRun(run.dag_id, run.run_id, run.task_id ?? undefined, run.map_index)
              }
            >
              {run.dag_display_name}
              {run.task_id === null ? '' : ` ▸ ${run.task_id}`}
            </button>
            {run.failing_cell === null || run.task_id === null ? null : (
              <button
                className="jp-flow-link"
                onClick={() =>
                  actions.openNotebook(
                    taskOf(run.dag_id, run.run_id, run.task_id ?? '', run.map_index),
                    null
                  )
                }
              >
                {trans.__('cell %1', run.failing_cell)}
              </button>
            )}
            <span className="jp-flow-faint jp-flow-when" title={dateTime(run.end_date)}>
              {relative(run.end_date, now)}
            </span>
          </div>
          <div className="jp-flow-cause" title={run.cause}>
            {run.cause}
          </div>
        </li>
      ))}
    </ul>
  );
}

function taskOf(dag_id: string, run_id: string, task_id: string, map_index: number) {
  return { dag_id, run_id, task_id, map_index };
}

function Slots({ health, pools }: { health: Health | null; pools: Pool[] }): JSX.Element {
  const trans = useTrans();
  return (
    <ul className="jp-flow-slots">
      {health ? (
        <Meter
          name={trans.__('all tasks')}
          used={health.running}
          waiting={health.queued}
          size={health.parallelism}
        />
      ) : null}
      {pools.map(pool => (
        <Meter
          key={pool.name}
          name={pool.name}
          used={pool.occupied_slots}
          waiting={pool.scheduled_slots}
          size={pool.slots}
        />
      ))}
    </ul>
  );
}

interface MeterProps {
  name: string;
  used: number;
  waiting: number;
  /** −1: no bound. */
  size: number;
}

function Meter({ name, used, waiting, size }: MeterProps): JSX.Element {
  const trans = useTrans();
  const isBound = size >= 0;
  const words = isBound ? trans.__('%1 of %2', used, size) : trans.__('%1, no bound', used);
  return (
    <li className="jp-flow-slot">
      <span className="jp-flow-slot-name">{name}</span>
      <span
        className="jp-flow-progress"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={isBound ? size : used}
        aria-valuenow={used}
        aria-valuetext={words}
      >
        <span
          data-tone={isBound && used >= size ? 'warn' : 'good'}
          style={{ width: `${isBound && size > 0 ? Math.min(100, (100 * used) / size) : 0}%` }}
        />
      </span>
      <span className="jp-flow-slot-words">
        {words}
        {waiting > 0 ? ` · ${trans.__('%1 waiting', waiting)}` : ''}
      </span>
    </li>
  );
}

function AllGood({ words }: { words: string }): JSX.Element {
  return (
    <p className="jp-flow-faint jp-flow-all-good">
      <StateMark state="success" bare /> {words}
    </p>
  );
}

function Waiting({ error }: { error: Error | null }): JSX.Element {
  const trans = useTrans();
  return error ? (
    <p role="alert">{error.message}</p>
  ) : (
    <p className="jp-flow-faint">{trans.__('Loading …')}</p>
  );
}
