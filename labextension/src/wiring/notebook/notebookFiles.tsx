/** What people do with notebooks in the file browser: run, schedule, look at runs, put them into DAGs. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { NotebookPanel } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';
import type { DagDraft } from '../../client/filesApi';
import type { NotebookApi } from '../../client/notebookApi';
import { AddTasksModel, NewDagModel } from '../../model/files/draftModel';
import { Commands, NotebookCommands } from '../../tokens';
import { AddTasksForm } from '../../views/files/AddTasksForm';
import { NewDagForm } from '../../views/files/NewDagForm';
import { flowIcon } from '../icons';
import type { Parts } from '../pages';
import { askAndSave } from './draftDialog';
import { dagIsLoaded } from './loaded';

const SELECTOR = '.jp-DirListing-item[data-file-type="notebook"]';
const AFTER_LABS_OWN = 60;

type Args = ReadonlyPartialJSONObject;

export function addNotebookFiles(
  app: JupyterFrontEnd,
  parts: Parts,
  notebookApi: NotebookApi,
  browsers: IFileBrowserFactory | null
): void {
  const { api, filesApi, actions, stream, trans } = parts;
  const { contents } = app.serviceManager;

  /** Those that are named, else those selected in the file browser, else the one that is open. */
  function chosen(args: Args): string[] {
    if (Array.isArray(args['paths'])) {
      return args['paths'].map(String);
    }
    const selected = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
    const paths = selected.filter(item => item.type === 'notebook').map(item => item.path);
    const open = app.shell.currentWidget;
    const all = paths.length === 0 && open instanceof NotebookPanel ? [open.context.path] : paths;
    return all.map(path => contents.localPath(path));
  }

  function add(
    id: string,
    label: string,
    isVisible: (count: number) => boolean,
    execute: (paths: string[]) => Promise<unknown>
  ): void {
    const paths = { type: 'array', items: { type: 'string' } };
    app.commands.addCommand(id, {
      label,
      describedBy: { args: { type: 'object', properties: { paths } } },
      isVisible: args => isVisible(chosen(args).length),
      execute: async args => {
        try {
          const given = chosen(args);
          if (given.length === 0) {
            throw new Error(trans.__('Select notebooks in the file browser, or open one.'));
          }
          await execute(given);
        } catch (error) {
          Notification.error(error instanceof Error ? error.message : String(error));
        }
      }
    });
  }

  /** One of the DAGs that a notebook has to do with; `other`: what else may be chosen. */
  async function chooseDag(path: string, title: string, other: string | null) {
    const { dags } = await notebookApi.uses(path);
    const ids = dags.map(dag => dag.dag_id);
    const items = [...ids, ...(other === null ? [] : [other])];
    if (items.length < 2) {
      return ids[0] ?? other;
    }
    const answer = await InputDialog.getItem({ title, items });
    return answer.button.accept ? answer.value : null;
  }

  function askNewDag(
    paths: string[],
    schedule: string,
    title: string,
    accept: string
  ): Promise<DagDraft | null> {
    return askAndSave(parts, {
      title,
      accept,
      model: new NewDagModel(filesApi, paths, schedule),
      form: model => <NewDagForm model={model} />
    });
  }

  const pathOf = ({ folder, name }: DagDraft) => `${folder}/${name}`;
  const isOne = (count: number) => count === 1;

  add(NotebookCommands.run, trans.__('Run as task …'), isOne, async ([path = '']) => {
    const name = PathExt.basename(path);
    const alone = trans.__('a new DAG with this notebook alone');
    const dagId = await chooseDag(path, trans.__('Run %1 with …', name), alone);
    if (dagId !== null && dagId !== alone) {
      await app.commands.execute(Commands.trigger, { dag_id: dagId });
    } else if (dagId === alone) {
      const title = trans.__('Run %1 as a task', name);
      const made = await askNewDag([path], '', title, trans.__('Save and run'));
      if (made) {
        await dagIsLoaded(stream, api, made.dag_id);
        const run = await api.trigger(made.dag_id, { unpause: true });
        parts.onStarted(run.dag_id, run.run_id);
        actions.openRun(run.dag_id, run.run_id);
      }
    }
  });
  add(NotebookCommands.runs, trans.__('Show runs'), isOne, async ([path = '']) => {
    const name = PathExt.basename(path);
    const dagId = await chooseDag(path, trans.__('Runs of %1 in …', name), null);
    if (dagId !== null) {
      actions.openDag(dagId, 'runs');
    } else if ((await notebookApi.uses(path)).dags.length === 0) {
      Notification.info(trans.__('No DAG runs %1 yet.', name), { autoClose: 8000 });
    }
  });
  add(NotebookCommands.schedule, trans.__('Schedule …'), isOne, async ([path = '']) => {
    const title = trans.__('Schedule %1', PathExt.basename(path));
    const made = await askNewDag([path], '@daily', title, trans.__('Save and schedule'));
    if (made) {
      await dagIsLoaded(stream, api, made.dag_id);
      await api.setPaused(made.dag_id, false);
      actions.openDag(made.dag_id);
    }
  });
  add(
    NotebookCommands.addToDag,
    trans.__('Add to DAG …'),
    count => count > 0,
    async paths => {
      const dags = (await api.dags()).filter(dag => dag.dag_file.endsWith('.py'));
      if (dags.length === 0) {
        throw new Error(trans.__('There is no DAG in a .py file yet: make a new one.'));
      }
      const ids = dags.map(dag => dag.dag_id);
      const changed = await askAndSave(parts, {
        title: trans.__('Add %1 to a DAG', paths.map(path => PathExt.basename(path)).join(', ')),
        accept: trans.__('Save'),
        model: new AddTasksModel(api, filesApi, paths, ids),
        form: model => <AddTasksForm model={model} />
      });
      if (changed) {
        actions.openFile(pathOf(changed), null);
      }
    }
  );
  add(
    NotebookCommands.newDag,
    trans.__('New DAG from these notebooks …'),
    count => count > 1,
    async paths => {
      const made = await askNewDag(paths, '', trans.__('New DAG'), trans.__('Save'));
      if (made) {
        actions.openFile(pathOf(made), null);
      }
    }
  );

  const submenu = new Menu({ commands: app.commands });
  submenu.title.label = trans.__('Jupyter Flow');
  submenu.title.icon = flowIcon;
  Object.values(NotebookCommands).forEach(command => submenu.addItem({ command }));
  app.contextMenu.addItem({ type: 'submenu', submenu, selector: SELECTOR, rank: AFTER_LABS_OWN });
}
