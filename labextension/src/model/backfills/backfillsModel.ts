/** The backfills of a DAG, one of them date by date, and the form for a new one with what it would do. */
import type {
  Backfill,
  BackfillApi,
  BackfillPlan,
  BackfillWithDates
} from '../../client/backfillApi';
import type { Dag, FlowEvent, Run } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import type { BackfillPlace, DayRange } from './backfillPlace';
import { BackfillWish } from './backfillWish';

const MOST = 100;
const GATHER = 150;
/** A backfill may have thousands of dates: they are not looked at again with each of its runs. */
const CALM = 700;
const TELLING = new Set<FlowEvent['kind']>([
  'run_created',
  'run_state',
  'backfill_changed',
  'dag_changed'
]);

interface Preview {
  /** The body that was asked for, as JSON. */
  asked: string;
  plan: BackfillPlan | null;
}

export class BackfillsModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: BackfillApi,
    readonly dagId: string
  ) {
    super(stream);
    this.list = this.own(new Resource(() => api.list(dagId, MOST), GATHER));
  }

  readonly list: Resource<Backfill[]>;
  /** The form, if it is open. */
  wish: BackfillWish | null = null;
  /** A form that a link asked for before the DAG was known. */
  wanted: { range: DayRange | null } | null = null;
  isBusy = false;
  /** Why the last act was refused. */
  problem: string | null = null;

  get openedId(): number | null {
    return this.shownId;
  }

  get opened(): Resource<BackfillWithDates> | null {
    return this.shown;
  }

  /** Show the dates of one backfill; null: of none. */
  open(id: number | null): void {
    if (this.shown) {
      this.disown(this.shown);
      this.shown = null;
    }
    this.shownId = id;
    if (id !== null) {
      this.shown = this.own(new Resource(() => this.api.show(id), CALM));
    }
    this.emit();
  }

  goTo(place: BackfillPlace | null): void {
    if (place !== null && 'backfillId' in place) {
      this.open(place.backfillId);
    } else if (place !== null) {
      this.wanted = { range: place.range };
      this.emit();
    }
  }

  openForm(dag: Dag, runs: readonly Run[], now: number, range: DayRange | null): void {
    this.closeForm();
    this.wanted = null;
    this.wish = new BackfillWish(dag, runs, now, range);
    this.preview = this.own(new Resource(() => this.fetchPlan(), GATHER));
    this.emit();
  }

  closeForm(): void {
    if (this.preview) {
      this.disown(this.preview);
    }
    this.preview = null;
    this.wish = null;
    this.problem = null;
    this.emit();
  }

  /** Write into the form; what it would do is asked anew. */
  change(write: () => void): void {
    write();
    this.preview?.touch();
    this.emit();
  }

  /** What the form as it is now would do; null as long as the server has not said. */
  get plan(): BackfillPlan | null {
    const known = this.preview?.value;
    return known && !this.planError && known.asked === this.asked ? known.plan : null;
  }

  /** Why the server refuses what the form says. */
  get planError(): Error | null {
    return this.preview?.error ?? null;
  }

  /** Create the backfill that the form describes. */
  async start(): Promise<void> {
    const body = this.wish?.body();
    if (body && !this.isBusy) {
      const made = await this.attempt(() => this.api.create(this.dagId, body));
      if (made) {
        this.closeForm();
        this.open(made.backfill_id);
      }
    }
  }

  async act(id: number, what: 'cancel' | 'pause' | 'unpause'): Promise<void> {
    if (!this.isBusy) {
      await this.attempt(() => this.api.change(id, what));
    }
  }

  protected onEvent(event: FlowEvent): void {
    const isOurs = event.dag_id === this.dagId && TELLING.has(event.kind);
    if (event.kind === 'host_changed' || isOurs) {
      this.list.touch();
      this.shown?.touch();
      this.preview?.touch();
    }
  }

  private get asked(): string {
    return JSON.stringify(this.wish?.body());
  }

  private async fetchPlan(): Promise<Preview> {
    const body = this.wish?.body() ?? null;
    const { asked } = this;
    return { asked, plan: body === null ? null : await this.api.preview(this.dagId, body) };
  }

  private async attempt(act: () => Promise<BackfillWithDates>): Promise<BackfillWithDates | null> {
    this.isBusy = true;
    this.problem = null;
    this.emit();
    let made: BackfillWithDates | null = null;
    try {
      made = await act();
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
    this.isBusy = false;
    this.list.touch();
    this.shown?.touch();
    this.emit();
    return made;
  }

  private shown: Resource<BackfillWithDates> | null = null;
  private shownId: number | null = null;
  private preview: Resource<Preview> | null = null;
}
