/** The operations pages in the main area: one tab, kept over a reload with the page that it showed. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { OPERATION_PAGES, OperationsModel } from '../model/operations/operationsModel';
import { Commands } from '../tokens';
import { Operations } from '../views/operations/Operations';
import { flowIcon } from './icons';
import { oneTab } from './oneTab';
import type { Parts } from './pages';

export function addOperations(
  app: JupyterFrontEnd,
  parts: Parts,
  restorer: ILayoutRestorer | null
): void {
  const { api, front, stream, actions, trans } = parts;
  const caption = trans.__('Pools, SLA misses, import errors and assets');
  const open = oneTab(app, parts, restorer, {
    name: 'operations',
    label: trans.__('Flow Operations'),
    caption,
    command: Commands.openOperations,
    args: model => ({ page: model.page }),
    make: () => new OperationsModel(stream, api, front),
    draw: model => <Operations model={model} actions={actions} />
  });
  app.commands.addCommand(Commands.openOperations, {
    label: args => String(args['label'] ?? trans.__('Jupyter Flow Operations')),
    caption,
    icon: flowIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: { page: { enum: [...OPERATION_PAGES] }, label: { type: 'string' } }
      }
    },
    execute: args => {
      const model = open();
      const page = OPERATION_PAGES.find(name => name === args['page']);
      if (page) {
        model.page = page;
      }
    }
  });
}
