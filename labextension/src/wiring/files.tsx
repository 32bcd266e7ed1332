/** The page of DAG files in the main area. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { FilesModel } from '../model/files/filesModel';
import { Commands } from '../tokens';
import { FilesPage } from '../views/files/FilesPage';
import { RenderingContext } from '../views/run/rendering';
import { flowIcon } from './icons';
import { oneTab } from './oneTab';
import type { Parts } from './pages';

export function addFiles(
  app: JupyterFrontEnd,
  parts: Parts,
  restorer: ILayoutRestorer | null
): void {
  const { api, filesApi, stream, actions, rendering, trans } = parts;
  const caption = trans.__('Upload, delete and restore the files that define DAGs');
  const open = oneTab(app, parts, restorer, {
    name: 'files',
    label: trans.__('DAG files'),
    caption,
    command: Commands.openFiles,
    args: model => ({ name: model.place?.name ?? null, folder: model.place?.folder ?? null }),
    make: () => new FilesModel(stream, api, filesApi),
    draw: model => (
      <RenderingContext.Provider value={rendering}>
        <FilesPage model={model} actions={actions} />
      </RenderingContext.Provider>
    )
  });
  const text = { type: ['string', 'null'] };
  app.commands.addCommand(Commands.openFiles, {
    label: trans.__('DAG files'),
    caption,
    icon: flowIcon,
    describedBy: { args: { type: 'object', properties: { name: text, folder: text } } },
    execute: args => {
      const model = open();
      if (typeof args['name'] === 'string') {
        const folder = typeof args['folder'] === 'string' ? args['folder'] : null;
        model.select({ folder, name: args['name'] });
      }
    }
  });
}
