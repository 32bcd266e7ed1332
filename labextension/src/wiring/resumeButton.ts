/** "Continue as task" over a working copy of a failed notebook: what was mended becomes the task's next attempt. */
import { Dialog, showDialog, showErrorMessage, ToolbarButton } from '@jupyterlab/apputils';
import type { ICell } from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowApi } from '../client/api';
import type { MendedCell } from '../client/documents';
import type { LiveMark } from '../model/run/liveMark';
import { mendedCells } from '../model/run/mendedCells';
import type { FlowActions } from '../tokens';

export interface ResumeParts {
  api: FlowApi;
  actions: FlowActions;
  trans: TranslationBundle;
}

export function addResumeButton(panel: NotebookPanel, mark: LiveMark, parts: ResumeParts): void {
  const { trans } = parts;
  panel.toolbar.insertAfter(
    'cellType',
    'jp-flow-resume',
    new ToolbarButton({
      label: trans.__('Continue as task'),
      className: 'jp-flow-resume',
      tooltip: trans.__(
        'Run the task on from the failed cell as it stands here, and what comes after the task'
      ),
      onClick: () => void resume(panel, mark, parts)
    })
  );
}

async function resume(panel: NotebookPanel, mark: LiveMark, parts: ResumeParts): Promise<void> {
  const { trans, api, actions } = parts;
  try {
    if (panel.sessionContext.session?.kernel?.status === 'busy') {
      const words = trans.__(
        'The kernel is busy: interrupt the cell that runs, or wait for its end.'
      );
      await showErrorMessage(trans.__('The task does not go on'), words);
      return;
    }
    const { live_kernel } = await api.task(mark);
    const isKept = live_kernel?.attempt_id === mark.attempt_id;
    if (!(await isMeant(trans, isKept))) {
      return;
    }
    await panel.context.save();
    const content = panel.context.model.sharedModel.toJSON();
    await api.resume(mark, {
      copy_of: mark.attempt_id,
      cells: mendedCells(content.cells as ICell[]) as MendedCell[],
      with_kernel: isKept
    });
    actions.openRun(mark.dag_id, mark.run_id, mark.task_id, mark.map_index);
  } catch (error) {
    await showErrorMessage(trans.__('The task does not go on'), error as Error);
  }
}

async function isMeant(trans: TranslationBundle, isKept: boolean): Promise<boolean> {
  const answer = await showDialog({
    title: isKept ? trans.__('Continue as task?') : trans.__('Run again with this notebook?'),
    body: isKept
      ? trans.__(
          'A new attempt takes this kernel over and runs the failed cell and those after it as they stand here. What comes after the task runs too.'
        )
      : trans.__(
          'The kernel is not kept any more: a new attempt runs this notebook from its start. What comes after the task runs too.'
        ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: isKept ? trans.__('Continue') : trans.__('Run again') })
    ]
  });
  return answer.button.accept;
}
