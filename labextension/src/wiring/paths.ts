/** Names of files: executed notebooks on our drive, and files of the server. */
import type { TaskKey } from '../tokens';

export const DRIVE = 'flow';

export interface NotebookPlace {
  key: TaskKey;
  attempt: number | null;
}

/** `DAG/RUN/TASK/MAP_INDEX/ATTEMPT/NAME.ipynb`; ids are percent-encoded, attempt 0 is the latest. */
export function toPath(place: NotebookPlace, name: string): string {
  const { dag_id, run_id, task_id, map_index } = place.key;
  const parts = [dag_id, run_id, task_id, String(map_index), String(place.attempt ?? 0), name];
  return `${DRIVE}:${parts.map(encodeURIComponent).join('/')}`;
}

export function fromLocalPath(localPath: string): NotebookPlace {
  const parts = localPath.split('/').filter(Boolean).map(decodeURIComponent);
  const [dag_id, run_id, task_id, mapIndex, attempt] = parts;
  const numbers = [Number(mapIndex), Number(attempt)] as const;
  if (parts.length !== 6 || !dag_id || !run_id || !task_id || !numbers.every(Number.isInteger)) {
    throw new Error(`${localPath} names no executed notebook`);
  }
  return {
    key: { dag_id, run_id, task_id, map_index: numbers[0] },
    attempt: numbers[1] > 0 ? numbers[1] : null
  };
}

/** An absolute path of the server as Lab names it, beneath the server's root; others are handed on as they are. */
export function beneathRoot(path: string, root: string): string {
  const folder = root.endsWith('/') ? root : `${root}/`;
  return root && path.startsWith(folder) ? path.slice(folder.length) : path;
}
