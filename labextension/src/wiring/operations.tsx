/** The operations pages in the main area: one tab, kept over a reload with the page that it showed. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { OPERATION_PAGES, OperationsModel } from '../model/operations/operationsModel';
import { Commands, NAMESPACE } from '../tokens';
import { Operations } from '../views/operations/Operations';
import { flowIcon } from './icons';
import { FlowWidget } from './pages';
import type { Parts } from './pages';

class OperationsTab extends MainAreaWidget {
  constructor(
    content: FlowWidget,
    readonly model: OperationsModel
  ) {
    super({ content });
  }
}

export function addOperations(
  app: JupyterFrontEnd,
  parts: Parts,
  restorer: ILayoutRestorer | null
): void {
  const { trans } = parts;
  const tracker = new WidgetTracker<OperationsTab>({ namespace: `${NAMESPACE}-operations` });
  app.commands.addCommand(Commands.openOperations, {
    label: trans.__('Jupyter Flow Operations'),
    caption: trans.__('Pools, SLA misses, import errors and assets'),
    icon: flowIcon,
    describedBy: {
      args: { type: 'object', properties: { page: { enum: [...OPERATION_PAGES] } } }
    },
    execute: args => {
      let tab = tracker.currentWidget;
      if (!tab || tab.isDisposed) {
        tab = newTab(parts);
        const added = tab;
        app.shell.add(tab, 'main', { type: 'Jupyter Flow' });
        void tracker.add(tab);
        tab.model.changed.connect(() => void tracker.save(added));
      }
      const page = OPERATION_PAGES.find(name => name === args['page']);
      if (page) {
        tab.model.page = page;
      }
      app.shell.activateById(tab.id);
    }
  });
  void restorer?.restore(tracker, {
    command: Commands.openOperations,
    args: tab => ({ page: tab.model.page }),
    name: () => 'operations'
  });
}

function newTab({ api, front, stream, actions, trans }: Parts): OperationsTab {
  const model = new OperationsModel(stream, api, front);
  const draw = () => <Operations model={model} actions={actions} />;
  const tab = new OperationsTab(new FlowWidget(model, trans, draw), model);
  tab.id = 'jp-flow-operations';
  tab.title.icon = flowIcon;
  tab.title.closable = true;
  tab.title.label = trans.__('Flow Operations');
  tab.toolbar.hide();
  return tab;
}
