/** Commands of the panel, the home page and the other places of JupyterLab. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { Commands, NAMESPACE } from '../tokens';
import { flowIcon } from './icons';
import type { Parts } from './pages';

export const FrontCommands = {
  openDagFile: `${NAMESPACE}:open-dag-file`,
  copyText: `${NAMESPACE}:copy-text`
} as const;

export function addFrontCommands(
  app: JupyterFrontEnd,
  { api, trans }: Parts,
  openHome: () => void
): void {
  const text = { type: 'string' };
  app.commands.addCommand(Commands.openHome, {
    label: trans.__('Jupyter Flow Home'),
    caption: trans.__('What runs, what failed and what comes next'),
    icon: flowIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: openHome
  });
  app.commands.addCommand(FrontCommands.openDagFile, {
    label: args => String(args['label'] ?? trans.__('Open DAG file')),
    describedBy: { args: { type: 'object', properties: { dag_id: text } } },
    execute: async args => {
      try {
        const dag = await api.dag(String(args['dag_id']));
        const path = `${dag.dag_folder}/${dag.dag_file}`;
        await app.commands.execute(Commands.openFile, { path, line: 0 });
      } catch (error) {
        Notification.error(error instanceof Error ? error.message : String(error));
      }
    }
  });
  app.commands.addCommand(FrontCommands.copyText, {
    label: args => String(args['label'] ?? trans.__('Copy')),
    describedBy: { args: { type: 'object', properties: { text } } },
    execute: args => Clipboard.copyToSystem(String(args['text'] ?? ''))
  });
}
