/** A year of runs by day, the days that are selected, and their runs. */
import type { FlowEvent, RunPage } from '../../client/documents';
import type { CalendarDocument, HistoryApi } from '../../client/historyApi';
import type { EventStream } from '../../events/eventStream';
import type { DayRange } from '../backfills/backfillPlace';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import { instantOf } from '../shared/zones';
import { dayAfter, rangeOf } from './days';

const CALM = 400;
const TELLING = new Set<FlowEvent['kind']>(['run_created', 'run_state', 'dag_changed']);

export class CalendarModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: HistoryApi,
    readonly dagId: string
  ) {
    super(stream);
    this.document = this.own(new Resource(() => api.calendar(dagId, this.wanted), CALM));
  }

  /** Runs of the selected days that are listed. */
  static readonly LISTED = 50;

  readonly document: Resource<CalendarDocument>;

  get year(): number | null {
    const known = this.document.value;
    return this.wanted ?? (known ? Number(known.start.slice(0, 4)) : null);
  }

  set year(year: number | null) {
    this.wanted = year;
    this.document.touch();
    this.emit();
  }

  /** Where the keyboard is; the other end of the selection is where it began. */
  get focus(): string | null {
    return this.at;
  }

  get range(): DayRange | null {
    return this.at === null || this.anchor === null ? null : rangeOf(this.anchor, this.at);
  }

  get runs(): Resource<RunPage> | null {
    return this.listed;
  }

  /** Select one day, or all from where the selection began. Another year is shown if the day is not in this one. */
  select(day: string, isExtended: boolean): void {
    this.anchor = isExtended && this.anchor !== null ? this.anchor : day;
    this.at = day;
    const year = Number(day.slice(0, 4));
    if (year !== this.year) {
      this.wanted = year;
      this.document.touch();
    }
    if (this.listed) {
      this.listed.touch();
    } else {
      this.listed = this.own(new Resource(() => this.fetchRuns(), CALM));
    }
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    const isOurs = event.dag_id === this.dagId && TELLING.has(event.kind);
    if (event.kind === 'host_changed' || isOurs) {
      this.document.touch();
      this.listed?.touch();
    }
  }

  private async fetchRuns(): Promise<RunPage> {
    const { range, document } = this;
    const zone = document.value?.timezone;
    if (range === null || zone === undefined) {
      return { runs: [], next: null };
    }
    const bound = (day: string) => instantOf(`${day}T00:00`, zone);
    return this.api.runsBetween(
      this.dagId,
      CalendarModel.LISTED,
      new Date(bound(range.from)).toISOString(),
      new Date(bound(dayAfter(range.to, 1)) - 1).toISOString()
    );
  }

  private wanted: number | null = null;
  private anchor: string | null = null;
  private at: string | null = null;
  private listed: Resource<RunPage> | null = null;
}
