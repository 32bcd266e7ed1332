/** Runs side by side as rows of one table. Pure: what differs is told here, not in the view. */
import type { ComparedRun, ComparedTask } from '../../client/compareApi';
import type { AnyState } from '../shared/states';

export type Section = 'params' | 'environment' | 'durations' | 'metrics' | 'values';
export const SECTIONS: readonly Section[] = [
  'params',
  'environment',
  'durations',
  'metrics',
  'values'
];

/** One thing in all runs; null where a run does not have it. */
export interface Row<T> {
  name: string;
  cells: (T | null)[];
  differs: boolean;
}

export interface DurationCell {
  seconds: number | null;
  state: AnyState;
  /** Of the longest of its row, from 0 to 1. */
  share: number;
}

export interface CompareTable {
  params: Row<string>[];
  environment: Row<string>[];
  durations: Row<DurationCell>[];
  metrics: Row<string>[];
  values: Row<string>[];
}

/** Durations that are this much longer or shorter than the first one are told as different. */
const FACTOR = 1.5;
const LEAST_SECONDS = 1;

export function tableOf(runs: readonly ComparedRun[]): CompareTable {
  return {
    params: texts(runs.map(run => entries(run.params, json))),
    environment: environment(runs),
    durations: durations(runs),
    metrics: texts(runs.map(metricsOf)),
    values: texts(runs.map(valuesOf))
  };
}

/** Tasks that left a notebook in at least one of the runs; those with a difference in state or source first. */
export function notebookTasks(runs: readonly ComparedRun[]): string[] {
  const rank = (name: string) => {
    const tasks = runs.map(run => run.tasks.find(task => task.task_id === name));
    const states = new Set(tasks.map(task => `${task?.state}/${task?.source_sha256}`));
    return states.size > 1 ? 0 : 1;
  };
  const names = runs.flatMap(run => run.tasks.filter(task => task.has_notebook));
  return [...new Set(names.map(task => task.task_id))].sort((a, b) => rank(a) - rank(b));
}

function texts(runs: Map<string, string>[]): Row<string>[] {
  return rows(runs, (one, other) => one === other);
}

function rows<T>(runs: Map<string, T>[], isSame: (one: T, other: T) => boolean): Row<T>[] {
  const names = [...new Set(runs.flatMap(run => [...run.keys()]))];
  return names.map(name => {
    const cells = runs.map(run => run.get(name) ?? null);
    const [first] = cells;
    const differs = cells.some(cell =>
      cell === null || first === null || first === undefined ? cell !== first : !isSame(first, cell)
    );
    return { name, cells, differs };
  });
}

function entries(record: Record<string, unknown>, words: (value: unknown) => string) {
  return new Map(Object.entries(record).map(([name, value]) => [name, words(value)]));
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

/** Kernels, interpreters and packages, each said once for the tasks that share them. */
function environment(runs: readonly ComparedRun[]): Row<string>[] {
  const letters = new Map<string, string>();
  const letter = (hash: string) => {
    if (!letters.has(hash)) {
      letters.set(hash, String.fromCharCode(65 + (letters.size % 26)));
    }
    return letters.get(hash) as string;
  };
  const list = (run: ComparedRun, read: (task: ComparedTask) => string | null) =>
    [...new Set(run.tasks.map(read).filter(value => value !== null))].sort().join(', ');
  return texts(
    runs.map(
      run =>
        new Map(
          [
            ['kernel', list(run, task => task.kernelspec)],
            ['interpreter', list(run, task => task.interpreter)],
            ['packages', list(run, task => task.packages_hash && letter(task.packages_hash))]
          ].filter(([, value]) => value !== '') as [string, string][]
        )
    )
  );
}

function durations(runs: readonly ComparedRun[]): Row<DurationCell>[] {
  const found = rows(
    runs.map(
      run =>
        new Map(
          run.tasks.map(task => [
            task.task_id,
            { seconds: task.duration, state: task.state as AnyState, share: 0 }
          ])
        )
    ),
    (one, other) => one.state === other.state && isAlike(one.seconds, other.seconds)
  );
  return found.map(row => {
    const longest = Math.max(0.001, ...row.cells.map(cell => cell?.seconds ?? 0));
    const cells = row.cells.map(cell => cell && { ...cell, share: (cell.seconds ?? 0) / longest });
    return { ...row, cells };
  });
}

function isAlike(one: number | null, other: number | null): boolean {
  if (one === null || other === null) {
    return one === other;
  }
  const [less, more] = one < other ? [one, other] : [other, one];
  return more - less < LEAST_SECONDS || more < less * FACTOR;
}

function metricsOf(run: ComparedRun): Map<string, string> {
  return new Map(
    run.tasks.flatMap(task =>
      Object.entries(task.metrics).map(
        ([name, value]) => [`${task.task_id} · ${name}`, figure(value)] as const
      )
    )
  );
}

function figure(value: number): string {
  return new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 }).format(value);
}

function valuesOf(run: ComparedRun): Map<string, string> {
  return new Map(
    run.values.map(value => {
      const index = value.map_index >= 0 ? `[${value.map_index}]` : '';
      return [`${value.task_id}${index} · ${value.key}`, value.preview];
    })
  );
}
