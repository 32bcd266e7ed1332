/** An executed notebook as it fills in: the saved notebook gives the cells, events of the cells what happens in them. */
import type * as nbformat from '@jupyterlab/nbformat';
import type { CellEvent } from '../../client/runApi';

export type CellState = 'pending' | 'running' | 'done' | 'failed';

export interface LiveCell {
  readonly index: number;
  readonly type: 'code' | 'markdown' | 'raw';
  readonly source: string;
  /** Code cells counted from 1; 0 for others. */
  readonly number: number;
  readonly state: CellState;
  readonly started: number | null;
  readonly ended: number | null;
  readonly executionCount: number | null;
  readonly progress: { fraction: number; text: string } | null;
  /** Each output is replaced, never changed: a view compares them. */
  readonly outputs: readonly nbformat.IOutput[];
}

interface SavedCell {
  cell_type?: string;
  source?: string | string[];
  execution_count?: number | null;
  outputs?: nbformat.IOutput[];
  metadata?: { papermill?: Papermill };
}

interface Papermill {
  status?: string;
  start_time?: string | null;
  end_time?: string | null;
  duration?: number | null;
}

/** Cells of a notebook as it was saved. */
export function savedCells(notebook: Record<string, unknown>): LiveCell[] {
  const cells = Array.isArray(notebook['cells']) ? (notebook['cells'] as SavedCell[]) : [];
  let codes = 0;
  return cells.map((cell, index) => {
    const type =
      cell.cell_type === 'code' || cell.cell_type === 'markdown' ? cell.cell_type : 'raw';
    codes += type === 'code' ? 1 : 0;
    const facts = cell.metadata?.papermill ?? {};
    const source = cell.source ?? '';
    return {
      index,
      type,
      source: Array.isArray(source) ? source.join('') : source,
      number: type === 'code' ? codes : 0,
      state: stateOf(facts),
      started: instant(facts.start_time),
      ended: instant(facts.end_time),
      executionCount: cell.execution_count ?? null,
      progress: null,
      outputs: type === 'code' ? (cell.outputs ?? []) : []
    };
  });
}

/** Cells before anything ran in them: what events are applied to. */
export function emptied(cells: readonly LiveCell[]): LiveCell[] {
  return cells.map(cell => ({
    ...cell,
    state: 'pending',
    started: null,
    ended: null,
    executionCount: null,
    progress: null,
    outputs: []
  }));
}

/** Cells after `events`; those that nothing happened to are the same objects. */
export function applied(cells: readonly LiveCell[], events: readonly CellEvent[]): LiveCell[] {
  const changed = [...cells];
  for (const event of events) {
    const cell = changed[event.cell];
    if (cell !== undefined) {
      changed[event.cell] = after(cell, event);
    }
  }
  return changed;
}

/** Text as a terminal shows it: of a line that was written over only the last state. */
export function overwritten(text: string): string {
  if (!text.includes('\r')) {
    return text;
  }
  const lines = text.split('\n');
  const open = text.endsWith('\r') ? '\r' : '';
  return lines.map(line => line.replace(/\r+$/, '').replace(/^.*\r/s, '')).join('\n') + open;
}

/** Seconds of a cell; of one that runs, until `now`. */
export function secondsOf(cell: LiveCell, now: number): number | null {
  if (cell.started === null) {
    return null;
  }
  const end = cell.ended ?? (cell.state === 'running' ? now : null);
  return end === null ? null : Math.max(0, (end - cell.started) / 1000);
}

export interface Progress {
  done: number;
  total: number;
  running: LiveCell | null;
  /** Seconds that are left by what the cells took before; null if that is not known. */
  left: number | null;
}

/** How far the notebook is, with what its cells `usually` took. */
export function progressOf(
  cells: readonly LiveCell[],
  usually: readonly (number | null)[],
  now: number
): Progress {
  const codes = cells.filter(cell => cell.type === 'code');
  const running = codes.find(cell => cell.state === 'running') ?? null;
  const open = codes.filter(cell => cell.state === 'pending' || cell.state === 'running');
  const fits = usually.length === cells.length;
  let left: number | null = fits ? 0 : null;
  for (const cell of open) {
    const usual = usually[cell.index] ?? null;
    if (left !== null && usual !== null) {
      const spent = cell === running ? (secondsOf(cell, now) ?? 0) : 0;
      left += Math.max(0, usual - spent);
    }
  }
  return { done: codes.length - open.length, total: codes.length, running, left };
}

function after(cell: LiveCell, event: CellEvent): LiveCell {
  const at = instant(event.at);
  switch (event.event) {
    case 'started':
      return { ...cell, state: 'running', started: at, ended: null };
    case 'output':
      return { ...cell, outputs: joined(cell.outputs, outputOf(event)) };
    case 'updated':
      return {
        ...cell,
        outputs: cell.outputs.map((output, position) =>
          position === event.position ? outputOf(event) : output
        )
      };
    case 'cleared':
      return { ...cell, outputs: [] };
    case 'progress':
      return { ...cell, progress: { fraction: event.fraction ?? 0, text: event.text ?? '' } };
    case 'finished':
      return {
        ...cell,
        state: 'done',
        ended: at,
        progress: null,
        executionCount: event.execution_count ?? null
      };
    default:
      return { ...cell, state: 'failed', ended: at, progress: null };
  }
}

function outputOf(event: CellEvent): nbformat.IOutput {
  return event.output as unknown as nbformat.IOutput;
}

function joined(
  outputs: readonly nbformat.IOutput[],
  output: nbformat.IOutput
): nbformat.IOutput[] {
  const last = outputs.at(-1);
  const isSame =
    last?.output_type === 'stream' &&
    output.output_type === 'stream' &&
    last['name'] === output['name'];
  if (!isSame) {
    return [...outputs, output];
  }
  const text = overwritten(words(last['text']) + words(output['text']));
  return [...outputs.slice(0, -1), { ...last, text } as nbformat.IOutput];
}

function words(text: unknown): string {
  return Array.isArray(text) ? text.join('') : String(text ?? '');
}

function stateOf(facts: Papermill): CellState {
  const states: Record<string, CellState> = {
    completed: 'done',
    failed: 'failed',
    running: 'running'
  };
  return states[facts.status ?? ''] ?? 'pending';
}

function instant(text: string | null | undefined): number | null {
  const value = text ? Date.parse(text) : NaN;
  return Number.isNaN(value) ? null : value;
}
