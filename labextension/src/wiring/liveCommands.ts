/** Commands about the kernel that is kept of a failed notebook. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Commands } from '../tokens';
import type { TaskKey } from '../tokens';
import { watchLiveNotebooks } from './liveNotebooks';
import { openLive } from './openLive';
import type { Parts } from './pages';

type Args = ReadonlyPartialJSONObject;
type Add = (
  id: string,
  label: string,
  properties: ReadonlyJSONObject,
  execute: (args: Args) => Promise<unknown> | void
) => void;

export function addLiveCommands(add: Add, app: JupyterFrontEnd, parts: Parts): void {
  const { api, trans } = parts;
  watchLiveNotebooks(app, parts);
  const text = { type: 'string' };
  const key = { dag_id: text, run_id: text, task_id: text, map_index: { type: 'integer' } };
  add(Commands.openLive, trans.__('Open failed notebook live'), key, args =>
    openLive(app, api, keyOf(args))
  );
  add(Commands.letKernelGo, trans.__('Let the kernel of a failed notebook go'), key, args =>
    api.letKernelGo(keyOf(args))
  );
}

function keyOf(args: Args): TaskKey {
  return {
    dag_id: String(args['dag_id']),
    run_id: String(args['run_id']),
    task_id: String(args['task_id']),
    map_index: Number(args['map_index'] ?? -1)
  };
}
