/** The home page in the main area: one tab, from the panel, the palette, the launcher and after a reload. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import { HomeModel } from '../model/home/homeModel';
import { Commands, NAMESPACE } from '../tokens';
import { Home } from '../views/home/Home';
import { addFrontCommands } from './frontCommands';
import { flowIcon } from './icons';
import { FlowWidget } from './pages';
import type { Parts } from './pages';

export function addHome(
  app: JupyterFrontEnd,
  parts: Parts,
  restorer: ILayoutRestorer | null,
  launcher: ILauncher | null
): void {
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: `${NAMESPACE}-home` });
  addFrontCommands(app, parts, () => {
    let page = tracker.currentWidget;
    if (!page || page.isDisposed) {
      page = newHome(parts);
      app.shell.add(page, 'main', { type: 'Jupyter Flow' });
      void tracker.add(page);
    }
    app.shell.activateById(page.id);
  });
  void restorer?.restore(tracker, { command: Commands.openHome, name: () => 'home' });
  launcher?.add({ command: Commands.openHome, category: parts.trans.__('Other'), rank: 4 });
}

function newHome(parts: Parts): MainAreaWidget {
  const { api, front, stream, actions, trans } = parts;
  const model = new HomeModel(stream, api, front);
  const content = new FlowWidget(model, trans, () => <Home model={model} actions={actions} />);
  const page = new MainAreaWidget({ content });
  page.id = 'jp-flow-home';
  page.title.icon = flowIcon;
  page.title.closable = true;
  page.title.label = trans.__('Flow Home');
  page.title.caption = trans.__('What runs, what failed and what comes next');
  page.toolbar.hide();
  return page;
}
