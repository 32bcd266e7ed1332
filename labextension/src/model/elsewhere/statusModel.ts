/** What the status bar and the list of running sessions show: the host, how much runs, how much failed today. */
import type { FlowApi } from '../../client/api';
import type { FrontApi } from '../../client/frontApi';
import type { FlowEvent, Health, RunningPage } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

const MOST_RUNNING = 100;
/** Seen from the corner of an eye: no need to follow each task. */
const CALM = 500;

export class StatusModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: FlowApi,
    front: FrontApi,
    now: () => Date = () => new Date()
  ) {
    super(stream);
    this.health = this.own(new Resource<Health>(() => api.health(), CALM));
    this.running = this.own(new Resource<RunningPage>(() => front.running(MOST_RUNNING), CALM));
    this.failedToday = this.own(
      new Resource<number>(() => front.failedBetween(midnight(now()), now()), CALM)
    );
  }

  readonly health: Resource<Health>;
  readonly running: Resource<RunningPage>;
  readonly failedToday: Resource<number>;

  protected onEvent(event: FlowEvent): void {
    if (event.kind === 'host_changed' || event.kind === 'import_errors_changed') {
      this.health.touch();
    } else if (event.kind === 'run_created' || event.kind === 'run_state') {
      this.running.touch();
      if (event.state_to === 'failed' || event.state_from === 'failed') {
        this.failedToday.touch();
      }
    }
  }
}

function midnight(now: Date): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate());
}
