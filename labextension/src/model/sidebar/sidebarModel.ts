/** What the sidebar shows: DAGs, import errors, the host. */
import type { FlowApi } from '../../client/api';
import type { Dag, FlowEvent, Health, ImportProblem } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';

/** Up to so many touched DAGs are fetched one by one, more as the whole list. */
const FEW = 5;

export class SidebarModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi
  ) {
    super(stream);
    this.health = this.own(new Resource<Health>(() => api.health()));
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors()));
    this.dags = this.own(new Resource<Dag[]>(() => this.fetchDags()));
  }

  readonly health: Resource<Health>;
  readonly problems: Resource<ImportProblem[]>;
  readonly dags: Resource<Dag[]>;

  get search(): string {
    return this.words;
  }

  set search(words: string) {
    this.words = words;
    this.emit();
  }

  /** DAGs whose id, tags, owner or description contain every word of the search. */
  shownDags(): Dag[] {
    return filterDags(this.dags.value ?? [], this.words);
  }

  protected onEvent(event: FlowEvent): void {
    switch (event.kind) {
      case 'host_changed':
        this.health.touch();
        this.dags.touch();
        this.problems.touch();
        break;
      case 'import_errors_changed':
        this.problems.touch();
        this.health.touch();
        break;
      case 'run_created':
      case 'run_state':
      case 'dag_changed':
        if (event.dag_id !== null) {
          this.touched.add(event.dag_id);
        }
        this.dags.touch();
        if (event.kind !== 'dag_changed') {
          this.health.touch();
        }
        break;
      case 'task_state':
        break;
    }
  }

  /** The whole list, or only the few DAGs that events named since the last time. */
  private async fetchDags(): Promise<Dag[]> {
    const touched = [...this.touched];
    this.touched.clear();
    const known = this.dags.value;
    const isAllKnown = touched.every(id => known?.some(dag => dag.dag_id === id));
    if (known === null || touched.length === 0 || touched.length > FEW || !isAllKnown) {
      return this.api.dags();
    }
    try {
      const fresh = new Map<string, Dag>();
      for (const dag of await Promise.all(touched.map(id => this.api.dag(id)))) {
        fresh.set(dag.dag_id, dag);
      }
      return known.map(dag => fresh.get(dag.dag_id) ?? dag);
    } catch {
      return this.api.dags(); // one of them is gone
    }
  }

  private readonly touched = new Set<string>();
  private words = '';
}

export function filterDags(dags: Dag[], search: string): Dag[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return dags.filter(dag => {
    const names = [dag.dag_id, dag.dag_display_name, dag.owner];
    const text = [...names, dag.description ?? '', ...dag.tags].join(' ').toLowerCase();
    return words.every(word => text.includes(word));
  });
}
