/** Notebooks that are working copies of failed ones: whose they are, and what their kernel must be spared. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { showErrorMessage } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { DisposableDelegate } from '@lumino/disposable';
import { liveMark } from '../model/run/liveMark';
import { addResumeButton } from './resumeButton';
import type { ResumeParts } from './resumeButton';

export function watchLiveNotebooks(app: JupyterFrontEnd, parts: ResumeParts): void {
  app.docRegistry.addWidgetExtension('Notebook', {
    createNew: (panel: NotebookPanel) => {
      const onKernel = () => spareKernel(panel, parts.trans);
      panel.sessionContext.kernelChanged.connect(onKernel);
      void panel.context.ready.then(() => {
        const mark = liveMark(panel.context.model.getMetadata('jupyter_flow'));
        if (mark && !panel.isDisposed) {
          addResumeButton(panel, mark, parts);
          onKernel();
        }
      });
      return new DisposableDelegate(() => {
        panel.sessionContext.kernelChanged.disconnect(onKernel);
      });
    }
  });
}

/** The server refuses to restart a kernel that is kept, and JupyterLab would not say so and wait for ever. */
function spareKernel(panel: NotebookPanel, trans: TranslationBundle): void {
  const kernel = panel.sessionContext.session?.kernel as
    (Kernel.IKernelConnection & { restart: () => Promise<void> }) | null | undefined;
  const mark = liveMark(panel.context.model.getMetadata('jupyter_flow'));
  if (!kernel || !mark || kernel.id.replaceAll('-', '') !== mark.attempt_id) {
    return;
  }
  kernel.restart = () =>
    showErrorMessage(
      trans.__('This kernel cannot be restarted'),
      trans.__(
        'It is kept after a failure, and its variables would be lost. Clear the task to run it again with a new kernel.'
      )
    );
}
