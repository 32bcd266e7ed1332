/** The name of a place in the Backfills tab: `backfills:12`, `backfills:new`, `backfills:2026-01-01..2026-01-31` (a form for these days). */

/** Days of the DAG's zone, the last one included. */
export interface DayRange {
  from: string;
  to: string;
}

export type BackfillPlace = { backfillId: number } | { range: DayRange | null };

export function backfillsTab(range: DayRange | null): string {
  return range === null ? 'backfills:new' : `backfills:${range.from}..${range.to}`;
}

/** What stands after `backfills:`; null for anything else than that. */
export function readBackfillPlace(text: string): BackfillPlace | null {
  if (text === 'new') {
    return { range: null };
  }
  if (/^[1-9]\d{0,8}$/.test(text)) {
    return { backfillId: Number(text) };
  }
  const [, from, to] = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/.exec(text) ?? [];
  return from === undefined || to === undefined ? null : { range: { from, to } };
}
