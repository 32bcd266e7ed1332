/** A row of a log without the codes of a terminal, and where its colours were. */
import Anser from 'anser';

/** A part of a row and the class names it is shown with. */
export interface Piece {
  from: number;
  to: number;
  classes: string;
}

export function coloured(row: string): { text: string; pieces: Piece[] } {
  if (!row.includes('\u001b')) {
    return { text: row, pieces: [] };
  }
  const pieces: Piece[] = [];
  let text = '';
  for (const part of Anser.ansiToJson(row, { json: true, remove_empty: true, use_classes: true })) {
    const names = [
      part.fg && `jp-flow-fg-${part.fg}`,
      part.bg && `jp-flow-bg-${part.bg}`,
      ...part.decorations.map(decoration => `jp-flow-${decoration}`)
    ];
    const classes = names.filter(Boolean).join(' ');
    const end = text.length + part.content.length;
    if (classes && part.content) {
      pieces.push({ from: text.length, to: end, classes });
    }
    text += part.content;
  }
  return { text, pieces };
}
