/** Backfills: past dates of a DAG, which the scheduler runs. */
import type { Send } from './api';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type Backfill = Schemas['Backfill'];
export type BackfillDate = Schemas['BackfillDate'];
/** What a backfill would do, date by date. */
export type BackfillPlan = Schemas['BackfillPlan'];
export type BackfillWithDates = Schemas['BackfillWithDates'];
export type Reprocess = Backfill['reprocess_behavior'];

export interface BackfillBody {
  from_date: string;
  to_date: string;
  reprocess_behavior: Reprocess;
  max_active_runs: number;
  run_backwards: boolean;
  conf: Record<string, unknown>;
}

export class BackfillApi {
  constructor(private readonly send: Send) {}

  async list(dagId: string, limit: number): Promise<Backfill[]> {
    const answer = await this.send('GET', `${backfillsOf(dagId)}?limit=${limit}`);
    return (answer as { backfills: Backfill[] }).backfills;
  }

  show(id: number): Promise<BackfillWithDates> {
    return this.send('GET', `backfills/${id}`) as Promise<BackfillWithDates>;
  }

  preview(dagId: string, body: BackfillBody): Promise<BackfillPlan> {
    const asked = { ...body, dry_run: true };
    return this.send('POST', backfillsOf(dagId), asked) as Promise<BackfillPlan>;
  }

  create(dagId: string, body: BackfillBody): Promise<BackfillWithDates> {
    return this.send('POST', backfillsOf(dagId), body) as Promise<BackfillWithDates>;
  }

  change(id: number, what: 'cancel' | 'pause' | 'unpause'): Promise<BackfillWithDates> {
    return this.send('POST', `backfills/${id}/${what}`, {}) as Promise<BackfillWithDates>;
  }
}

function backfillsOf(dagId: string): string {
  return `dags/${encodeURIComponent(dagId)}/backfills`;
}
