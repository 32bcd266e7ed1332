/** What the house knows of an open notebook: its DAGs, and how its tasks fared last. */
import type { FlowEvent } from '../../client/documents';
import type {
  NotebookApi,
  NotebookDag,
  NotebookTask,
  NotebookUses
} from '../../client/notebookApi';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

const GATHER = 150;

export interface FoundTask {
  dag: NotebookDag;
  task: NotebookTask;
}

export class NotebookUsesModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: NotebookApi,
    private currentPath: string
  ) {
    super(stream);
    this.uses = this.own(new Resource<NotebookUses>(() => api.uses(this.currentPath), GATHER));
  }

  get path(): string {
    return this.currentPath;
  }

  /** The notebook was renamed. */
  set path(path: string) {
    this.currentPath = path;
    this.uses.touch();
  }

  /** The notebook was saved: what it defines may be read anew. */
  touch(): void {
    this.uses.touch();
  }

  get dags(): NotebookDag[] {
    return this.uses.value?.dags ?? [];
  }

  /** The task that a cell of this notebook defines. */
  task(taskId: string, dagId: string | null): FoundTask | null {
    for (const dag of this.dags) {
      const task = dag.tasks.find(candidate => candidate.task_id === taskId);
      if (dag.is_dag_file && task && (dagId === null || dag.dag_id === dagId)) {
        return { dag, task };
      }
    }
    return null;
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'dag_changed' || event.kind === 'host_changed') {
      this.uses.touch();
    } else if (this.dags.some(dag => dag.dag_id === event.dag_id)) {
      this.uses.touch();
    }
  }

  private readonly uses: Resource<NotebookUses>;
}
