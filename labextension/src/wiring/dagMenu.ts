/** The context menu of a DAG: the same commands as everywhere, about this one. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';
import { Commands } from '../tokens';
import type { DagOfMenu } from '../tokens';
import { backfillsTab } from '../model/backfills/backfillPlace';
import { FrontCommands } from './frontCommands';

export function showDagMenu(
  app: JupyterFrontEnd,
  trans: TranslationBundle,
  dag: DagOfMenu,
  x: number,
  y: number
): void {
  const menu = new Menu({ commands: app.commands });
  menu.addClass('jp-flow-menu');
  const add = (command: string, args: ReadonlyJSONObject, label: string) =>
    menu.addItem({ command, args: { ...args, label } });
  const { dag_id } = dag;
  const last = dag.runs.at(-1);
  add(Commands.openDag, { dag_id }, trans.__('Open'));
  add(Commands.trigger, { dag_id }, trans.__('Run …'));
  add(Commands.openDag, { dag_id, tab: backfillsTab(null) }, trans.__('Backfill …'));
  add(
    Commands.setPaused,
    { dag_id, is_paused: !dag.is_paused },
    dag.is_paused ? trans.__('Unpause') : trans.__('Pause')
  );
  menu.addItem({ type: 'separator' });
  if (last) {
    const run = { dag_id, run_id: last.run_id };
    add(Commands.openRun, run, trans.__('Open last run'));
    if (last.state === 'failed') {
      add(Commands.clearRun, { ...run, only_failed: true }, trans.__('Rerun failed tasks …'));
    }
    if (last.state === 'queued' || last.state === 'running') {
      add(Commands.cancelRun, run, trans.__('Cancel last run'));
    }
    menu.addItem({ type: 'separator' });
  }
  add(FrontCommands.openDagFile, { dag_id }, trans.__('Open DAG file'));
  add(FrontCommands.copyText, { text: dag_id }, trans.__('Copy id'));
  menu.open(x, y);
}
