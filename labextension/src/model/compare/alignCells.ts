/** Cells of executed notebooks side by side: the same cell of all runs stands in one row. */
import type { LiveCell } from '../run/liveNotebook';

export interface CellRow {
  /** One for each run; null where it has no such cell. */
  cells: (LiveCell | null)[];
  sourceDiffers: boolean;
  outputsDiffer: boolean;
}

type Pair = [number | null, number | null];

/** The first notebook gives the order; a cell that others have beside it stands where they have it. */
export function alignCells(notebooks: readonly (readonly LiveCell[])[]): CellRow[] {
  const [first = [], ...others] = notebooks;
  let rows: (LiveCell | null)[][] = first.map(cell => [cell]);
  others.forEach((cells, place) => {
    const before = rows.map(row => row.find(cell => cell !== null) ?? null);
    const pairs = match(
      before.map(cell => cell?.source ?? ''),
      cells.map(cell => cell.source)
    );
    const nothing: null[] = Array.from({ length: place + 1 }, () => null);
    rows = pairs.map(([old, now]) => [
      ...(old === null ? nothing : (rows[old] ?? nothing)),
      now === null ? null : (cells[now] ?? null)
    ]);
  });
  return rows.map(cells => ({
    cells,
    sourceDiffers: differ(cells, cell => cell.source),
    outputsDiffer: differ(cells, cell => JSON.stringify(cell.outputs.map(shown)))
  }));
}

/** Counts of executions say nothing about what came out. */
function shown(output: object): object {
  return { ...output, execution_count: null };
}

function differ(cells: (LiveCell | null)[], read: (cell: LiveCell) => string): boolean {
  return new Set(cells.map(cell => (cell === null ? null : read(cell)))).size > 1;
}

/** Pairs of places with the same text, in order; what is between two of them is paired by its place. */
function match(one: string[], other: string[]): Pair[] {
  const pairs: Pair[] = [];
  let [at, there] = [0, 0];
  const gap = (end: number, otherEnd: number) => {
    while (at < end || there < otherEnd) {
      pairs.push([at < end ? at++ : null, there < otherEnd ? there++ : null]);
    }
  };
  for (const [place, otherPlace] of common(one, other)) {
    gap(place, otherPlace);
    pairs.push([place, otherPlace]);
    [at, there] = [place + 1, otherPlace + 1];
  }
  gap(one.length, other.length);
  return pairs;
}

/** The longest common subsequence. */
function common(one: string[], other: string[]): [number, number][] {
  const lengths = Array.from({ length: one.length + 1 }, () => new Uint32Array(other.length + 1));
  const at = (place: number, there: number) => lengths[place]?.[there] ?? 0;
  for (let place = one.length - 1; place >= 0; place -= 1) {
    for (let there = other.length - 1; there >= 0; there -= 1) {
      const isSame = one[place] === other[there];
      (lengths[place] as Uint32Array)[there] = isSame
        ? at(place + 1, there + 1) + 1
        : Math.max(at(place + 1, there), at(place, there + 1));
    }
  }
  const found: [number, number][] = [];
  let [place, there] = [0, 0];
  while (place < one.length && there < other.length) {
    if (one[place] === other[there]) {
      found.push([place++, there++]);
    } else if (at(place + 1, there) >= at(place, there + 1)) {
      place += 1;
    } else {
      there += 1;
    }
  }
  return found;
}
