/** Where a key leads in the grid. Row -1 is the head (the runs), column -1 the names (the tasks). */
export interface Place {
  row: number;
  column: number;
}

const PAGE = 20;

/** The place after `key`, null if the key is none of the grid's. */
export function moved(
  place: Place,
  key: string,
  isFar: boolean,
  size: { rows: number; columns: number }
): Place | null {
  const { row, column } = place;
  const rows = (value: number) => Math.max(-1, Math.min(size.rows - 1, value));
  const columns = (value: number) => Math.max(row < 0 ? 0 : -1, Math.min(size.columns - 1, value));
  switch (key) {
    case 'ArrowUp':
      return { row: column < 0 ? Math.max(0, row - 1) : rows(row - 1), column };
    case 'ArrowDown':
      return { row: rows(row + 1), column };
    case 'ArrowLeft':
      return { row, column: columns(column - 1) };
    case 'ArrowRight':
      return { row, column: columns(column + 1) };
    case 'PageUp':
      return { row: Math.max(0, row - PAGE), column };
    case 'PageDown':
      return { row: rows(row + PAGE), column };
    case 'Home':
      return isFar ? { row: 0, column: 0 } : { row, column: 0 };
    case 'End':
      return isFar
        ? { row: size.rows - 1, column: size.columns - 1 }
        : { row, column: size.columns - 1 };
    default:
      return null;
  }
}
