/** How long the last runs of a DAG, or one of its tasks in them, took. */
import type { FlowEvent } from '../../client/documents';
import type { Durations, HistoryApi } from '../../client/historyApi';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

const RUNS = 60;
const CALM = 500;

export class TrendsModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: HistoryApi,
    readonly dagId: string
  ) {
    super(stream);
    this.durations = this.own(new Resource(() => api.durations(dagId, RUNS, this.chosen), CALM));
  }

  readonly durations: Resource<Durations>;

  /** null: the runs themselves. */
  get taskId(): string | null {
    return this.chosen;
  }

  set taskId(taskId: string | null) {
    this.chosen = taskId;
    this.durations.touch();
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    const isOurs = event.dag_id === this.dagId && event.kind === 'run_state';
    if (event.kind === 'host_changed' || isOurs) {
      this.durations.touch();
    }
  }

  private chosen: string | null = null;
}
