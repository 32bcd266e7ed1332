/** A notebook as text that people can read and compare: its cells in the percent format, without outputs. */

interface Cell {
  cell_type?: unknown;
  source?: unknown;
}

/** The text of a file as it is shown: notebooks as cells, everything else as it is. */
export function readable(file: string, source: string): string {
  return file.endsWith('.ipynb') ? (notebookText(source) ?? source) : source;
}

/** The name of a file whose language says how `readable` text is coloured. */
export function languageFile(file: string): string {
  return file.replace(/\.ipynb$/, '.py');
}

/** Null if it is no notebook. */
export function notebookText(json: string): string | null {
  let cells: unknown;
  try {
    cells = (JSON.parse(json) as { cells?: unknown }).cells;
  } catch {
    return null;
  }
  return Array.isArray(cells) ? cellsText(cells as Cell[]) : null;
}

/** Cells one after the other, each under a line that says of what type it is. */
export function cellsText(cells: readonly Cell[]): string {
  return cells
    .map(cell => {
      const source = Array.isArray(cell.source) ? cell.source.join('') : String(cell.source ?? '');
      if (cell.cell_type === 'code') {
        return `# %%\n${source}\n`;
      }
      const lines = source.split('\n').map(line => (line ? `# ${line}` : '#'));
      return `# %% [${String(cell.cell_type)}]\n${lines.join('\n')}\n`;
    })
    .join('\n');
}
