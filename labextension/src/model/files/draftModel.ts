/** What a dialog about notebooks and DAGs has been told so far, and the DAG file that would come of it. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowApi } from '../../client/api';
import type { DagTask } from '../../client/documents';
import type { DagDraft, DagFileVerdict, FilesApi } from '../../client/filesApi';
import { Resource } from '../shared/resource';

/** Milliseconds: while somebody types, nobody is asked. */
const TYPING = 250;

export abstract class DraftModel {
  constructor(
    protected readonly filesApi: FilesApi,
    /** Notebooks as the contents API names them. */
    protected list: readonly string[]
  ) {
    this.draft = new Resource<DagDraft>(() => this.fetch(), TYPING);
    this.draft.changed.connect(this.emit, this);
    this.draft.setActive(true);
  }

  readonly draft: Resource<DagDraft>;

  get paths(): readonly string[] {
    return this.list;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get version(): number {
    return this.count;
  }

  /** What was wrong with it when it was to be saved. */
  get verdict(): DagFileVerdict | null {
    return this.found;
  }

  /** Why nothing can be drafted or saved. */
  get problem(): string | null {
    return this.refusal ?? this.draft.error?.message ?? null;
  }

  /** Loads the draft of what is chosen now on the server, and writes it if it loads; null if it does not. */
  async save(): Promise<DagDraft | null> {
    this.refusal = null;
    this.found = null;
    try {
      const draft = await this.fetch();
      const { text, replaces } = draft;
      this.found = await this.filesApi.save(draft, text, replaces, false);
      return this.found.is_saved ? draft : null;
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      return null;
    } finally {
      this.emit();
    }
  }

  dispose(): void {
    this.draft.dispose();
    Signal.clearData(this);
  }

  protected abstract fetch(): Promise<DagDraft>;

  protected onChoice(): void {
    this.refusal = null;
    this.found = null;
    this.draft.touch();
    this.emit();
  }

  protected emit(): void {
    this.count += 1;
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private found: DagFileVerdict | null = null;
  private refusal: string | null = null;
  private count = 0;
}

export class NewDagModel extends DraftModel {
  constructor(filesApi: FilesApi, paths: readonly string[], first: string) {
    super(filesApi, paths);
    this.when = first;
  }

  /** null: made from the first notebook. */
  get dagId(): string | null {
    return this.id;
  }

  set dagId(id: string | null) {
    this.id = id;
    this.onChoice();
  }

  get schedule(): string {
    return this.when;
  }

  set schedule(schedule: string) {
    this.when = schedule;
    this.onChoice();
  }

  /** Each notebook waits for the one before it. */
  get isChain(): boolean {
    return this.isOrdered;
  }

  set isChain(isChain: boolean) {
    this.isOrdered = isChain;
    this.onChoice();
  }

  /** Put a notebook elsewhere in the order. */
  move(from: number, to: number): void {
    const path = this.list[from];
    if (path !== undefined && to >= 0 && to < this.list.length) {
      const others = this.list.filter((_, at) => at !== from);
      this.list = [...others.slice(0, to), path, ...others.slice(to)];
      this.onChoice();
    }
  }

  protected fetch(): Promise<DagDraft> {
    const { id, when, isOrdered } = this;
    return this.filesApi.draft(this.list, {
      dagId: id,
      schedule: when.trim(),
      isChain: isOrdered
    });
  }

  private id: string | null = null;
  private when: string;
  private isOrdered = true;
}

export class AddTasksModel extends DraftModel {
  constructor(
    private readonly api: FlowApi,
    filesApi: FilesApi,
    paths: readonly string[],
    /** DAGs whose files are Python: tasks are added to these. */
    readonly dagIds: readonly string[]
  ) {
    super(filesApi, paths);
    this.id = dagIds[0] ?? '';
    void this.loadTasks();
  }

  get dagId(): string {
    return this.id;
  }

  set dagId(id: string) {
    this.id = id;
    this.behind = null;
    this.known = [];
    void this.loadTasks();
    this.onChoice();
  }

  get tasks(): readonly DagTask[] {
    return this.known;
  }

  get after(): string | null {
    return this.behind;
  }

  set after(taskId: string | null) {
    this.behind = taskId;
    this.onChoice();
  }

  protected fetch(): Promise<DagDraft> {
    return this.filesApi.draftTasks(this.id, this.list, this.behind);
  }

  private async loadTasks(): Promise<void> {
    const { id } = this;
    const dag = await this.api.dag(id).catch(() => null);
    if (dag && id === this.id) {
      this.known = dag.tasks;
      this.emit();
    }
  }

  private id: string;
  private behind: string | null = null;
  private known: readonly DagTask[] = [];
}
