/** The cells of a notebook as the house takes them: what is to be executed, without what was shown. */
import type { ICell } from '@jupyterlab/nbformat';

export interface Mended {
  id: string;
  cell_type: string;
  source: string;
  metadata: { tags?: string[] };
}

export function mendedCells(cells: ICell[]): Mended[] {
  return cells.map(cell => ({
    id: String(cell['id'] ?? ''),
    cell_type: cell.cell_type,
    source: Array.isArray(cell.source) ? cell.source.join('') : cell.source,
    metadata: Array.isArray(cell.metadata['tags'])
      ? { tags: cell.metadata['tags'].map(String) }
      : {}
  }));
}
