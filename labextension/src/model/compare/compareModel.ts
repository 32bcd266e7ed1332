/** Two to five runs side by side, and the executed notebooks of one of their tasks. */
import type { FlowApi } from '../../client/api';
import type { CompareApi, ComparedRun } from '../../client/compareApi';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { savedCells } from '../run/liveNotebook';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import { alignCells } from './alignCells';
import type { CellRow } from './alignCells';
import { notebookTasks, tableOf } from './compareTable';
import type { CompareTable } from './compareTable';

export interface Compared {
  runs: ComparedRun[];
  table: CompareTable;
  notebookTasks: string[];
}

/** The language of a notebook by its name, and by the ending of its files. */
export interface CodeKind {
  language: string;
  ending: string;
}

export interface ComparedNotebooks {
  taskId: string;
  kind: CodeKind;
  rows: CellRow[];
  /** Why a run shows no notebook, by place. */
  absent: (string | null)[];
}

export class CompareModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi,
    private readonly compareApi: CompareApi,
    readonly dagId: string
  ) {
    super(stream);
    this.compared = this.own(new Resource(() => this.fetch()));
    this.notebooks = this.own(new Resource(() => this.fetchNotebooks()));
    this.compared.changed.connect(() => this.notebooks.touch(), this);
  }

  readonly compared: Resource<Compared | null>;
  readonly notebooks: Resource<ComparedNotebooks | null>;

  get runIds(): readonly string[] {
    return this.wanted;
  }

  set runIds(runIds: readonly string[]) {
    if (runIds.join(',') !== this.wanted.join(',')) {
      this.wanted = runIds;
      this.compared.touch();
      this.emit();
    }
  }

  /** Whose notebooks are shown. */
  get taskId(): string | null {
    const known = this.compared.value?.notebookTasks ?? [];
    return this.chosen !== null && known.includes(this.chosen) ? this.chosen : (known[0] ?? null);
  }

  selectTask(taskId: string): void {
    this.chosen = taskId;
    this.notebooks.touch();
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    const isOurs =
      event.dag_id === this.dagId &&
      this.compared.value?.runs.some(run => run.run_id === event.run_id);
    if (isOurs && (event.kind === 'run_state' || event.kind === 'task_state')) {
      this.compared.touch();
    }
  }

  private async fetch(): Promise<Compared | null> {
    if (this.wanted.length === 0) {
      return null;
    }
    const runs = await this.compareApi.runs(this.dagId, this.wanted);
    return { runs, table: tableOf(runs), notebookTasks: notebookTasks(runs) };
  }

  private async fetchNotebooks(): Promise<ComparedNotebooks | null> {
    const { taskId } = this;
    const runs = this.compared.value?.runs ?? [];
    if (taskId === null) {
      return null;
    }
    const found = await Promise.all(runs.map(run => this.notebookOf(run, taskId)));
    const notebooks = found.map(item => (typeof item === 'string' ? null : item));
    const cells = notebooks.map(notebook => (notebook === null ? [] : savedCells(notebook)));
    const absent = found.map(item => (typeof item === 'string' ? item : null));
    const kind = kindOf(notebooks.find(notebook => notebook !== null));
    return { taskId, kind, rows: alignCells(cells), absent };
  }

  /** The notebook, or why there is none. */
  private async notebookOf(
    run: ComparedRun,
    taskId: string
  ): Promise<Record<string, unknown> | string> {
    const task = run.tasks.find(item => item.task_id === taskId);
    const key = {
      dag_id: this.dagId,
      run_id: run.run_id,
      task_id: taskId,
      map_index: task?.map_index ?? -1
    };
    try {
      return (await this.api.notebook(key, null)).notebook;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  private wanted: readonly string[] = [];
  private chosen: string | null = null;
}

function kindOf(notebook: Record<string, unknown> | null | undefined): CodeKind {
  const metadata = (notebook?.['metadata'] ?? {}) as {
    language_info?: { name?: string; file_extension?: string };
  };
  const { name, file_extension } = metadata.language_info ?? {};
  return { language: name ?? 'python', ending: file_extension ?? '.py' };
}
