/** The rows of all DAGs: the first page at once, the rest behind it, and afterwards only those that events name. */
import type { FrontApi } from '../../client/frontApi';
import type { DagRow } from '../../client/documents';

const FIRST = 60;
const PAGE = 500;
/** Up to so many touched DAGs are fetched by name, more as the whole list. */
const FEW = 50;

export class RowStore {
  /** `onPart` is given what is known while the rest still comes. */
  constructor(
    private readonly api: FrontApi,
    private readonly onPart: (rows: DagRow[]) => void
  ) {}

  touch(dagId: string): void {
    this.touched.add(dagId);
  }

  /** Look at everything at the next fetch. */
  touchAll(): void {
    this.isWholeWanted = true;
  }

  async fetch(known: DagRow[] | null): Promise<DagRow[]> {
    const touched = [...this.touched];
    const isWhole = this.isWholeWanted || known === null || touched.length > FEW;
    this.touched.clear();
    if (isWhole || touched.length === 0) {
      this.isWholeWanted = true; // until it has succeeded
      const rows = await this.fetchAll(known === null);
      this.isWholeWanted = false;
      return rows;
    }
    try {
      const { dags } = await this.api.rowsOf(touched);
      return merge(known, touched, dags);
    } catch (error) {
      touched.forEach(id => this.touched.add(id));
      throw error;
    }
  }

  private async fetchAll(isFirst: boolean): Promise<DagRow[]> {
    let page = await this.api.rows(isFirst ? FIRST : PAGE, null);
    const rows = [...page.dags];
    while (page.next !== null) {
      if (isFirst) {
        this.onPart([...rows]);
      }
      page = await this.api.rows(PAGE, page.next);
      rows.push(...page.dags);
    }
    return rows;
  }

  private readonly touched = new Set<string>();
  private isWholeWanted = false;
}

/** `known` with the asked rows as they are now: changed, new or gone. */
export function merge(known: DagRow[], asked: string[], fresh: DagRow[]): DagRow[] {
  const byId = new Map(known.map(row => [row.dag_id, row]));
  asked.forEach(id => byId.delete(id));
  fresh.forEach(row => byId.set(row.dag_id, row));
  return [...byId.values()].sort((one, other) => (one.dag_id < other.dag_id ? -1 : 1));
}
