/** Opens an executed notebook in Lab's own viewer, without a kernel, at the cell that failed. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { FlowApi } from '../client/api';
import type { NotebookPlace } from './paths';
import { toPath } from './paths';

export async function openExecutedNotebook(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  api: FlowApi,
  place: NotebookPlace
): Promise<void> {
  const { name, failing_cell } = await api.notebook(place.key, place.attempt);
  const path = toPath(place, name);
  const open = documents.findWidget(path, 'Notebook');
  if (open) {
    await open.context.revert(); // a running task may have got further since
  }
  const panel = (await app.commands.execute('docmanager:open', {
    path,
    factory: 'Notebook',
    kernelPreference: { shouldStart: false, canStart: false, autoStartDefault: false }
  })) as NotebookPanel | undefined;
  if (!panel) {
    throw new Error(`JupyterLab has no viewer for ${name}`);
  }
  await showCell(panel, failing_cell);
}

/** Brings a cell into view and makes it the active one. */
export async function showCell(panel: NotebookPanel, index: number | null): Promise<void> {
  await panel.context.ready;
  await panel.revealed;
  const notebook = panel.content;
  if (index !== null && index < notebook.widgets.length) {
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    await notebook.scrollToItem(index, 'center');
  }
}
