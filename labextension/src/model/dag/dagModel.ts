/** What a DAG page shows: the DAG, its newest runs, the task states of one of them. */
import type { FlowApi } from '../../client/api';
import type {
  DagWithTasks,
  FlowEvent,
  NextRun,
  Run,
  RunPage,
  RunWithTasks
} from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

const PAGE = 25;
const NEXT = 5;
const MOST_NEXT = 100;

export class DagModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi,
    readonly dagId: string
  ) {
    super(stream);
    this.dag = this.own(new Resource<DagWithTasks>(() => api.dag(dagId)));
    this.page = this.own(new Resource<RunPage>(() => this.fetchRuns()));
    this.next = this.own(new Resource<NextRun[]>(() => api.nextRuns(dagId, this.nextCount)));
    this.page.changed.connect(this.followNewest, this);
  }

  readonly dag: Resource<DagWithTasks>;
  readonly next: Resource<NextRun[]>;

  /** Whether more coming runs can be shown. */
  get hasMoreNext(): boolean {
    return this.nextCount < MOST_NEXT && this.next.value?.length === this.nextCount;
  }

  showMoreNext(): void {
    this.nextCount = Math.min(MOST_NEXT, 4 * this.nextCount);
    this.next.touch();
  }

  get runs(): Run[] {
    return this.page.value?.runs ?? [];
  }

  get hasOlderRuns(): boolean {
    return this.page.value?.next !== null && this.page.value !== null;
  }

  get runsError(): Error | null {
    return this.page.error;
  }

  showOlderRuns(): void {
    this.limit += PAGE;
    this.page.touch();
  }

  /** The run whose states colour the graph. */
  get selectedRun(): RunWithTasks | null {
    return this.selected?.value ?? null;
  }

  get selectedError(): Error | null {
    return this.selected?.error ?? null;
  }

  get selectedRunId(): string | null {
    return this.selectedId;
  }

  /** Pick a run; null goes back to following the newest one. */
  select(runId: string | null): void {
    this.isPinned = runId !== null;
    this.show(runId ?? this.runs[0]?.run_id ?? null);
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'host_changed') {
      this.dag.touch();
      this.page.touch();
      return;
    }
    if (event.dag_id !== this.dagId) {
      return;
    }
    if (event.kind === 'task_state') {
      if (event.run_id === this.selectedId) {
        this.selected?.touch();
      }
      return;
    }
    this.dag.touch();
    if (event.kind === 'dag_changed') {
      this.next.touch();
    } else {
      this.page.touch();
      this.next.touch();
      if (event.run_id === this.selectedId) {
        this.selected?.touch();
      }
    }
  }

  private fetchRuns(): Promise<RunPage> {
    return this.api.runs(this.dagId, this.limit);
  }

  private followNewest(): void {
    const isGone = !this.runs.some(run => run.run_id === this.selectedId);
    if (!this.isPinned || (isGone && this.selectedId === null)) {
      this.show(this.runs[0]?.run_id ?? null);
    }
  }

  private show(runId: string | null): void {
    if (runId === this.selectedId) {
      return;
    }
    if (this.selected) {
      this.disown(this.selected);
      this.selected = null;
    }
    this.selectedId = runId;
    if (runId !== null) {
      this.selected = this.own(new Resource<RunWithTasks>(() => this.api.run(this.dagId, runId)));
    }
    this.emit();
  }

  private readonly page: Resource<RunPage>;
  private selected: Resource<RunWithTasks> | null = null;
  private selectedId: string | null = null;
  private isPinned = false;
  private limit = PAGE;
  private nextCount = NEXT;
}
