/** Words of a line as Python's `shlex` reads and writes them, with the place of each. */

export interface Word {
  /** Without quotes. */
  text: string;
  start: number;
  end: number;
}

/** Return the words of `line`; null if a quote is not closed. */
export function shellWords(line: string): Word[] | null {
  const words: Word[] = [];
  let word: Word | null = null;
  let quote: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line.charAt(at);
    if (quote === null && /[ \t\r\n]/.test(letter)) {
      word = null;
      continue;
    }
    if (word === null) {
      word = { text: '', start: at, end: at };
      words.push(word);
    }
    if (letter === '\\' && quote !== "'") {
      const next = line.charAt(at + 1);
      if (next === '') {
        return null;
      }
      word.text += quote === null || next === '"' || next === '\\' ? next : letter + next;
      at += 1;
    } else if (quote === null && (letter === '"' || letter === "'")) {
      quote = letter;
    } else if (letter === quote) {
      quote = null;
    } else {
      word.text += letter;
    }
    word.end = at + 1;
  }
  return quote === null ? words : null;
}

/** Return `text` as one word. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
