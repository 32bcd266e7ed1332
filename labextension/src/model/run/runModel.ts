/** What a run page shows: the run with its tasks, and one task with its attempts. */
import type { FlowApi } from '../../client/api';
import type { Diagnosis, EarlierAttempt, RunApi } from '../../client/runApi';
import type {
  DagWithTasks,
  FlowEvent,
  Reason,
  RunWithTasks,
  TaskDetails,
  TaskInstance,
  Why
} from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import type { TaskKey } from '../../tokens';
import { ListeningModel } from '../shared/listening';
import { NO_STORE } from '../shared/options';
import type { Options, OptionStore } from '../shared/options';
import { Resource } from '../shared/resource';
import { isWaiting } from '../shared/states';
import { logOptions } from './logOptions';
import type { LogOptions } from './logOptions';

export const TABS = [
  'notebook',
  'log',
  'values',
  'resources',
  'metrics',
  'attempts',
  'why',
  'events'
] as const;
export type Tab = (typeof TABS)[number];

export class RunModel extends ListeningModel {
  constructor(
    stream: EventStream,
    readonly api: FlowApi,
    readonly runApi: RunApi,
    readonly dagId: string,
    readonly runId: string,
    store: OptionStore = NO_STORE
  ) {
    super(stream);
    this.logOptions = logOptions(store);
    this.run = this.own(new Resource<RunWithTasks>(() => api.run(dagId, runId)));
    this.dag = this.own(new Resource<DagWithTasks>(() => api.dag(dagId)));
    this.run.changed.connect(this.chooseTask, this);
    this.run.changed.connect(this.askMore, this);
  }

  readonly run: Resource<RunWithTasks>;
  readonly logOptions: Options<LogOptions>;
  /** For its task groups. */
  readonly dag: Resource<DagWithTasks>;

  /** What failed first; null while nothing did. */
  get diagnosis(): Diagnosis['failure'] {
    return this.hasFailed() ? (this.diagnosed?.value?.failure ?? null) : null;
  }

  /** Attempts that were followed by others. */
  get earlier(): EarlierAttempt[] {
    return this.attempts?.value ?? [];
  }

  /** The tab that is shown of the selected task; null: the most telling one. */
  get tab(): Tab | null {
    return this.chosenTab;
  }

  selectTab(tab: Tab): void {
    this.chosenTab = tab;
    this.emit();
  }

  /** The line of the log that a link has led to. */
  get goal(): { seq: number } | null {
    return this.lineGoal;
  }

  /** Show a line in the log of the selected task. */
  showLine(attempt: number | null, seq: number): void {
    this.pickedAttempt = attempt;
    this.lineGoal = { seq };
    this.selectTab('log');
  }

  /** The selected task; its attempts come with `details`. */
  get selectedKey(): TaskKey | null {
    return this.key;
  }

  get details(): TaskDetails | null {
    return this.task?.value ?? null;
  }

  get detailsError(): Error | null {
    return this.task?.error ?? null;
  }

  /** All that the selected task waits for, the nearest first; nothing for one that runs or has ended. */
  get waitsFor(): Reason[] {
    const why = this.details && isWaiting(this.details.state) ? this.why?.value : null;
    return why?.reasons ?? [];
  }

  /** The attempt picked by the user; null follows the latest. */
  get attempt(): number | null {
    return this.pickedAttempt;
  }

  get shownAttempt(): number | null {
    return this.pickedAttempt ?? this.details?.attempts.at(-1)?.attempt_number ?? null;
  }

  /** Select a task instance; without `mapIndex` the most telling one of the task. */
  selectTask(taskId: string, mapIndex?: number): void {
    if (mapIndex !== undefined) {
      this.wanted = null;
      this.show(taskId, mapIndex);
      return;
    }
    this.wanted = taskId;
    this.chooseTask();
  }

  private show(taskId: string, mapIndex: number): void {
    if (this.key?.task_id === taskId && this.key.map_index === mapIndex) {
      return;
    }
    for (const resource of [this.task, this.why]) {
      if (resource) {
        this.disown(resource);
      }
    }
    this.why = null;
    const key = {
      dag_id: this.dagId,
      run_id: this.runId,
      task_id: taskId,
      map_index: mapIndex
    };
    this.key = key;
    this.pickedAttempt = null;
    this.lineGoal = null;
    this.task = this.own(new Resource<TaskDetails>(() => this.api.task(key)));
    this.task.changed.connect(this.askWhy, this);
    this.emit();
  }

  selectAttempt(attempt: number | null): void {
    this.pickedAttempt = attempt;
    this.emit();
  }

  override dispose(): void {
    this.logOptions.dispose();
    super.dispose();
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'dag_changed' && event.dag_id === this.dagId) {
      this.dag.touch();
    }
    if (event.kind === 'host_changed') {
      this.run.touch();
      this.task?.touch();
    }
    if (event.dag_id !== this.dagId || event.run_id !== this.runId) {
      if (event.kind === 'run_state' && this.isChild(event)) {
        this.task?.touch();
      }
      return;
    }
    this.run.touch();
    this.diagnosed?.touch();
    this.attempts?.touch();
    if (this.details && isWaiting(this.details.state)) {
      this.why?.touch();
    }
    if (event.task_id === this.key?.task_id && event.map_index === this.key?.map_index) {
      this.task?.touch();
    }
  }

  /** Select what was asked for, or what is most telling; go on to an instance of a task that was expanded. */
  private chooseTask(): void {
    const tasks = this.run.value?.tasks ?? [];
    const key = this.key;
    const isGone =
      key !== null &&
      !tasks.some(task => task.task_id === key.task_id && task.map_index === key.map_index);
    const taskId = this.wanted ?? (isGone ? key.task_id : null);
    const found = tasks.filter(task => task.task_id === taskId);
    if (found.length > 0) {
      this.wanted = null;
      this.select(found);
    } else if (key === null && tasks.length > 0) {
      this.select(tasks);
    }
  }

  private select(tasks: TaskInstance[]): void {
    const task = mostTelling(tasks);
    this.show(task.task_id, task.map_index);
  }

  private askWhy(): void {
    const { key, details } = this;
    if (key === null || details === null || !isWaiting(details.state)) {
      return;
    }
    if (this.why === null) {
      this.why = this.own(new Resource<Why>(() => this.api.why(key)));
    } else {
      this.why.touch();
    }
  }

  /** Ask for what only some runs have, once there is a reason to. */
  private askMore(): void {
    if (this.diagnosed === null && this.hasFailed()) {
      const { dagId, runId } = this;
      this.diagnosed = this.own(new Resource(() => this.runApi.diagnosis(dagId, runId)));
    }
    const tasks = this.run.value?.tasks ?? [];
    if (this.attempts === null && tasks.some(task => task.attempt_number > 1)) {
      const { dagId, runId } = this;
      this.attempts = this.own(new Resource(() => this.runApi.earlierAttempts(dagId, runId)));
    }
  }

  private hasFailed(): boolean {
    const tasks = this.run.value?.tasks ?? [];
    return tasks.some(task => task.state === 'failed' || task.state === 'up_for_retry');
  }

  private isChild(event: FlowEvent): boolean {
    const children = this.details?.child_runs ?? [];
    return children.some(run => run.dag_id === event.dag_id && run.run_id === event.run_id);
  }

  private task: Resource<TaskDetails> | null = null;
  private why: Resource<Why> | null = null;
  private diagnosed: Resource<Diagnosis> | null = null;
  private attempts: Resource<EarlierAttempt[]> | null = null;
  private chosenTab: Tab | null = null;
  private lineGoal: { seq: number } | null = null;
  private wanted: string | null = null;
  private key: TaskKey | null = null;
  private pickedAttempt: number | null = null;
}

/** The first task that failed by itself, else one that runs, else the first. */
export function mostTelling(tasks: TaskInstance[]): TaskInstance {
  const found =
    tasks.find(task => task.state === 'failed') ??
    tasks.find(task => task.state === 'up_for_retry' || task.state === 'running') ??
    tasks[0];
  return found as TaskInstance;
}
