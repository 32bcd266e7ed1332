/** What the sidebar shows: what needs attention, what runs, all DAGs. */
import type { FlowApi } from '../../client/api';
import type { FrontApi, SlaPage } from '../../client/frontApi';
import type {
  AttentionPage,
  DagRow,
  FlowEvent,
  Health,
  ImportProblem,
  RunningPage
} from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { NO_STORE } from '../shared/options';
import type { OptionStore } from '../shared/options';
import { Resource } from '../shared/resource';
import { attentionItems } from './attention';
import type { AttentionItem } from './attention';
import { NO_FILTER, shownDags } from './dagFilter';
import type { DagFilter, Shown } from './dagFilter';
import { RowStore } from './rowStore';

const MOST_FAILED = 100;
const MOST_RUNNING = 200;
const MOST_SLAS = 50;
/** Tasks end by the hundred: lists follow them a few times a second. */
const CALM = 200;
const OPTIONS = 'sidebar';

export class SidebarModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: FlowApi,
    front: FrontApi,
    private readonly options: OptionStore = NO_STORE
  ) {
    super(stream);
    this.health = this.own(new Resource<Health>(() => api.health()));
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors()));
    this.failed = this.own(new Resource<AttentionPage>(() => front.attention(MOST_FAILED), CALM));
    this.running = this.own(new Resource<RunningPage>(() => front.running(MOST_RUNNING), CALM));
    this.slas = this.own(new Resource<SlaPage>(() => front.slas(MOST_SLAS)));
    this.store = new RowStore(front, rows => this.dags.set(rows));
    this.dags = this.own(new Resource<DagRow[]>(() => this.store.fetch(this.dags.value), CALM));
    stream.reset.connect(() => this.store.touchAll(), this);
    void this.restore();
  }

  readonly health: Resource<Health>;
  readonly problems: Resource<ImportProblem[]>;
  readonly failed: Resource<AttentionPage>;
  readonly running: Resource<RunningPage>;
  readonly slas: Resource<SlaPage>;
  readonly dags: Resource<DagRow[]>;

  get filter(): DagFilter {
    return this.chosen;
  }

  setFilter(change: Partial<DagFilter>): void {
    this.chosen = { ...this.chosen, ...change };
    this.save();
  }

  /** Whether paused DAGs are left out as long as nothing is chosen. */
  get hidesPaused(): boolean {
    return this.isPausedHidden;
  }

  set hidesPaused(isHidden: boolean) {
    this.isPausedHidden = isHidden;
    this.emit();
  }

  get favourites(): ReadonlySet<string> {
    return this.stars;
  }

  setFavourite(dagId: string, isFavourite: boolean): void {
    const stars = new Set(this.stars);
    if (isFavourite) {
      stars.add(dagId);
    } else {
      stars.delete(dagId);
    }
    this.stars = stars;
    this.save();
  }

  shown(): Shown {
    const showPaused = this.chosen.showPaused ?? (this.isPausedHidden ? null : true);
    return shownDags(this.dags.value ?? [], { ...this.chosen, showPaused }, this.stars);
  }

  attention(now: number): AttentionItem[] {
    return attentionItems(
      {
        failed: this.failed.value?.failed ?? [],
        problems: this.problems.value ?? [],
        slas: this.slas.value?.slas ?? [],
        rows: this.dags.value ?? []
      },
      now
    );
  }

  protected onEvent(event: FlowEvent): void {
    switch (event.kind) {
      case 'host_changed':
        this.store.touchAll();
        [this.health, this.dags, this.problems, this.failed, this.running].forEach(item =>
          item.touch()
        );
        break;
      case 'import_errors_changed':
        this.problems.touch();
        this.health.touch();
        break;
      case 'sla_missed':
        this.slas.touch();
        break;
      case 'run_created':
      case 'run_state':
        this.health.touch();
        this.running.touch();
        if (event.kind === 'run_state') {
          this.failed.touch();
        }
        this.touchRow(event);
        break;
      case 'task_state':
        this.running.touch();
        this.touchRow(event);
        break;
      case 'dag_changed':
        this.failed.touch();
        this.touchRow(event);
        break;
      default:
        break;
    }
  }

  private touchRow(event: FlowEvent): void {
    if (event.dag_id !== null) {
      this.store.touch(event.dag_id);
      this.dags.touch();
    }
  }

  private async restore(): Promise<void> {
    const kept = (await this.options.load(OPTIONS)) as Kept | null;
    if (kept) {
      this.chosen = { ...NO_FILTER, ...kept.filter, search: '' };
      this.stars = new Set(kept.favourites);
      this.emit();
    }
  }

  private save(): void {
    const kept: Kept = { filter: this.chosen, favourites: [...this.stars] };
    this.options.save(OPTIONS, kept);
    this.emit();
  }

  private readonly store: RowStore;
  private chosen: DagFilter = NO_FILTER;
  private isPausedHidden = true;
  private stars: ReadonlySet<string> = new Set<string>();
}

interface Kept {
  filter: DagFilter;
  favourites: string[];
}
