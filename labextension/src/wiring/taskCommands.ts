/** What people do with tasks, as commands; the menu of a task shows them all. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';
import type { RunApi } from '../client/runApi';
import type { Tab } from '../model/run/runModel';
import { Commands } from '../tokens';
import type { TaskKey } from '../tokens';
import type { TaskActions } from '../views/run/RunPage';
import { askAndClear, askAndClearRun } from './clearDialog';

export const TaskCommands = {
  clear: 'jupyter-flow:clear-task',
  mark: 'jupyter-flow:mark-task',
  show: 'jupyter-flow:show-task'
} as const;

type Args = ReadonlyPartialJSONObject;
type Mark = 'success' | 'failed' | 'skipped';

export function addTaskCommands(
  app: JupyterFrontEnd,
  runApi: RunApi,
  trans: TranslationBundle
): TaskActions {
  const { commands } = app;
  const text = { type: 'string' };
  const properties = {
    dag_id: text,
    run_id: text,
    task_id: text,
    map_index: { type: 'integer' },
    state: text,
    tab: text,
    label: text
  };
  let show: (tab: Tab) => void = () => undefined;
  const add = (id: string, label: string, execute: (args: Args) => Promise<unknown> | void) =>
    commands.addCommand(id, {
      label: args => String(args['label'] ?? label),
      describedBy: { args: { type: 'object', properties } },
      execute: args => guarded(() => execute(args))
    });
  add(TaskCommands.clear, trans.__('Run task again …'), args =>
    askAndClear(runApi, trans, keyOf(args))
  );
  add(TaskCommands.mark, trans.__('Mark task'), args =>
    runApi.mark(keyOf(args), args['state'] as Mark)
  );
  add(TaskCommands.show, trans.__('Show task'), args => show(args['tab'] as Tab));

  return {
    clearTask: key => void commands.execute(TaskCommands.clear, { ...key }),
    markTask: (key, state) => void commands.execute(TaskCommands.mark, { ...key, state }),
    clearRun: (dagId, runId, onlyFailed) =>
      void guarded(() => askAndClearRun(runApi, trans, dagId, runId, onlyFailed)),
    menu: (task, key, [x, y], showTab) => {
      show = showTab;
      const menu = new Menu({ commands });
      menu.addClass('jp-flow-task-menu');
      const item = (command: string, args: Args) =>
        menu.addItem({ command, args: { ...key, ...args } });
      const tab = (name: Tab, label: string) => item(TaskCommands.show, { tab: name, label });
      item(TaskCommands.clear, {});
      menu.addItem({ type: 'separator' });
      item(TaskCommands.mark, { state: 'success', label: trans.__('Mark success') });
      item(TaskCommands.mark, { state: 'failed', label: trans.__('Mark failed') });
      item(TaskCommands.mark, { state: 'skipped', label: trans.__('Mark skipped') });
      menu.addItem({ type: 'separator' });
      if (task.notebook_path !== null) {
        item(Commands.openNotebook, { attempt: null });
        tab('notebook', trans.__('Notebook'));
      }
      tab('log', trans.__('Log'));
      tab('values', trans.__('XComs and rendered inputs'));
      tab('attempts', trans.__('Tries'));
      tab('resources', trans.__('Resources'));
      tab('why', trans.__('Why is it so?'));
      tab('events', trans.__('Events'));
      menu.aboutToClose.connect(() => requestAnimationFrame(() => menu.dispose()));
      menu.open(x, y);
    }
  };
}

async function guarded(execute: () => Promise<unknown> | void): Promise<unknown> {
  try {
    return await execute();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    Notification.error(words, { autoClose: 8000 });
    return undefined;
  }
}

function keyOf(args: Args): TaskKey {
  return {
    dag_id: String(args['dag_id']),
    run_id: String(args['run_id']),
    task_id: String(args['task_id']),
    map_index: Number(args['map_index'] ?? -1)
  };
}
