import type { Attempt, TaskDetails } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { duration, elapsed, reasonText } from '../../model/shared/format';
import type { RunModel } from '../../model/run/runModel';
import type { FlowActions } from '../../tokens';
import { hasEnded, isWaiting } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { ChildRuns } from '../shared/Links';
import { LogView } from './LogView';
import { StateMark } from '../shared/StateMark';

interface Props {
  model: RunModel;
  stream: EventStream;
  actions: FlowActions;
  now: number;
}

/** The selected task: why it is as it is, its executed notebook, the log of one attempt, what it pushed. */
export function TaskInspector({ model, stream, actions, now }: Props): JSX.Element {
  const trans = useTrans();
  const key = model.selectedKey;
  const task = model.details;
  if (key === null || task === null) {
    return (
      <p className="jp-flow-faint">
        {model.detailsError?.message ?? trans.__('No task selected.')}
      </p>
    );
  }
  const number = model.shownAttempt;
  const attempt = task.attempts.find(item => item.attempt_number === number) ?? null;
  const reason = attempt?.reason ?? task.reason;
  const waitsFor = model.attempt === null ? model.waitsFor : [];
  const hasNotebook = Boolean(attempt?.notebook_path ?? task.notebook_path);
  return (
    <>
      <div className="jp-flow-task-head">
        <StateMark state={task.state} />
        <h2 title={task.task_id}>
          {task.task_display_name}
          {task.map_index >= 0 ? `[${task.map_index}]` : ''}
        </h2>
        {task.label ? <span>{task.label}</span> : null}
        <span className="jp-flow-faint">{task.operator}</span>
        <span className="jp-flow-space" />
        {hasNotebook ? (
          <button
            className="jp-flow-button jp-mod-accept"
            onClick={() => actions.openNotebook(key, number)}
          >
            {task.failing_cell === null
              ? trans.__('Open notebook')
              : trans.__('Open notebook at failing cell')}
          </button>
        ) : null}
      </div>
      {isWaiting(task.state) && waitsFor.length > 0 ? (
        <ul className="jp-flow-reason jp-flow-waits" aria-label={trans.__('What it waits for')}>
          {waitsFor.map(item => (
            <li key={item.text}>{reasonText(item)}</li>
          ))}
        </ul>
      ) : reason && task.state !== 'success' ? (
        <p className="jp-flow-reason">{reasonText(reason)}</p>
      ) : null}
      {task.child_runs.length > 0 ? <ChildRuns runs={task.child_runs} actions={actions} /> : null}
      {task.attempts.length > 0 ? (
        <Attempts model={model} attempts={task.attempts} shown={number} now={now} />
      ) : null}
      {number === null ? (
        <p className="jp-flow-faint">
          {hasEnded(task.state)
            ? trans.__('It ended without an attempt: there is no log.')
            : trans.__('No attempt yet: there is no log.')}
        </p>
      ) : (
        <LogView stream={stream} taskKey={key} attempt={number} />
      )}
      <Values task={task} />
    </>
  );
}

interface AttemptsProps {
  model: RunModel;
  attempts: Attempt[];
  shown: number | null;
  now: number;
}

function Attempts({ model, attempts, shown, now }: AttemptsProps): JSX.Element {
  const trans = useTrans();
  const latest = attempts.at(-1)?.attempt_number;
  return (
    <div className="jp-flow-attempts" role="group" aria-label={trans.__('Attempts')}>
      {attempts.map(attempt => (
        <button
          key={attempt.attempt_number}
          className="jp-flow-chip"
          aria-pressed={attempt.attempt_number === shown}
          title={attempt.reason?.text ?? ''}
          onClick={() =>
            model.selectAttempt(attempt.attempt_number === latest ? null : attempt.attempt_number)
          }
        >
          {trans.__('Attempt %1', attempt.attempt_number)} ·{' '}
          {attempt.outcome ?? trans.__('running')} {duration(elapsed(attempt, now))}
        </button>
      ))}
    </div>
  );
}

function Values({ task }: { task: TaskDetails }): JSX.Element {
  const trans = useTrans();
  const rendered = Object.entries(task.rendered);
  return (
    <div className="jp-flow-values">
      {task.xcoms.length > 0 ? (
        <details open>
          <summary>{trans.__('Values pushed (XCom)')}</summary>
          <Pairs rows={task.xcoms.map(({ key, value }) => [key, value])} />
        </details>
      ) : null}
      {rendered.length > 0 ? (
        <details>
          <summary>{trans.__('Inputs after templating')}</summary>
          <Pairs rows={rendered} />
        </details>
      ) : null}
    </div>
  );
}

function Pairs({ rows }: { rows: [string, unknown][] }): JSX.Element {
  return (
    <dl className="jp-flow-pairs">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{typeof value === 'string' ? value : JSON.stringify(value, null, 1)}</dd>
        </div>
      ))}
    </dl>
  );
}
