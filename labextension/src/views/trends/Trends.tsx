import type { DagWithTasks } from '../../client/documents';
import type { Durations, DurationOfRun } from '../../client/historyApi';
import { dateTime, duration } from '../../model/shared/format';
import { LOOKS } from '../../model/shared/states';
import type { TrendsModel } from '../../model/trends/trendsModel';
import type { FlowActions } from '../../tokens';
import { Choice } from '../shared/Choice';
import { Facts } from '../shared/Facts';
import { useModel, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  model: TrendsModel;
  dag: DagWithTasks;
  actions: FlowActions;
}

const LEAST = 3;

/** The last runs as bars on the band of what is usual, and how many of them went well. */
export function Trends({ model, dag, actions }: Props): JSX.Element | null {
  useModel(model);
  const trans = useTrans();
  const { value, error } = model.durations;
  if (value === null) {
    return error ? (
      <p className="jp-flow-message" role="alert">
        {error.message}
      </p>
    ) : null;
  }
  if (value.runs.length === 0 && model.taskId === null) {
    return null;
  }
  const share = value.success_rate;
  return (
    <section className="jp-flow-trends" aria-label={trans.__('Durations')}>
      <div className="jp-flow-tools">
        <h2 className="jp-flow-title">{trans.__('Durations')}</h2>
        <Choice
          label={trans.__('Durations of')}
          className="jp-flow-input"
          value={model.taskId}
          any={trans.__('whole runs')}
          options={dag.tasks.map(task => [task.task_id, task.task_display_name])}
          onChange={taskId => (model.taskId = taskId)}
        />
        <Facts
          className="jp-flow-facts"
          rows={[
            [trans.__('Median'), duration(value.median)],
            [
              trans.__('Usual'),
              value.low === null ? '' : `${duration(value.low)} – ${duration(value.high)}`
            ],
            [trans.__('Succeeded'), share === null ? '' : `${Math.round(100 * share)} %`],
            [
              trans.__('Lands'),
              value.usual_landing === null
                ? ''
                : trans.__('%1 after it is due', duration(value.usual_landing))
            ]
          ]}
        />
      </div>
      {value.runs.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('It has not ended in any of the last runs.')}</p>
      ) : (
        <Chart value={value} zone={dag.schedule_timezone} actions={actions} />
      )}
    </section>
  );
}

function Chart({
  value,
  zone,
  actions
}: {
  value: Durations;
  zone: string;
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  const most = Math.max(1e-3, value.high ?? 0, ...value.runs.map(run => run.duration));
  const height = (seconds: number) => `${(100 * seconds) / most}%`;
  const words = (run: DurationOfRun) =>
    [
      dateTime(run.at, zone),
      trans.__(LOOKS[run.state].label),
      duration(run.duration),
      run.is_outlier ? trans.__('unusual') : '',
      run.landing === null ? '' : trans.__('ended %1 after it was due', duration(run.landing))
    ].filter(Boolean);
  return (
    <div className="jp-flow-trend">
      <span className="jp-flow-trend-most jp-flow-faint">{duration(most)}</span>
      <div className="jp-flow-trend-room" role="group" aria-label={trans.__('Durations of runs')}>
        <div className="jp-flow-trend-scale" aria-hidden="true">
          {value.low !== null && value.high !== null ? (
            <span
              className="jp-flow-trend-band"
              style={{ bottom: height(value.low), height: height(value.high - value.low) }}
            />
          ) : null}
          {value.median !== null ? (
            <span className="jp-flow-trend-median" style={{ bottom: height(value.median) }} />
          ) : null}
        </div>
        {[...value.runs].reverse().map(run => (
          <button
            key={run.run_id}
            className="jp-flow-trend-run"
            data-run-id={run.run_id}
            data-state={run.state}
            data-outlier={run.is_outlier}
            title={words(run).join('\n')}
            aria-label={words(run).join(', ')}
            onClick={() => actions.openRun(value.dag_id, run.run_id, value.task_id ?? undefined)}
          >
            <span className="jp-flow-trend-column">
              {run.is_outlier ? <span aria-hidden="true">▾</span> : null}
              <span
                className="jp-flow-trend-bar"
                data-tone={LOOKS[run.state].tone}
                style={{ height: `max(${LEAST}px, ${height(run.duration)})` }}
              />
            </span>
            <StateMark state={run.state} bare />
          </button>
        ))}
      </div>
    </div>
  );
}
