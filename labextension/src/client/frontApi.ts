/** The part of the REST door that looks at many DAGs at once: lists, what needs attention, operations. */
import type {
  Asset,
  AttentionPage,
  DagRowPage,
  Pool,
  RunningPage,
  Sla,
  Timeline,
  XCom
} from './documents';
import type { Send } from './api';

export interface SlaPage {
  slas: Sla[];
  next: string | null;
}

export class FrontApi {
  constructor(private readonly send: Send) {}

  attention = (limit: number) => this.get<AttentionPage>(`attention?limit=${limit}`);
  running = (limit: number) => this.get<RunningPage>(`running-runs?limit=${limit}`);
  pools = async () => (await this.get<{ pools: Pool[] }>('pools')).pools;
  assets = async () => (await this.get<{ assets: Asset[] }>('assets')).assets;

  /** A page of DAGs by id, those after `after`. */
  rows(limit: number, after: string | null): Promise<DagRowPage> {
    return this.get<DagRowPage>(`dag-rows?limit=${limit}${query('after', after)}`);
  }

  rowsOf(dagIds: string[]): Promise<DagRowPage> {
    const named = dagIds.map(id => query('dag_id', id)).join('');
    return this.get<DagRowPage>(`dag-rows?limit=${dagIds.length}${named}`);
  }

  slas(limit: number, before: string | null = null): Promise<SlaPage> {
    return this.get<SlaPage>(`slas?limit=${limit}${query('before', before)}`);
  }

  noteSla(sla: Sla, note: string | null): Promise<Sla> {
    const { dag_id, run_id, task_id } = sla;
    const path = ['dags', dag_id, 'runs', run_id, 'tasks', task_id, 'sla'];
    return this.send('PATCH', path.map(encodeURIComponent).join('/'), { note }) as Promise<Sla>;
  }

  async xcoms(dagId: string, runId: string, limit: number): Promise<XCom[]> {
    const path = `dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}/xcoms`;
    return (await this.get<{ xcoms: XCom[] }>(`${path}?limit=${limit}`)).xcoms;
  }

  /** Runs around `now`, `hours` to each side. */
  timeline(now: number, hours: number, limit: number): Promise<Timeline> {
    const at = (side: number) =>
      encodeURIComponent(new Date(now + side * hours * 3_600_000).toISOString());
    return this.get<Timeline>(`timeline?start=${at(-1)}&end=${at(1)}&limit=${limit}`);
  }

  /** How many runs failed in that time. */
  async failedBetween(start: Date, end: Date): Promise<number> {
    const range = `start=${encodeURIComponent(start.toISOString())}&end=${encodeURIComponent(end.toISOString())}`;
    return (await this.get<Timeline>(`timeline?${range}&limit=1`)).failed;
  }

  private get<T>(path: string): Promise<T> {
    return this.send('GET', path) as Promise<T>;
  }
}

function query(name: string, value: string | null): string {
  return value === null ? '' : `&${name}=${encodeURIComponent(value)}`;
}
