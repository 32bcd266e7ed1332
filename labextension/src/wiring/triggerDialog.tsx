import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { FlowApi } from '../client/api';
import type { Run } from '../client/documents';
import { TriggerChoice } from '../model/forms/triggerChoice';
import { TransContext } from '../views/shared/hooks';
import { TriggerForm } from '../views/forms/TriggerForm';

/** How many runs are looked at for values that can be taken over. */
const EARLIER = 50;

/**
 * Ask for params and start a run. What was filled in stays after a refusal, which the next dialog shows.
 * Returns null if the user changed their mind.
 */
export async function askAndTrigger(
  api: FlowApi,
  trans: TranslationBundle,
  dagId: string
): Promise<Run | null> {
  const [dag, earlier] = await Promise.all([api.dag(dagId), api.runs(dagId, EARLIER)]);
  const choice = new TriggerChoice(dag, earlier.runs);
  let problem: string | null = null;
  for (;;) {
    const form: JSX.Element = (
      <TransContext.Provider value={trans}>
        <TriggerForm dag={dag} choice={choice} problem={problem} />
      </TransContext.Provider>
    );
    const answer = await showDialog({
      title: trans.__('Run %1', dagId),
      body: ReactWidget.create(form),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })],
      focusNodeSelector: 'input'
    });
    if (!answer.button.accept) {
      return null;
    }
    try {
      return await api.trigger(dagId, choice.body());
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
  }
}
