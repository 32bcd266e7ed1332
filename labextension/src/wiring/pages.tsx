/** Lumino widgets around the views; a hidden page fetches nothing. */
import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';
import type { FlowApi } from '../client/api';
import type { BackfillApi } from '../client/backfillApi';
import type { CodeApi } from '../client/codeApi';
import type { HistoryApi } from '../client/historyApi';
import type { CompareApi } from '../client/compareApi';
import type { FilesApi } from '../client/filesApi';
import type { RunApi } from '../client/runApi';
import type { FrontApi } from '../client/frontApi';
import type { EventStream } from '../events/eventStream';
import type { DagApi } from '../client/dagApi';
import { DagPageModel } from '../model/dag/dagPageModel';
import type { OptionStore } from '../model/shared/options';
import type { LayoutService } from '../model/dag/layoutService';
import { RunModel } from '../model/run/runModel';
import type { SidebarModel } from '../model/sidebar/sidebarModel';
import type { FlowActions } from '../tokens';
import { DagPage } from '../views/dag/DagPage';
import { TransContext } from '../views/shared/hooks';
import { RenderingContext } from '../views/run/rendering';
import type { Rendering } from '../views/run/rendering';
import { RunPage } from '../views/run/RunPage';
import type { TaskActions } from '../views/run/RunPage';
import { Sidebar } from '../views/sidebar/Sidebar';
import { flowIcon } from './icons';

export interface Parts {
  /** Called with each run that the viewer has started. */
  onStarted(dagId: string, runId: string): void;
  api: FlowApi;
  dagApi: DagApi;
  backfillApi: BackfillApi;
  historyApi: HistoryApi;
  codeApi: CodeApi;
  compareApi: CompareApi;
  filesApi: FilesApi;
  store: OptionStore;
  front: FrontApi;
  stream: EventStream;
  layouts: LayoutService;
  actions: FlowActions;
  runApi: RunApi;
  taskActions: TaskActions;
  rendering: Rendering | null;
  trans: TranslationBundle;
}

interface Model {
  setActive(isActive: boolean): void;
  dispose(): void;
}

export class FlowWidget extends ReactWidget {
  constructor(
    private readonly model: Model,
    private readonly trans: TranslationBundle,
    private readonly draw: () => ReactElement
  ) {
    super();
    this.addClass('jp-flow');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  protected override render(): ReactElement {
    return <TransContext.Provider value={this.trans}>{this.draw()}</TransContext.Provider>;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.setActive(true);
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.model.setActive(this.isVisible);
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.model.setActive(false);
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.model.setActive(false);
  }
}

/** Which page a main area tab shows; also what the layout restorer keeps. */
export type PageArgs = {
  dag_id: string;
  run_id?: string;
  task_id?: string;
  map_index?: number;
  /** Which view of a DAG. */
  tab?: string;
  /** Which line of a task's log, and of which attempt. */
  line?: number;
  attempt?: number;
};

export class FlowPage extends MainAreaWidget<ReactWidget> {
  constructor(
    content: ReactWidget,
    readonly args: PageArgs,
    private readonly select: ((taskId: string, mapIndex?: number) => void) | null,
    /** Show one view of a DAG. */
    readonly showTab: (tab: string) => void = () => undefined,
    /** Show a line in the log of the selected task. */
    readonly showLine: (attempt: number | null, line: number) => void = () => undefined
  ) {
    super({ content });
    this.id = pageId(args);
    this.title.icon = flowIcon;
    this.title.closable = true;
    this.title.label = args.run_id ? `${args.dag_id} ▸ ${shortRun(args.run_id)}` : args.dag_id;
    this.title.caption = args.run_id ? `${args.dag_id}\n${args.run_id}` : args.dag_id;
    this.toolbar.hide();
  }

  selectTask(taskId: string, mapIndex?: number): void {
    this.select?.(taskId, mapIndex);
  }
}

export function pageId(args: PageArgs): string {
  return `jp-flow-page:${[args.dag_id, args.run_id ?? ''].map(encodeURIComponent).join('/')}`;
}

export function newPage(parts: Parts, args: PageArgs): FlowPage {
  const { api, stream, layouts, actions, trans } = parts;
  if (args.run_id === undefined) {
    const model = new DagPageModel(parts, args.dag_id);
    const draw = () => (
      <RenderingContext.Provider value={parts.rendering}>
        <DagPage model={model} layouts={layouts} actions={actions} />
      </RenderingContext.Provider>
    );
    const content = new FlowWidget(model, trans, draw);
    return new FlowPage(content, { dag_id: args.dag_id }, null, tab => model.showTab(tab));
  }
  const model = new RunModel(stream, api, parts.runApi, args.dag_id, args.run_id, parts.store);
  const draw = () => (
    <RenderingContext.Provider value={parts.rendering}>
      <RunPage model={model} stream={stream} actions={actions} tasks={parts.taskActions} />
    </RenderingContext.Provider>
  );
  const content = new FlowWidget(model, trans, draw);
  return new FlowPage(
    content,
    args,
    (taskId, mapIndex) => model.selectTask(taskId, mapIndex),
    undefined,
    (attempt, line) => model.showLine(attempt, line)
  );
}

export function newSidebar(parts: Parts, model: SidebarModel): ReactWidget {
  const draw = () => <Sidebar model={model} actions={parts.actions} />;
  const widget = new FlowWidget(model, parts.trans, draw);
  widget.id = 'jp-flow-sidebar';
  widget.title.icon = flowIcon;
  widget.title.caption = parts.trans.__('Jupyter Flow');
  widget.node.setAttribute('role', 'region');
  widget.node.setAttribute('aria-label', parts.trans.__('Jupyter Flow'));
  return widget;
}

function shortRun(runId: string): string {
  const [type, date] = runId.split('__');
  return date ? `${type} ${date.slice(0, 16).replace('T', ' ')}` : runId;
}
