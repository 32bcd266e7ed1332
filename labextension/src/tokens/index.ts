/** Names that other extensions and the layout restorer rely on. */
import { Token } from '@lumino/coreutils';

export const NAMESPACE = 'jupyter-flow';

export const Commands = {
  openPanel: 'jupyter-flow:open-panel',
  openHome: 'jupyter-flow:open-home',
  openOperations: 'jupyter-flow:open-operations',
  openFiles: 'jupyter-flow:open-files',
  openDag: 'jupyter-flow:open-dag',
  openRun: 'jupyter-flow:open-run',
  openNotebook: 'jupyter-flow:open-notebook',
  openLive: 'jupyter-flow:open-live',
  letKernelGo: 'jupyter-flow:let-kernel-go',
  openFile: 'jupyter-flow:open-file',
  trigger: 'jupyter-flow:trigger',
  setPaused: 'jupyter-flow:set-paused',
  cancelRun: 'jupyter-flow:cancel-run',
  clearRun: 'jupyter-flow:clear-run',
  reload: 'jupyter-flow:reload'
} as const;

/** About notebooks in the file browser: those in `paths`, else those that are selected there, else the open one. */
export const NotebookCommands = {
  run: 'jupyter-flow:run-notebook',
  runs: 'jupyter-flow:show-notebook-runs',
  schedule: 'jupyter-flow:schedule-notebook',
  addToDag: 'jupyter-flow:add-notebooks-to-dag',
  newDag: 'jupyter-flow:new-dag'
} as const;

export interface TaskKey {
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
}

/** As much of a DAG as its context menu needs. */
export interface DagOfMenu {
  dag_id: string;
  is_paused: boolean;
  runs: readonly { run_id: string; state: string }[];
}

/** What views ask the outside to do; the wiring turns each into a command. */
export interface FlowActions {
  openHome(): void;
  openOperations(page?: string): void;
  openFiles(): void;
  /** `tab`: which view, and where in it (`code:3..5`). */
  openDag(dagId: string, tab?: string): void;
  /** The context menu of a DAG, at a place of the window. */
  showDagMenu(dag: DagOfMenu, x: number, y: number): void;
  openRun(dagId: string, runId: string, taskId?: string, mapIndex?: number): void;
  openNotebook(task: TaskKey, attempt: number | null): void;
  openLive(task: TaskKey): void;
  letKernelGo(task: TaskKey): void;
  openFile(path: string, line: number | null): void;
  trigger(dagId: string): void;
  setPaused(dagId: string, isPaused: boolean): void;
  cancelRun(dagId: string, runId: string): void;
  clearRun(dagId: string, runId: string, onlyFailed: boolean): void;
  copyText(text: string): void;
  /** Copy an address that leads to a line of a log. */
  copyLogLink(task: TaskKey, attempt: number, line: number): void;
}

export interface IFlow {
  readonly actions: FlowActions;
}

export const IFlow = new Token<IFlow>(
  'jupyterlab-flow:IFlow',
  'Opens DAGs, runs and executed notebooks of Jupyter Flow.'
);
