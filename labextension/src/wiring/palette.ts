/** What the command palette offers: every page, and what can be done without naming a run or a task first. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { DagTab } from '../model/dag/dagPageModel';
import type { OperationPage } from '../model/operations/operationsModel';
import { Commands, NotebookCommands } from '../tokens';

export interface PaletteItem {
  command: string;
  args?: ReadonlyJSONObject;
}

export function paletteItems(trans: TranslationBundle): PaletteItem[] {
  const pages: Record<OperationPage, string> = {
    pools: trans.__('Pools'),
    slas: trans.__('SLA misses'),
    'import-errors': trans.__('Import errors'),
    assets: trans.__('Assets')
  };
  const tabs: Record<Exclude<DagTab, 'compare'>, string> = {
    graph: trans.__('Graph of a DAG …'),
    grid: trans.__('Grid of a DAG …'),
    runs: trans.__('Runs of a DAG …'),
    calendar: trans.__('Calendar of a DAG …'),
    backfills: trans.__('Backfills of a DAG …'),
    code: trans.__('Code of a DAG …'),
    overview: trans.__('Overview of a DAG …')
  };
  return [
    ...[
      Commands.openPanel,
      Commands.openHome,
      Commands.openOperations,
      Commands.openFiles,
      Commands.openDag,
      Commands.trigger,
      Commands.reload,
      ...Object.values(NotebookCommands)
    ].map(command => ({ command })),
    ...Object.entries(pages).map(([page, label]) => ({
      command: Commands.openOperations,
      args: { page, label }
    })),
    ...Object.entries(tabs).map(([tab, label]) => ({
      command: Commands.openDag,
      args: { tab, label }
    }))
  ];
}
