/** The grid as a table: rows of the tree against runs, oldest first. */
import type { GridDocument, GridRun } from '../../client/dagApi';
import { LOUDEST } from '../shared/aggregate';
import type { TaskState } from '../shared/states';
import type { TreeRow } from './taskTree';

const NOT_THERE = '.';

export class GridTable {
  constructor(private readonly grid: GridDocument) {
    this.runs = [...grid.runs].reverse();
    this.place = new Map(grid.tasks.map((task, index) => [task, index]));
    const letters = Object.entries(grid.codes);
    const rank = (letter: string) => LOUDEST.indexOf(grid.codes[letter] as TaskState);
    this.ranks = new Map(letters.map(([letter]) => [letter, rank(letter)]));
  }

  /** Oldest first. */
  readonly runs: GridRun[];

  /** One letter for each run; of a group the one that calls loudest for a look. */
  letters(row: TreeRow): string {
    const known = this.kept.get(row.id);
    if (known !== undefined) {
      return known;
    }
    const places = row.taskIds.flatMap(id => this.place.get(id) ?? []);
    const letters = this.runs.map(run => this.loudest(run, places)).join('');
    this.kept.set(row.id, letters);
    return letters;
  }

  state(row: TreeRow, column: number): TaskState | null {
    return this.stateOf(this.letters(row)[column]);
  }

  stateOf(letter: string | undefined): TaskState | null {
    return letter === undefined || letter === NOT_THERE
      ? null
      : ((this.grid.codes[letter] as TaskState | undefined) ?? null);
  }

  /** How many instances of a mapped task, or tasks of a group, are in which state; empty for a single one. */
  counts(row: TreeRow, column: number): { state: TaskState; count: number }[] {
    const run = this.runs[column];
    const found = new Map<string, number>();
    for (const id of row.taskIds) {
      const letter = run?.states[this.place.get(id) ?? -1] ?? NOT_THERE;
      for (const [code, count] of Object.entries(run?.mapped?.[id] ?? { [letter]: 1 })) {
        found.set(code, (found.get(code) ?? 0) + count);
      }
    }
    found.delete(NOT_THERE);
    return [...found]
      .sort(([one], [other]) => this.rankOf(one) - this.rankOf(other))
      .flatMap(([letter, count]) => {
        const state = this.stateOf(letter);
        return state === null ? [] : [{ state, count }];
      });
  }

  /** Tasks of the runs that are not among `known`. */
  gone(known: Iterable<string>): string[] {
    const names = new Set(known);
    return this.grid.tasks.filter(task => !names.has(task));
  }

  /** Whether the DAG has another version in this run than in the one before. */
  isNewVersion(column: number): boolean {
    const before = this.runs[column - 1];
    return before !== undefined && before.version !== this.runs[column]?.version;
  }

  private loudest(run: GridRun, places: number[]): string {
    let best = NOT_THERE;
    for (const place of places) {
      const letter = run.states[place] ?? NOT_THERE;
      if (this.rankOf(letter) < this.rankOf(best)) {
        best = letter;
      }
    }
    return best;
  }

  private rankOf(letter: string): number {
    return this.ranks.get(letter) ?? LOUDEST.length;
  }

  private readonly place: Map<string, number>;
  private readonly ranks: Map<string, number>;
  private readonly kept = new Map<string, string>();
}
