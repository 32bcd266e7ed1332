/** From log lines to text with colours: what an editor can show, without any DOM. */
import Anser from 'anser';
import type { LogLine } from '../../client/documents';
import { timeOfDay } from '../shared/format';

/** A range of the text and the class names it is shown with. */
export interface Mark {
  from: number;
  to: number;
  classes: string;
}

export interface Chunk {
  text: string;
  marks: Mark[];
  /** Time of day of every line of `text`. */
  times: string[];
}

/** Turn `lines` into text that ends with a line break; `offset` is added to the positions of the marks. */
export function toChunk(lines: LogLine[], offset: number): Chunk {
  const parts: string[] = [];
  const marks: Mark[] = [];
  const times: string[] = [];
  let position = offset;
  for (const line of lines) {
    const time = timeOfDay(line.at);
    for (const row of rows(line.text)) {
      const base = toneOf(line);
      const start = position;
      for (const piece of pieces(row)) {
        const end = position + piece.text.length;
        if (piece.classes && end > position) {
          marks.push({ from: position, to: end, classes: piece.classes });
        }
        parts.push(piece.text);
        position = end;
      }
      if (base && position > start) {
        marks.push({ from: start, to: position, classes: base });
      }
      parts.push('\n');
      position += 1;
      times.push(time);
    }
  }
  marks.sort((one, other) => one.from - other.from || other.to - one.to);
  return { text: parts.join(''), marks, times };
}

/** A record's text as rows; of a row that was overwritten with carriage returns only the last state stays. */
function rows(text: string): string[] {
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  return body.split('\n').map(row => {
    const trimmed = row.endsWith('\r') ? row.slice(0, -1) : row;
    return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
  });
}

function toneOf(line: LogLine): string {
  const level = line.level.toLowerCase();
  if (level === 'error' || level === 'critical') {
    return 'jp-flow-log-error';
  }
  if (level === 'warning') {
    return 'jp-flow-log-warning';
  }
  return line.stream === 'stderr' ? 'jp-flow-log-stderr' : '';
}

function pieces(row: string): { text: string; classes: string }[] {
  if (!row.includes('\u001b')) {
    return [{ text: row, classes: '' }];
  }
  return Anser.ansiToJson(row, { json: true, remove_empty: true, use_classes: true }).map(piece => {
    const names = [
      piece.fg && `jp-flow-fg-${piece.fg}`,
      piece.bg && `jp-flow-bg-${piece.bg}`,
      ...piece.decorations.map(decoration => `jp-flow-${decoration}`)
    ];
    return { text: piece.content, classes: names.filter(Boolean).join(' ') };
  });
}
