/** What the operations pages show. Only the page that is open is kept fresh. */
import type { FlowApi } from '../../client/api';
import type { FrontApi, SlaPage } from '../../client/frontApi';
import type { Asset, FlowEvent, ImportProblem, Pool, Sla } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

export const OPERATION_PAGES = ['pools', 'slas', 'import-errors', 'assets'] as const;
export type OperationPage = (typeof OPERATION_PAGES)[number];

const SLAS = 200;
const CALM = 500;

export class OperationsModel extends ListeningModel {
  constructor(
    stream: EventStream,
    api: FlowApi,
    private readonly front: FrontApi
  ) {
    super(stream);
    this.pools = this.own(new Resource<Pool[]>(() => front.pools(), CALM));
    this.slas = this.own(new Resource<SlaPage>(() => this.fetchSlas(), CALM));
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors(), CALM));
    this.assets = this.own(new Resource<Asset[]>(() => front.assets(), CALM));
  }

  readonly pools: Resource<Pool[]>;
  readonly slas: Resource<SlaPage>;
  readonly problems: Resource<ImportProblem[]>;
  readonly assets: Resource<Asset[]>;

  get page(): OperationPage {
    return this.shown;
  }

  set page(page: OperationPage) {
    this.shown = page;
    this.setActive(this.isLookedAt);
    this.emit();
  }

  override setActive(isActive: boolean): void {
    this.isLookedAt = isActive;
    if (isActive) {
      this.stream.start();
    }
    const pages: Record<OperationPage, { setActive(isActive: boolean): void }> = {
      pools: this.pools,
      slas: this.slas,
      'import-errors': this.problems,
      assets: this.assets
    };
    OPERATION_PAGES.forEach(page => pages[page].setActive(isActive && page === this.shown));
  }

  /** Older misses below those that are known. */
  showOlderSlas(): void {
    if (this.slas.value?.next) {
      this.slaPages += 1;
      this.slas.touch();
    }
  }

  async noteSla(sla: Sla, note: string): Promise<void> {
    await this.front.noteSla(sla, note.trim() || null);
    this.slas.touch();
  }

  protected onEvent(event: FlowEvent): void {
    switch (event.kind) {
      case 'task_state':
      case 'pools_changed':
        this.pools.touch();
        break;
      case 'sla_missed':
        this.slas.touch();
        break;
      case 'import_errors_changed':
        this.problems.touch();
        break;
      case 'asset_event':
      case 'dag_changed':
        this.assets.touch();
        break;
      default:
        break;
    }
  }

  private async fetchSlas(): Promise<SlaPage> {
    const slas: Sla[] = [];
    let next: string | null = null;
    for (let page = 0; page < this.slaPages; page += 1) {
      const found: SlaPage = await this.front.slas(SLAS, next);
      slas.push(...found.slas);
      next = found.next;
      if (next === null) {
        break;
      }
    }
    return { slas, next };
  }

  private shown: OperationPage = 'pools';
  private slaPages = 1;
  private isLookedAt = false;
}
