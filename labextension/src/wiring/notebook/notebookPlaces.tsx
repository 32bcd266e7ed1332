/** What Flow adds to notebooks: badges, a button, a form, completions, live graphs. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ReactWidget } from '@jupyterlab/apputils';
import type { ICompletionProviderManager } from '@jupyterlab/completer';
import type { INotebookTools, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Collapser } from '@jupyterlab/ui-components';
import { DisposableDelegate } from '@lumino/disposable';
import type { IDisposable } from '@lumino/disposable';
import { Menu } from '@lumino/widgets';
import type { PanelLayout } from '@lumino/widgets';
import { NotebookApi } from '../../client/notebookApi';
import type { Send } from '../../client/api';
import { NotebookUsesModel } from '../../model/notebook/notebookUses';
import { Commands } from '../../tokens';
import { UsesButton } from '../../views/notebook/UsesButton';
import { TransContext } from '../../views/shared/hooks';
import { flowIcon } from '../icons';
import type { Parts } from '../pages';
import { followVisibility } from '../visibility';
import { dagRendererFactory } from './dagRenderer';
import { TaskBadges } from './taskBadges';
import { TaskCompletions } from './taskCompletions';
import { TaskTool } from './taskTool';

const SECTION = 'jupyter-flow';

interface Places {
  rendermime: IRenderMimeRegistry | null;
  tools: INotebookTools | null;
  completions: ICompletionProviderManager | null;
}

export function addNotebookPlaces(
  app: JupyterFrontEnd,
  parts: Parts,
  send: Send,
  places: Places
): void {
  const { trans } = parts;
  const api = new NotebookApi(send);
  const models = new WeakMap<NotebookPanel, NotebookUsesModel>();
  places.rendermime?.addFactory(dagRendererFactory(parts), 0);
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: panel => follow(panel as NotebookPanel)
  });
  if (places.tools) {
    const tool = new TaskTool(trans);
    places.tools.addSection({ sectionName: SECTION, label: trans.__('Jupyter Flow'), rank: 0 });
    places.tools.addItem({ tool, section: SECTION, rank: 1 });
    const first = (places.tools.layout as PanelLayout).widgets[0];
    if (first instanceof Collapser) {
      first.collapsed = false;
    }
  }
  places.completions?.registerProvider(
    new TaskCompletions(panel =>
      (models.get(panel)?.dags ?? [])
        .filter(dag => dag.is_dag_file)
        .flatMap(dag => dag.tasks.map(task => task.task_id))
    )
  );

  function follow(panel: NotebookPanel): IDisposable {
    const { contents } = app.serviceManager;
    const local = (path: string) => contents.localPath(path);
    const model = new NotebookUsesModel(parts.stream, api, local(panel.context.path));
    models.set(panel, model);
    panel.context.pathChanged.connect((_, path) => (model.path = local(path)));
    followVisibility(panel, model);
    new TaskBadges(panel, model, parts.actions, trans);
    const button = ReactWidget.create(
      <TransContext.Provider value={trans}>
        <UsesButton model={model} icon={flowIcon} onMenu={(x, y) => openMenu(model, x, y)} />
      </TransContext.Provider>
    );
    button.addClass('jp-flow-uses-room');
    if (!panel.toolbar.insertBefore('spacer', 'jupyter-flow', button)) {
      panel.toolbar.addItem('jupyter-flow', button);
    }
    return new DisposableDelegate(() => {
      button.dispose();
      model.dispose();
    });
  }

  function openMenu(model: NotebookUsesModel, x: number, y: number): void {
    const menu = new Menu({ commands: app.commands });
    for (const dag of model.dags) {
      const { dag_id } = dag;
      const name = { dag_id, label: trans.__('Open DAG %1', dag.dag_display_name) };
      menu.addItem({ command: Commands.openDag, args: name });
      const run = { dag_id, label: trans.__('Run %1 …', dag.dag_display_name) };
      menu.addItem({ command: Commands.trigger, args: run });
      if (dag.last_run) {
        const task_id = dag.is_dag_file ? undefined : dag.tasks[0]?.task_id;
        const last = { dag_id, run_id: dag.last_run.run_id, ...(task_id ? { task_id } : {}) };
        const label = trans.__('Open its last run (%1)', dag.last_run.state);
        menu.addItem({ command: Commands.openRun, args: { ...last, label } });
      }
      menu.addItem({ type: 'separator' });
    }
    const inspector = trans.__('Task settings …');
    menu.addItem({ command: NotebookCommands.settings, args: { label: inspector } });
    menu.aboutToClose.connect(() => requestAnimationFrame(() => menu.dispose()));
    menu.open(x, y);
  }
}

const NotebookCommands = { settings: 'property-inspector:show-panel' } as const;
