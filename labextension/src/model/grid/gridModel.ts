/** The states of all tasks in the last runs of a DAG. */
import type { DagApi, GridDocument } from '../../client/dagApi';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import { GridTable } from './gridTable';

/** A grid is larger than other documents: changes of many tasks are gathered for longer. */
const GATHER = 200;

export class GridModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: DagApi,
    readonly dagId: string,
    private limit: number
  ) {
    super(stream);
    this.grid = this.own(new Resource(() => api.grid(dagId, this.limit), GATHER));
  }

  readonly grid: Resource<GridDocument>;

  /** How many runs are asked for. */
  get most(): number {
    return this.limit;
  }

  set most(limit: number) {
    if (limit !== this.limit) {
      this.limit = limit;
      this.grid.touch();
    }
  }

  get table(): GridTable | null {
    const { value } = this.grid;
    if (value !== null && value !== this.tabled) {
      this.tabled = value;
      this.current = new GridTable(value);
    }
    return this.current;
  }

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'host_changed' || event.dag_id === this.dagId) {
      this.grid.touch();
    }
  }

  private tabled: GridDocument | null = null;
  private current: GridTable | null = null;
}
