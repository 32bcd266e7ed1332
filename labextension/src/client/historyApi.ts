/** What has become of a DAG over time. */
import type { Send } from './api';
import type { RunPage } from './documents';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type CalendarDocument = Schemas['Calendar'];
export type CalendarDay = Schemas['CalendarDay'];
export type Durations = Schemas['Durations'];
export type DurationOfRun = Schemas['DurationOfRun'];

export class HistoryApi {
  constructor(private readonly send: Send) {}

  /** Runs by day; of the current year if none is named. */
  calendar(dagId: string, year: number | null): Promise<CalendarDocument> {
    const span = year === null ? '' : `?start=${year}-01-01&end=${year}-12-31`;
    return this.send('GET', `${dag(dagId)}/calendar${span}`) as Promise<CalendarDocument>;
  }

  /** How long the last runs took; `taskId`: one task in them. */
  durations(dagId: string, limit: number, taskId: string | null): Promise<Durations> {
    const task = taskId === null ? '' : `&task_id=${encodeURIComponent(taskId)}`;
    return this.send('GET', `${dag(dagId)}/durations?limit=${limit}${task}`) as Promise<Durations>;
  }

  /** Runs with a logical date (without one: that were due) from one instant to another, newest first. */
  runsBetween(dagId: string, limit: number, since: string, until: string): Promise<RunPage> {
    const bounds = new URLSearchParams({
      limit: String(limit),
      logical_since: since,
      logical_until: until
    });
    return this.send('GET', `${dag(dagId)}/runs?${bounds.toString()}`) as Promise<RunPage>;
  }
}

function dag(dagId: string): string {
  return `dags/${encodeURIComponent(dagId)}`;
}
