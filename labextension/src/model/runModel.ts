/** What a run page shows: the run with its tasks, and one task with its attempts. */
import type { FlowApi } from '../client/api';
import type { FlowEvent, RunWithTasks, TaskDetails, TaskInstance } from '../client/documents';
import type { EventStream } from '../events/eventStream';
import type { TaskKey } from '../tokens';
import { ListeningModel } from './listening';
import { Resource } from './resource';

export class RunModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi,
    readonly dagId: string,
    readonly runId: string
  ) {
    super(stream);
    this.run = this.own(new Resource<RunWithTasks>(() => api.run(dagId, runId)));
    this.run.changed.connect(this.chooseTask, this);
  }

  readonly run: Resource<RunWithTasks>;

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

  /** The attempt picked by the user; null follows the latest. */
  get attempt(): number | null {
    return this.pickedAttempt;
  }

  get shownAttempt(): number | null {
    return this.pickedAttempt ?? this.details?.attempts.at(-1)?.attempt_number ?? null;
  }

  selectTask(taskId: string, mapIndex = -1): void {
    if (this.key?.task_id === taskId && this.key.map_index === mapIndex) {
      return;
    }
    if (this.task) {
      this.disown(this.task);
    }
    const key = {
      dag_id: this.dagId,
      run_id: this.runId,
      task_id: taskId,
      map_index: mapIndex
    };
    this.key = key;
    this.pickedAttempt = null;
    this.task = this.own(new Resource<TaskDetails>(() => this.api.task(key)));
    this.emit();
  }

  selectAttempt(attempt: number | null): void {
    this.pickedAttempt = attempt;
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'host_changed') {
      this.run.touch();
      this.task?.touch();
    }
    if (event.dag_id !== this.dagId || event.run_id !== this.runId) {
      return;
    }
    this.run.touch();
    if (event.task_id === this.key?.task_id && event.map_index === this.key?.map_index) {
      this.task?.touch();
    }
  }

  private chooseTask(): void {
    const tasks = this.run.value?.tasks ?? [];
    if (this.key === null && tasks.length > 0) {
      const task = mostTelling(tasks);
      this.selectTask(task.task_id, task.map_index);
    }
  }

  private task: Resource<TaskDetails> | null = null;
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
