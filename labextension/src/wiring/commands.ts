/** Every act as a command: palette, menus, shortcuts and our own views use the same ones. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification, showDialog, Dialog } from '@jupyterlab/apputils';
import { PageConfig, PathExt, URLExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Commands } from '../tokens';
import type { FlowActions } from '../tokens';
import { showDagMenu } from './dagMenu';
import { FrontCommands } from './frontCommands';
import { flowIcon } from './icons';
import { logQuery } from './link';
import { addLiveCommands } from './liveCommands';
import { openExecutedNotebook } from './openNotebook';
import type { PageArgs, Parts } from './pages';
import { askAndTrigger } from './triggerDialog';

type Args = ReadonlyPartialJSONObject;

export interface Opener {
  openPanel(): void;
  openPage(args: PageArgs): void;
  /** Server root of the DAG files' absolute paths, to open them in the editor. */
  localPath(path: string): string;
}

/** Views call these; each goes through its command. */
export function actionsOf(app: JupyterFrontEnd, trans: TranslationBundle): FlowActions {
  const run = (id: string, args: Args) => void app.commands.execute(id, args);
  return {
    openHome: () => run(Commands.openHome, {}),
    openOperations: page => run(Commands.openOperations, page ? { page } : {}),
    openFiles: () => run(Commands.openFiles, {}),
    showDagMenu: (dag, x, y) => showDagMenu(app, trans, dag, x, y),
    openDag: (dag_id, tab) => run(Commands.openDag, { dag_id, ...(tab ? { tab } : {}) }),
    openRun: (dag_id, run_id, task_id, map_index) =>
      run(Commands.openRun, {
        dag_id,
        run_id,
        ...(task_id ? { task_id } : {}),
        ...(map_index === undefined ? {} : { map_index })
      }),
    openNotebook: (key, attempt) => run(Commands.openNotebook, { ...key, attempt }),
    openLive: key => run(Commands.openLive, { ...key }),
    letKernelGo: key => run(Commands.letKernelGo, { ...key }),
    openFile: (path, line) => run(Commands.openFile, { path, line }),
    trigger: dag_id => run(Commands.trigger, { dag_id }),
    setPaused: (dag_id, is_paused) => run(Commands.setPaused, { dag_id, is_paused }),
    cancelRun: (dag_id, run_id) => run(Commands.cancelRun, { dag_id, run_id }),
    clearRun: (dag_id, run_id, only_failed) =>
      run(Commands.clearRun, { dag_id, run_id, only_failed }),
    copyText: text => run(FrontCommands.copyText, { text }),
    copyLogLink: (key, attempt, line) =>
      run(FrontCommands.copyText, { text: addressOf(logQuery(key, attempt, line)) })
  };
}

export function addCommands(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  parts: Parts,
  opener: Opener
): void {
  const { api, trans } = parts;
  const add = (
    id: string,
    label: string,
    properties: ReadonlyJSONObject,
    execute: (args: Args) => Promise<unknown> | void
  ) =>
    app.commands.addCommand(id, {
      label: args => String(args['label'] ?? label), // a menu may say it shorter
      describedBy: { args: { type: 'object', properties } },
      execute: async args => {
        try {
          return await execute(args);
        } catch (error) {
          const words = error instanceof Error ? error.message : String(error);
          Notification.error(words, { autoClose: 8000 });
        }
      }
    });
  const text = { type: 'string' };
  const ids = { dag_id: text, run_id: text };

  app.commands.addCommand(Commands.openPanel, {
    label: trans.__('Jupyter Flow'),
    caption: trans.__('Show DAGs, their runs and schedules'),
    icon: flowIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => opener.openPanel()
  });
  add(Commands.openDag, trans.__('Open DAG …'), { dag_id: text, tab: text }, async args => {
    const dagId = await dagOf(args, parts);
    if (dagId) {
      opener.openPage({ dag_id: dagId, ...(args['tab'] ? { tab: String(args['tab']) } : {}) });
    }
  });
  add(
    Commands.openRun,
    trans.__('Open DAG run'),
    {
      ...ids,
      task_id: text,
      map_index: { type: 'integer' },
      attempt: { type: 'integer' },
      line: { type: 'integer' }
    },
    args => opener.openPage(args as unknown as PageArgs)
  );
  add(Commands.trigger, trans.__('Run DAG …'), { dag_id: text }, async args => {
    const dagId = await dagOf(args, parts);
    const run = dagId ? await askAndTrigger(api, trans, dagId) : null;
    if (run) {
      parts.onStarted(run.dag_id, run.run_id);
      opener.openPage({ dag_id: run.dag_id });
    }
  });
  add(
    Commands.setPaused,
    trans.__('Pause or unpause a DAG'),
    { dag_id: text, is_paused: { type: 'boolean' } },
    args => api.setPaused(String(args['dag_id']), Boolean(args['is_paused']))
  );
  add(Commands.cancelRun, trans.__('Cancel DAG run'), ids, args =>
    api.cancelRun(String(args['dag_id']), String(args['run_id']))
  );
  add(
    Commands.clearRun,
    trans.__('Rerun DAG run'),
    { ...ids, only_failed: { type: 'boolean' } },
    async args => {
      const onlyFailed = Boolean(args['only_failed']);
      const answer = await showDialog({
        title: onlyFailed ? trans.__('Rerun failed tasks?') : trans.__('Rerun all tasks?'),
        body: trans.__('The latest version of the DAG and its notebooks will be used.'),
        buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Rerun') })]
      });
      if (answer.button.accept) {
        await api.clearRun(String(args['dag_id']), String(args['run_id']), onlyFailed);
      }
    }
  );
  add(
    Commands.openNotebook,
    trans.__('Open executed notebook'),
    {
      ...ids,
      task_id: text,
      map_index: { type: 'integer' },
      attempt: { type: ['integer', 'null'] }
    },
    args =>
      openExecutedNotebook(app, documents, api, {
        key: {
          dag_id: String(args['dag_id']),
          run_id: String(args['run_id']),
          task_id: String(args['task_id']),
          map_index: Number(args['map_index'] ?? -1)
        },
        attempt: typeof args['attempt'] === 'number' ? args['attempt'] : null
      })
  );
  addLiveCommands(add, app, parts);
  add(Commands.openFile, trans.__('Open DAG file'), { path: text }, args =>
    openFile(app, opener, String(args['path']), Number(args['line'] ?? 0))
  );
  add(Commands.reload, trans.__('Look at all DAG files again'), {}, () => api.reload());
}

/** The address of a page of ours, as others can open it. */
function addressOf(query: string): string {
  return URLExt.join(PageConfig.getShareUrl(), 'lab') + query;
}

async function openFile(
  app: JupyterFrontEnd,
  opener: Opener,
  path: string,
  line: number
): Promise<void> {
  const local = opener.localPath(path);
  const isNotebook = PathExt.extname(local) === '.ipynb';
  await app.commands.execute('docmanager:open', {
    path: local,
    ...(isNotebook ? {} : { factory: 'Editor' })
  });
  if (line > 0 && !isNotebook && app.commands.hasCommand('fileeditor:go-to-line')) {
    await app.commands.execute('fileeditor:go-to-line', { line });
  }
}

async function dagOf(args: Args, parts: Parts): Promise<string | null> {
  if (typeof args['dag_id'] === 'string') {
    return args['dag_id'];
  }
  const dags = await parts.api.dags();
  const answer = await InputDialog.getItem({
    title: parts.trans.__('Which DAG?'),
    items: dags.map(dag => dag.dag_id)
  });
  return answer.button.accept ? answer.value : null;
}
