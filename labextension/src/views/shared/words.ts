/** Words that several views use. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** "asset triggered" for `asset_triggered`; types of later versions are shown as they are. */
export function runTypeWords(runType: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    scheduled: trans.__('scheduled'),
    manual: trans.__('manual'),
    backfill: trans.__('backfill'),
    asset_triggered: trans.__('asset triggered'),
    operator_triggered: trans.__('triggered by a task')
  };
  return words[runType] ?? runType;
}
