/** The line of a `%%task` or `%%dag` cell: read, and changed option by option while all else stays as it was written. */
import { quoted, shellWords } from './shellWords';
import type { Word } from './shellWords';

const TASK_OPTIONS = [
  ...['after', 'inputs', 'outputs', 'params', 'param', 'dag', 'kernel', 'retries', 'retry-delay'],
  ...['timeout', 'trigger-rule', 'pool', 'pool-slots', 'priority-weight', 'owner', 'description']
];
const DAG_OPTIONS = [
  ...['schedule', 'start-date', 'end-date', 'timezone', 'catchup', 'description', 'tags', 'owner'],
  ...['retries', 'retry-delay', 'max-active-runs', 'max-active-tasks', 'dagrun-timeout', 'param']
];
const FLAGS = new Set(['catchup']);

export type Magic = 'task' | 'dag';

interface Given {
  name: string;
  /** The whole option in the cell. */
  start: number;
  end: number;
  value: Word;
}

/** What a magic's line says. Places count from the beginning of the cell. */
export interface MagicLine {
  magic: Magic;
  /** Id of the task or DAG; '' while there is none. */
  id: string;
  /** Where the line begins and ends in the cell. */
  start: number;
  end: number;
  given: Given[];
  /** Why the line cannot be read, or null. */
  problem: string | null;
}

/** Return the line of a cell that begins with a magic of ours, null for other cells. */
export function magicLine(source: string): MagicLine | null {
  const match = /^(?:[^\S\n]*\n)*[^\S\n]*%%(task|dag)\b([^\n]*)/.exec(source);
  if (!match) {
    return null;
  }
  const magic = match[1] as Magic;
  const end = match[0].length;
  const start = end - (match[2] ?? '').length;
  const found: MagicLine = { magic, id: '', start, end, given: [], problem: null };
  const words = shellWords(match[2] ?? '');
  if (words === null) {
    return { ...found, problem: 'a quote is not closed' };
  }
  const known = magic === 'task' ? TASK_OPTIONS : DAG_OPTIONS;
  const placed = words.map(word => ({ ...word, start: word.start + start, end: word.end + start }));
  for (let at = 0; at < placed.length; at += 1) {
    const word = placed[at]!;
    if (!word.text.startsWith('--')) {
      if (found.id !== '') {
        return { ...found, problem: `there are two ids: ${found.id} and ${word.text}` };
      }
      found.id = word.text;
      continue;
    }
    const [name = '', ...rest] = word.text.slice(2).split('=');
    if (!known.includes(name)) {
      return { ...found, problem: `there is no option --${name}` };
    }
    if (rest.length || FLAGS.has(name)) {
      const value = { text: rest.join('='), start: word.end, end: word.end };
      found.given.push({ name, start: word.start, end: word.end, value });
      continue;
    }
    at += 1;
    const value = placed[at];
    if (!value) {
      return { ...found, problem: `--${name} has no value` };
    }
    found.given.push({ name, start: word.start, end: value.end, value });
  }
  return found;
}

/** The value of an option; of one that is given twice the last, as Python's parser takes it. */
export function optionOf(line: MagicLine, name: string): string | null {
  return line.given.filter(given => given.name === name).at(-1)?.value.text ?? null;
}

/** A piece of a cell to be replaced. */
export interface Change {
  start: number;
  end: number;
  text: string;
}

/**
 * Return how the cell has to change for the option to have this value; '' takes it away. Null: nothing to change, or
 * a line that cannot be read.
 */
export function setOption(source: string, name: string, value: string): Change | null {
  const line = magicLine(source);
  if (!line || line.problem !== null || line.id === '' || (optionOf(line, name) ?? '') === value) {
    return null;
  }
  const own = line.given.filter(given => given.name === name);
  const last = own.at(-1);
  const words =
    value.startsWith('-') && !/^-\d/.test(value)
      ? `--${name}=${quoted(value)}`
      : `--${name} ${quoted(value)}`;
  if (value === '') {
    const text = own.reduceRight(
      (left, given) => {
        const before = left.slice(0, given.start - line.start);
        const behind = left.slice(given.end - line.start).trimStart();
        return behind === '' ? before.trimEnd() : before + behind;
      },
      source.slice(line.start, line.end)
    );
    return { start: line.start, end: line.end, text };
  }
  if (last) {
    return { start: last.start, end: last.end, text: words };
  }
  const end = source.slice(0, line.end).trimEnd().length;
  return { start: end, end, text: ` ${words}` };
}

export function applied(source: string, change: Change | null): string {
  return change ? source.slice(0, change.start) + change.text + source.slice(change.end) : source;
}
