/** What the home page shows: the house, a day on one time axis, slots, the last failures, import errors. */
import type { FlowApi } from '../../client/api';
import type { FrontApi } from '../../client/frontApi';
import type {
  AttentionPage,
  FlowEvent,
  Health,
  ImportProblem,
  Pool,
  Timeline
} from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

export const HOURS = 12;
const MOST_RUNS = 1000;
const MOST_FAILED = 10;
const CALM = 500;

export class HomeModel extends ListeningModel {
  constructor(stream: EventStream, api: FlowApi, front: FrontApi) {
    super(stream);
    this.health = this.own(new Resource<Health>(() => api.health(), CALM));
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors()));
    this.failed = this.own(new Resource<AttentionPage>(() => front.attention(MOST_FAILED), CALM));
    this.pools = this.own(new Resource<Pool[]>(() => front.pools(), CALM));
    this.day = this.own(
      new Resource<Timeline>(() => front.timeline(Date.now(), HOURS, MOST_RUNS), CALM)
    );
  }

  readonly health: Resource<Health>;
  readonly problems: Resource<ImportProblem[]>;
  readonly failed: Resource<AttentionPage>;
  readonly pools: Resource<Pool[]>;
  readonly day: Resource<Timeline>;

  protected onEvent(event: FlowEvent): void {
    switch (event.kind) {
      case 'host_changed':
        [this.health, this.problems, this.pools, this.day].forEach(item => item.touch());
        break;
      case 'import_errors_changed':
        this.problems.touch();
        break;
      case 'pools_changed':
        this.pools.touch();
        break;
      case 'run_created':
      case 'run_state':
        this.health.touch();
        this.day.touch();
        this.failed.touch();
        break;
      case 'dag_changed':
        this.day.touch();
        break;
      case 'task_state':
        this.health.touch();
        this.pools.touch();
        break;
      default:
        break;
    }
  }
}
