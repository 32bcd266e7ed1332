/** The home page in the main area: one tab, from the panel, the palette, the launcher and after a reload. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { ILauncher } from '@jupyterlab/launcher';
import { HomeModel } from '../model/home/homeModel';
import { Commands } from '../tokens';
import { Home } from '../views/home/Home';
import { addFrontCommands } from './frontCommands';
import { oneTab } from './oneTab';
import type { Parts } from './pages';

export function addHome(
  app: JupyterFrontEnd,
  parts: Parts,
  restorer: ILayoutRestorer | null,
  launcher: ILauncher | null
): void {
  const { api, front, stream, actions, trans } = parts;
  const open = oneTab(app, parts, restorer, {
    name: 'home',
    label: trans.__('Flow Home'),
    caption: trans.__('What runs, what failed and what comes next'),
    command: Commands.openHome,
    make: () => new HomeModel(stream, api, front),
    draw: model => <Home model={model} actions={actions} />
  });
  addFrontCommands(app, parts, () => void open());
  launcher?.add({ command: Commands.openHome, category: trans.__('Other'), rank: 4 });
}
