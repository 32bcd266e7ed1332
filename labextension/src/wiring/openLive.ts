/** Opens the working copy of a failed notebook on the kernel that is kept of it, at the cell that failed. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { FlowApi } from '../client/api';
import type { TaskKey } from '../tokens';
import { showCell } from './openNotebook';

export async function openLive(app: JupyterFrontEnd, api: FlowApi, key: TaskKey): Promise<void> {
  const opened = await api.openLive(key);
  const kernel = { id: opened.kernel_id, name: opened.kernel_name };
  const panel = (await app.commands.execute('docmanager:open', {
    path: opened.notebook_path,
    factory: 'Notebook',
    kernel
  })) as NotebookPanel | undefined;
  if (!panel) {
    throw new Error(`JupyterLab has no viewer for ${opened.notebook_path}`);
  }
  await panel.context.ready;
  await panel.sessionContext.ready;
  if (panel.sessionContext.session?.kernel?.id !== kernel.id) {
    await panel.sessionContext.changeKernel(kernel); // it was open, with another kernel or none
  }
  await showCell(panel, opened.cell);
}
