import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowApi } from '../client/api';
import type { Run } from '../client/documents';
import { TriggerChoice } from '../model/forms/triggerChoice';
import { TransContext } from '../views/shared/hooks';
import { TriggerForm } from '../views/forms/TriggerForm';

/** Ask for params and start a run. Returns null if the user changed their mind. */
export async function askAndTrigger(
  api: FlowApi,
  trans: TranslationBundle,
  dagId: string
): Promise<Run | null> {
  const dag = await api.dag(dagId);
  const choice = new TriggerChoice(dag);
  const form = (
    <TransContext.Provider value={trans}>
      <TriggerForm dag={dag} choice={choice} />
    </TransContext.Provider>
  );
  const answer = await showDialog({
    title: trans.__('Run %1', dagId),
    body: ReactWidget.create(form),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })],
    focusNodeSelector: 'input'
  });
  return answer.button.accept ? api.trigger(dagId, choice.body()) : null;
}
