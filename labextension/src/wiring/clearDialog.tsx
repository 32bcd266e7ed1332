import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ClearWish, RunApi } from '../client/runApi';
import type { TaskKey } from '../tokens';
import { ClearForm, ClearList } from '../views/run/ClearForm';
import { TransContext } from '../views/shared/hooks';

/** Ask what is to run again with a task, show what that is, and let it run. */
export async function askAndClear(
  runApi: RunApi,
  trans: TranslationBundle,
  key: TaskKey
): Promise<void> {
  let wish: ClearWish = {
    downstream: true,
    upstream: false,
    past: false,
    future: false,
    only_failed: false
  };
  const form = (
    <TransContext.Provider value={trans}>
      <ClearForm
        first={wish}
        preview={asked => runApi.previewClear(key, asked)}
        onChange={changed => (wish = changed)}
      />
    </TransContext.Provider>
  );
  const index = key.map_index >= 0 ? `[${key.map_index}]` : '';
  if (await accepted(trans, trans.__('Run %1 again?', key.task_id + index), form)) {
    await runApi.clear(key, wish);
  }
}

/** Show what of a run would run again, and let it run. */
export async function askAndClearRun(
  runApi: RunApi,
  trans: TranslationBundle,
  dagId: string,
  runId: string,
  onlyFailed: boolean
): Promise<void> {
  const list = (
    <TransContext.Provider value={trans}>
      <ClearList fetch={() => runApi.previewClearRun(dagId, runId, onlyFailed)} />
    </TransContext.Provider>
  );
  const title = onlyFailed ? trans.__('Rerun failed tasks?') : trans.__('Rerun all tasks?');
  if (await accepted(trans, title, list)) {
    await runApi.clearRun(dagId, runId, onlyFailed);
  }
}

async function accepted(
  trans: TranslationBundle,
  title: string,
  body: JSX.Element
): Promise<boolean> {
  const answer = await showDialog({
    title,
    body: ReactWidget.create(body),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Rerun') })]
  });
  return answer.button.accept;
}
