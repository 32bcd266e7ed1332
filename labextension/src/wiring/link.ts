/**
 * Links into JupyterLab, as mails have them: `/lab?flow-dag=ID&flow-run=ID&flow-task=ID`, `/lab?flow-dag=ID&flow-tab=NAME`;
 * to a line of a log: `…&flow-task=ID&flow-map=-1&flow-try=2&flow-line=120`.
 */
import type { TaskKey } from '../tokens';

export type LinkedPage = {
  dag_id: string;
  run_id?: string;
  task_id?: string;
  map_index?: number;
  attempt?: number;
  line?: number;
  tab?: string;
};

/** The page that the query of an address names, null if it names none. */
export function linkedPage(query: string): LinkedPage | null {
  const given = new URLSearchParams(query);
  const dag_id = given.get('flow-dag');
  const run_id = given.get('flow-run');
  const task_id = given.get('flow-task');
  const tab = given.get('flow-tab');
  if (!dag_id) {
    return null;
  }
  if (!run_id) {
    return { dag_id, ...(tab ? { tab } : {}) };
  }
  return task_id ? { dag_id, run_id, task_id, ...lineOf(given) } : { dag_id, run_id };
}

/** The query of a link to a line of a log. */
export function logQuery(key: TaskKey, attempt: number, line: number): string {
  const query = new URLSearchParams({
    'flow-dag': key.dag_id,
    'flow-run': key.run_id,
    'flow-task': key.task_id,
    'flow-map': String(key.map_index),
    'flow-try': String(attempt),
    'flow-line': String(line)
  });
  return `?${query.toString()}`;
}

function lineOf(given: URLSearchParams): Partial<LinkedPage> {
  const number = (name: string) => {
    const text = given.get(name) ?? '';
    return /^-?\d{1,9}$/.test(text) ? Number(text) : null;
  };
  const [map_index, attempt, line] = [number('flow-map'), number('flow-try'), number('flow-line')];
  return {
    ...(map_index === null ? {} : { map_index }),
    ...(line !== null && line > 0 ? { map_index: map_index ?? -1, line } : {}),
    ...(line !== null && attempt !== null && attempt > 0 ? { attempt } : {})
  };
}
