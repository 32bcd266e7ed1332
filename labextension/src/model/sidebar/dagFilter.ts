/** Which DAGs the panel lists: search, tag, owner, state of the last run, favourites first, paused ones on request. */
import type { DagRow } from '../../client/documents';
import type { RunState } from '../shared/states';

export interface DagFilter {
  search: string;
  tag: string | null;
  owner: string | null;
  state: RunState | 'none' | null;
  onlyFavourites: boolean;
  /** null: not chosen; paused ones are shown then as long as there are no others. */
  showPaused: boolean | null;
}

export const NO_FILTER: DagFilter = {
  search: '',
  tag: null,
  owner: null,
  state: null,
  onlyFavourites: false,
  showPaused: null
};

export interface Shown {
  rows: DagRow[];
  /** How many the other filters let through, but that are paused. */
  paused: number;
  showsPaused: boolean;
}

export function shownDags(
  rows: DagRow[],
  filter: DagFilter,
  favourites: ReadonlySet<string>
): Shown {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = rows.filter(
    row =>
      (filter.tag === null || row.tags.includes(filter.tag)) &&
      (filter.owner === null || row.owner === filter.owner) &&
      (filter.state === null || (row.runs.at(-1)?.state ?? 'none') === filter.state) &&
      (!filter.onlyFavourites || favourites.has(row.dag_id)) &&
      hasWords(row, words)
  );
  const awake = wanted.filter(row => !row.is_paused);
  const showsPaused = filter.showPaused ?? rows.every(row => row.is_paused);
  const shown = showsPaused ? wanted : awake;
  return {
    rows: [
      ...shown.filter(row => favourites.has(row.dag_id)),
      ...shown.filter(row => !favourites.has(row.dag_id))
    ],
    paused: wanted.length - awake.length,
    showsPaused
  };
}

/** All values that rows have, most used first. */
export function valuesOf(rows: DagRow[], read: (row: DagRow) => string[]): string[] {
  const counts = new Map<string, number>();
  rows.flatMap(read).forEach(value => counts.set(value, (counts.get(value) ?? 0) + 1));
  return [...counts]
    .sort(([one, a], [other, b]) => b - a || one.localeCompare(other))
    .map(([value]) => value)
    .filter(Boolean);
}

function hasWords(row: DagRow, words: string[]): boolean {
  if (words.length === 0) {
    return true;
  }
  const names = [row.dag_id, row.dag_display_name, row.owner, row.description ?? '', ...row.tags];
  const text = names.join(' ').toLowerCase();
  return words.every(word => text.includes(word));
}
