/** The name of a place in the Code tab, as links and commands have it: `code:5`, or `code:3..5` for what changed. */

export interface CodePlace {
  number: number;
  /** The earlier version that it is compared with. */
  against: number | null;
}

export function codeTab(number: number, against: number | null = null): string {
  return against === null ? `code:${number}` : `code:${against}..${number}`;
}

/** What stands after `code:`; null for anything else than versions. */
export function readCodePlace(text: string): CodePlace | null {
  const found = /^(?:(\d{1,9})\.\.)?(\d{1,9})$/.exec(text);
  if (found === null) {
    return null;
  }
  const [, against, number] = found;
  return { number: Number(number), against: against === undefined ? null : Number(against) };
}
