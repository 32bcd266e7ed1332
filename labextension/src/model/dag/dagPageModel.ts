/** Everything behind the tabs of a DAG page: only what is looked at is fetched. */
import type { FlowApi } from '../../client/api';
import type { BackfillApi } from '../../client/backfillApi';
import type { CodeApi } from '../../client/codeApi';
import type { CompareApi } from '../../client/compareApi';
import type { DagApi } from '../../client/dagApi';
import type { HistoryApi } from '../../client/historyApi';
import type { EventStream } from '../../events/eventStream';
import { readBackfillPlace } from '../backfills/backfillPlace';
import { BackfillsModel } from '../backfills/backfillsModel';
import { CalendarModel } from '../calendar/calendarModel';
import { CodeModel } from '../code/codeModel';
import { readCodePlace } from '../code/codePlace';
import { CompareModel } from '../compare/compareModel';
import { readComparePlace } from '../compare/comparePlace';
import { GridModel } from '../grid/gridModel';
import { RunsModel } from '../runs/runsModel';
import type { ListeningModel } from '../shared/listening';
import { Options } from '../shared/options';
import type { OptionStore } from '../shared/options';
import { TrendsModel } from '../trends/trendsModel';
import { DagModel } from './dagModel';

export const DAG_TABS = [
  'graph',
  'grid',
  'runs',
  'compare',
  'calendar',
  'backfills',
  'code',
  'overview'
] as const;
export type DagTab = (typeof DAG_TABS)[number];

export interface DagOptions {
  tab: DagTab;
  /** How many runs the grid shows. */
  gridRuns: number;
  hasGantt: boolean;
  /** Ids of the groups whose tasks are not shown. */
  folded: string[];
  /** Changes of code in one column instead of side by side. */
  isUnified: boolean;
  /** Ids of the runs that are compared. */
  compared: string[];
  onlyDifferent: boolean;
}

const DEFAULTS: DagOptions = {
  tab: 'graph',
  gridRuns: 100,
  hasGantt: true,
  folded: [],
  isUnified: false,
  compared: [],
  onlyDifferent: false
};

export interface DagSources {
  stream: EventStream;
  api: FlowApi;
  dagApi: DagApi;
  backfillApi: BackfillApi;
  historyApi: HistoryApi;
  codeApi: CodeApi;
  compareApi: CompareApi;
  store: OptionStore;
}

export class DagPageModel {
  constructor(sources: DagSources, dagId: string) {
    const { stream, api, dagApi, backfillApi, codeApi, compareApi, store } = sources;
    this.options = new Options(store, `dag:${dagId}`, DEFAULTS);
    this.dag = new DagModel(stream, api, dagId);
    this.grid = new GridModel(stream, dagApi, dagId, DEFAULTS.gridRuns);
    this.runs = new RunsModel(stream, api, dagApi, dagId);
    this.code = new CodeModel(stream, codeApi, dagId);
    this.compare = new CompareModel(stream, api, compareApi, dagId);
    this.trends = new TrendsModel(stream, sources.historyApi, dagId);
    this.calendar = new CalendarModel(stream, sources.historyApi, dagId);
    this.backfills = new BackfillsModel(stream, backfillApi, dagId);
    this.tabs = {
      grid: this.grid,
      runs: this.runs,
      compare: this.compare,
      calendar: this.calendar,
      backfills: this.backfills,
      code: this.code,
      overview: this.trends
    };
    this.options.changed.connect(this.apply, this);
  }

  readonly options: Options<DagOptions>;
  readonly dag: DagModel;
  readonly grid: GridModel;
  readonly runs: RunsModel;
  readonly code: CodeModel;
  readonly compare: CompareModel;
  readonly calendar: CalendarModel;
  readonly trends: TrendsModel;
  readonly backfills: BackfillsModel;

  get tab(): DagTab {
    const { tab } = this.options.value;
    return DAG_TABS.includes(tab) ? tab : DEFAULTS.tab;
  }

  /** Show a view by name, and the place in it after a colon (`code:3..5`, `compare:RUN,RUN`); names of later versions change nothing. */
  showTab(name: string): void {
    const [wanted, place] = split(name);
    const tab = DAG_TABS.find(known => known === wanted);
    if (tab !== undefined) {
      this.options.set({ tab });
    }
    if (tab === 'compare' && place !== null) {
      this.options.set({ compared: readComparePlace(place) });
    }
    if (tab === 'backfills' && place !== null) {
      this.backfills.goTo(readBackfillPlace(place));
    }
    if (tab === 'code' && place !== null) {
      this.code.show(readCodePlace(place));
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
    this.compare.runIds = this.options.value.compared;
    this.dag.setActive(this.isActive);
    for (const [tab, model] of Object.entries(this.tabs)) {
      model.setActive(this.isActive && this.options.isReady && tab === this.tab);
    }
  }

  /** What each tab needs beside the DAG itself. */
  private readonly tabs: Partial<Record<DagTab, ListeningModel>>;
  private isActive = false;
}

function split(name: string): [string, string | null] {
  const at = name.indexOf(':');
  return at < 0 ? [name, null] : [name.slice(0, at), name.slice(at + 1)];
}
