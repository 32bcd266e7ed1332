import type { TaskDetails } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { reasonText } from '../../model/shared/format';
import { TABS } from '../../model/run/runModel';
import type { RunModel, Tab } from '../../model/run/runModel';
import { hasEnded, isWaiting } from '../../model/shared/states';
import type { FlowActions, TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';
import { ChildRuns } from '../shared/Links';
import { StateMark } from '../shared/StateMark';
import { Tabs } from '../shared/Tabs';
import { Attempts } from './Attempts';
import { Events } from './Events';
import { LiveKernel } from './LiveKernel';
import { LogView } from './LogView';
import { Metrics } from './Metrics';
import { NotebookView } from './NotebookView';
import { Resources } from './Resources';
import { Values } from './Values';
import { WhyList } from './WhyList';

interface Props {
  model: RunModel;
  stream: EventStream;
  actions: FlowActions;
  now: number;
}

/** The selected task: how it is, and one attempt of it from all sides. */
export function TaskInspector({ model, stream, actions, now }: Props): JSX.Element {
  const trans = useTrans();
  const key = model.selectedKey;
  const task = model.details;
  if (key === null || task === null) {
    return (
      <p className="jp-flow-faint">
        {model.detailsError?.message ??
          (key === null ? trans.__('No task selected.') : trans.__('Loading …'))}
      </p>
    );
  }
  const number = model.shownAttempt;
  const attempt = task.attempts.find(item => item.attempt_number === number) ?? null;
  const reason = attempt?.reason ?? task.reason;
  const isNotebook = hasNotebook(task, number);
  const tabs = TABS.filter(tab => isFor(tab, task, isNotebook));
  const wanted = model.tab ?? (isNotebook ? 'notebook' : number === null ? 'why' : 'log');
  const tab = tabs.includes(wanted) ? wanted : (tabs[0] as Tab);
  const words: Record<Tab, string> = {
    notebook: trans.__('Notebook'),
    log: trans.__('Log'),
    values: trans.__('Inputs/Outputs'),
    resources: trans.__('Resources'),
    metrics: trans.__('Metrics'),
    attempts: trans.__('Attempts (%1)', task.attempts.length),
    why: trans.__('Why?'),
    events: trans.__('Events')
  };
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
        {model.attempt !== null ? (
          <span className="jp-flow-badge">{trans.__('attempt %1', model.attempt)}</span>
        ) : null}
        <span className="jp-flow-space" />
        {isNotebook ? (
          <button className="jp-flow-button" onClick={() => actions.openNotebook(key, number)}>
            {task.failing_cell === null
              ? trans.__('Open notebook')
              : trans.__('Open notebook at failing cell')}
          </button>
        ) : null}
      </div>
      {reason && task.state !== 'success' && !isWaiting(task.state) ? (
        <p className="jp-flow-reason">{reasonText(reason)}</p>
      ) : isWaiting(task.state) && model.waitsFor.length > 0 && tab !== 'why' ? (
        <p className="jp-flow-reason jp-flow-waits">{reasonText(model.waitsFor[0] ?? null)}</p>
      ) : null}
      <LiveKernel task={task} taskKey={key} actions={actions} />
      {task.child_runs.length > 0 ? <ChildRuns runs={task.child_runs} actions={actions} /> : null}
      <Tabs
        label={trans.__('About this task')}
        items={tabs.map(id => ({ id, label: words[id] }))}
        selected={tab}
        onSelect={id => model.selectTab(id)}
      >
        <Content {...{ model, stream, actions, now, task, tab, number, taskKey: key }} />
      </Tabs>
    </>
  );
}

interface ContentProps extends Props {
  task: TaskDetails;
  tab: Tab;
  number: number | null;
  taskKey: TaskKey;
}

function Content(props: ContentProps): JSX.Element {
  const { model, stream, actions, now, task, tab, number, taskKey } = props;
  const trans = useTrans();
  const attempt = task.attempts.find(item => item.attempt_number === number) ?? null;
  const name = `${taskKey.task_id}/${taskKey.map_index}/${number ?? 0}`;
  if (tab === 'why') {
    return <WhyList model={model} task={task} />;
  }
  if (tab === 'events') {
    return <Events key={name} model={model} taskKey={taskKey} version={task.state} />;
  }
  if (number === null || attempt === null) {
    return (
      <p className="jp-flow-faint">
        {hasEnded(task.state)
          ? trans.__('It ended without an attempt: there is no log.')
          : trans.__('No attempt yet: there is no log.')}
      </p>
    );
  }
  switch (tab) {
    case 'notebook':
      return (
        <NotebookView
          key={name}
          stream={stream}
          api={model.api}
          runApi={model.runApi}
          taskKey={taskKey}
          attempt={number}
          isOver={attempt.end_date !== null}
          onOpen={() => actions.openNotebook(taskKey, number)}
        />
      );
    case 'values':
      return <Values key={name} model={model} task={task} taskKey={taskKey} attempt={number} />;
    case 'resources':
      return <Resources attempt={attempt} />;
    case 'metrics':
      return <Metrics attempt={attempt} />;
    case 'attempts':
      return <Attempts model={model} task={task} taskKey={taskKey} shown={number} now={now} />;
    default:
      return (
        <LogView
          key={name}
          stream={stream}
          taskKey={taskKey}
          attempt={number}
          options={model.logOptions}
          goal={model.goal}
          actions={actions}
        />
      );
  }
}

function hasNotebook(task: TaskDetails, number: number | null): boolean {
  const attempt = task.attempts.find(item => item.attempt_number === number);
  return attempt !== undefined && (Boolean(attempt.notebook_path) || isNotebookOperator(task));
}

function isNotebookOperator(task: TaskDetails): boolean {
  return task.operator.includes('Notebook') || task.operator.includes('Papermill');
}

function isFor(tab: Tab, task: TaskDetails, isNotebook: boolean): boolean {
  switch (tab) {
    case 'notebook':
      return isNotebook;
    case 'metrics':
      return task.attempts.some(attempt => (attempt.metrics ?? []).length > 0);
    case 'resources':
      return task.attempts.length > 0;
    default:
      return true;
  }
}
