import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { DagDraft } from '../../client/filesApi';
import type { DraftModel } from '../../model/files/draftModel';
import { RenderingContext } from '../../views/run/rendering';
import { TransContext } from '../../views/shared/hooks';
import type { Parts } from '../pages';

interface Question<M extends DraftModel> {
  title: string;
  /** Label of the button that saves. */
  accept: string;
  model: M;
  form: (model: M) => JSX.Element;
}

/**
 * Ask, show what would be written, and write it if it loads: else the dialog comes back with what is wrong.
 * Returns what was written, null if the user changed their mind.
 */
export async function askAndSave<M extends DraftModel>(
  { rendering, trans }: Parts,
  { title, accept, model, form }: Question<M>
): Promise<DagDraft | null> {
  try {
    for (;;) {
      const body = ReactWidget.create(
        <TransContext.Provider value={trans}>
          <RenderingContext.Provider value={rendering}>{form(model)}</RenderingContext.Provider>
        </TransContext.Provider>
      );
      body.addClass('jp-flow');
      const answer = await showDialog({
        title,
        body,
        buttons: [Dialog.cancelButton(), Dialog.okButton({ label: accept })],
        focusNodeSelector: 'input'
      });
      if (!answer.button.accept) {
        return null;
      }
      const saved = await model.save();
      if (saved !== null) {
        return saved;
      }
    }
  } finally {
    model.dispose();
  }
}
