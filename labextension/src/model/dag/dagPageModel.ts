/** Everything behind the tabs of a DAG page: only what is looked at is fetched. */
import type { FlowApi } from '../../client/api';
import type { DagApi } from '../../client/dagApi';
import type { EventStream } from '../../events/eventStream';
import { GridModel } from '../grid/gridModel';
import { RunsModel } from '../runs/runsModel';
import type { ListeningModel } from '../shared/listening';
import { Options } from '../shared/options';
import type { OptionStore } from '../shared/options';
import { DagModel } from './dagModel';

export const DAG_TABS = ['graph', 'grid', 'runs', 'overview'] as const;
export type DagTab = (typeof DAG_TABS)[number];

export interface DagOptions {
  tab: DagTab;
  /** How many runs the grid shows. */
  gridRuns: number;
  hasGantt: boolean;
  /** Ids of the groups whose tasks are not shown. */
  folded: string[];
}

const DEFAULTS: DagOptions = { tab: 'graph', gridRuns: 100, hasGantt: true, folded: [] };

export interface DagSources {
  stream: EventStream;
  api: FlowApi;
  dagApi: DagApi;
  store: OptionStore;
}

export class DagPageModel {
  constructor(sources: DagSources, dagId: string) {
    const { stream, api, dagApi, store } = sources;
    this.options = new Options(store, `dag:${dagId}`, DEFAULTS);
    this.dag = new DagModel(stream, api, dagId);
    this.grid = new GridModel(stream, dagApi, dagId, DEFAULTS.gridRuns);
    this.runs = new RunsModel(stream, api, dagApi, dagId);
    this.tabs = { grid: this.grid, runs: this.runs };
    this.options.changed.connect(this.apply, this);
  }

  readonly options: Options<DagOptions>;
  readonly dag: DagModel;
  readonly grid: GridModel;
  readonly runs: RunsModel;

  get tab(): DagTab {
    const { tab } = this.options.value;
    return DAG_TABS.includes(tab) ? tab : DEFAULTS.tab;
  }

  /** Show a view by name; names of later versions change nothing. */
  showTab(name: string): void {
    const tab = DAG_TABS.find(known => known === name);
    if (tab !== undefined) {
      this.options.set({ tab });
    }
  }

  setActive(isActive: boolean): void {
    this.isActive = isActive;
    this.apply();
  }

  dispose(): void {
    this.options.dispose();
    this.dag.dispose();
    Object.values(this.tabs).forEach(model => model.dispose());
  }

  private apply(): void {
    this.grid.most = this.options.value.gridRuns;
    this.dag.setActive(this.isActive);
    for (const [tab, model] of Object.entries(this.tabs)) {
      model.setActive(this.isActive && this.options.isReady && tab === this.tab);
    }
  }

  /** What each tab needs beside the DAG itself. */
  private readonly tabs: Partial<Record<DagTab, ListeningModel>>;
  private isActive = false;
}
