/** The rows of one attempt's log as they come. Kept compactly: there may be a million of them. */
import type { LogLine } from '../../client/documents';
import { coloured } from './logText';
import type { Piece } from './logText';

export const LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type Level = (typeof LEVELS)[number];

const RANKS = new Map<string, number>([
  ...LEVELS.map((level, rank) => [level, rank] as const),
  ['critical', 3]
]);
const INFO = 1;
const NO_PIECES: readonly Piece[] = [];

export class LogRows {
  get count(): number {
    return this.texts.length;
  }

  /** The row without codes of colours. */
  text(row: number): string {
    return this.texts[row] ?? '';
  }

  /** Number of the line in the log: the same however it is looked at. */
  seq(row: number): number | null {
    return this.seqs[row] ?? null;
  }

  /** When it was written, in milliseconds. */
  instant(row: number): number {
    return this.instants[row] ?? NaN;
  }

  /** Place among {@link LEVELS}. */
  rank(row: number): number {
    return this.ranks[row] ?? INFO;
  }

  isError(row: number): boolean {
    return this.isStderr[row] ?? false;
  }

  /** Coloured parts. */
  pieces(row: number): readonly Piece[] {
    return this.colours.get(row) ?? NO_PIECES;
  }

  /** The first row whose line is `seq` or a later one; null if there is none yet. */
  rowOf(seq: number): number | null {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.seqs[middle] as number) < seq) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < this.count ? low : null;
  }

  /** Take in more lines; return the first row that is new or other than before. */
  add(lines: readonly LogLine[]): number {
    let first = this.count;
    for (const line of lines) {
      const isBar = line.text.startsWith('\r');
      if (isBar && this.isOpenBar && this.isStderr.at(-1) === (line.stream === 'stderr')) {
        this.dropLast(); // a progress bar is one row, however long it runs
        first = Math.min(first, this.count);
      }
      for (const text of rowsOf(line.text)) {
        this.push(line, text);
      }
      this.isOpenBar = isBar && !line.text.includes('\n');
    }
    return first;
  }

  private push(line: LogLine, raw: string): void {
    const { text, pieces } = coloured(raw);
    if (pieces.length > 0) {
      this.colours.set(this.count, pieces);
    }
    this.texts.push(text);
    this.seqs.push(line.seq);
    this.instants.push(Date.parse(line.at));
    this.ranks.push(RANKS.get(line.level.toLowerCase()) ?? INFO);
    this.isStderr.push(line.stream === 'stderr');
  }

  private dropLast(): void {
    this.colours.delete(this.count - 1);
    for (const column of [this.texts, this.seqs, this.instants, this.ranks, this.isStderr]) {
      column.pop();
    }
  }

  private readonly texts: string[] = [];
  private readonly seqs: number[] = [];
  private readonly instants: number[] = [];
  private readonly ranks: number[] = [];
  private readonly isStderr: boolean[] = [];
  private readonly colours = new Map<number, readonly Piece[]>();
  private isOpenBar = false;
}

/** The rows that a filter lets through: line by line what is shown. */
export class ShownRows {
  constructor(
    private readonly rows: LogRows,
    level: Level
  ) {
    this.least = LEVELS.indexOf(level);
    this.found = this.least === 0 ? null : [];
    this.update(0);
  }

  get count(): number {
    return this.found?.length ?? this.rows.count;
  }

  /** The row of a line, both from 0. */
  row(line: number): number {
    return this.found === null ? line : (this.found[line] ?? -1);
  }

  /** The first line that shows `row` or a later one; the last line if there is none. */
  lineOf(row: number): number {
    if (this.found === null) {
      return row;
    }
    const line = this.found.findIndex(shown => shown >= row);
    return line < 0 ? Math.max(0, this.found.length - 1) : line;
  }

  /** Follow a change of the rows from `first` on; return how many lines stay as they were. */
  update(first: number): number {
    if (this.found === null) {
      return first;
    }
    while ((this.found.at(-1) ?? -1) >= first) {
      this.found.pop();
    }
    const kept = this.found.length;
    for (let row = first; row < this.rows.count; row += 1) {
      if (this.rows.rank(row) >= this.least) {
        this.found.push(row);
      }
    }
    return kept;
  }

  /** The text of the lines from `first` on. */
  texts(first = 0): string[] {
    const texts: string[] = [];
    for (let line = first; line < this.count; line += 1) {
      texts.push(this.rows.text(this.row(line)));
    }
    return texts;
  }

  private readonly least: number;
  /** null: all rows. */
  private readonly found: number[] | null;
}

/** A record's text as rows; of a row that was overwritten with carriage returns only the last state stays. */
function rowsOf(text: string): string[] {
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  return body.split('\n').map(row => {
    const trimmed = row.endsWith('\r') ? row.slice(0, -1) : row;
    return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
  });
}
