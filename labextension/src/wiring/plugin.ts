/** Puts the rooms together inside JupyterLab (or Notebook 7: only `JupyterFrontEnd` is asked for). */
import { ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTools } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IRunningSessionManagers } from '@jupyterlab/running';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { eventsUrl, FlowApi, serverSend } from '../client/api';
import { BackfillApi } from '../client/backfillApi';
import { CodeApi } from '../client/codeApi';
import { CompareApi } from '../client/compareApi';
import { DagApi } from '../client/dagApi';
import { FilesApi } from '../client/filesApi';
import { NotebookApi } from '../client/notebookApi';
import { RunApi } from '../client/runApi';
import { HistoryApi } from '../client/historyApi';
import { FrontApi } from '../client/frontApi';
import { EventStream } from '../events/eventStream';
import { LayoutService } from '../model/dag/layoutService';
import { RunWatch } from '../model/elsewhere/runWatch';
import { SidebarModel } from '../model/sidebar/sidebarModel';
import { Commands, IFlow, NAMESPACE } from '../tokens';
import { actionsOf, addCommands } from './commands';
import { FlowDrive } from './drive';
import { linkedPage } from './link';
import { addElsewhere } from './elsewhere';
import { addFiles } from './files';
import { addHome } from './home';
import { addOperations } from './operations';
import { addOpenFileProblems } from './openFileProblems';
import { optionStore } from './optionStore';
import { addNotebookFiles } from './notebook/notebookFiles';
import { addNotebookPlaces } from './notebook/notebookPlaces';
import { paletteItems } from './palette';
import { beneathRoot } from './paths';
import { newPage, newSidebar, pageId } from './pages';
import type { FlowPage, PageArgs, Parts } from './pages';
import { addTaskCommands } from './taskCommands';

export const plugin: JupyterFrontEndPlugin<IFlow> = {
  id: 'jupyterlab-flow:plugin',
  description: 'DAGs of notebooks: scheduled, watched and recorded.',
  autoStart: true,
  provides: IFlow,
  requires: [IDocumentManager],
  optional: [
    ITranslator,
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    IStateDB,
    IRenderMimeRegistry,
    IEditorLanguageRegistry,
    IStatusBar,
    IRunningSessionManagers,
    ISettingRegistry,
    INotebookTools,
    ICompletionProviderManager,
    IFileBrowserFactory
  ],
  activate
};

function activate(
  app: JupyterFrontEnd,
  documents: IDocumentManager,
  translator: ITranslator | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  restorer: ILayoutRestorer | null,
  state: IStateDB | null,
  rendermime: IRenderMimeRegistry | null,
  languages: IEditorLanguageRegistry | null,
  statusBar: IStatusBar | null,
  sessions: IRunningSessionManagers | null,
  settingsRegistry: ISettingRegistry | null,
  tools: INotebookTools | null,
  completions: ICompletionProviderManager | null,
  browsers: IFileBrowserFactory | null
): IFlow {
  const trans = (translator ?? nullTranslator).load('jupyterlab_flow');
  const settings = app.serviceManager.serverSettings;
  const send = serverSend(settings);
  const root = PageConfig.getOption('jupyterFlowRoot') || PageConfig.getOption('serverRoot');
  const localPath = (path: string) => beneathRoot(path, root);
  const api = new FlowApi(send);
  const runApi = new RunApi(send);
  const front = new FrontApi(send);
  const options = optionStore(state);
  const stream = new EventStream(cursor => new settings.WebSocket(eventsUrl(settings, cursor)));
  const parts: Parts = {
    onStarted: (dagId, runId) => watch.watch(dagId, runId),
    api,
    dagApi: new DagApi(send),
    backfillApi: new BackfillApi(send),
    historyApi: new HistoryApi(send),
    codeApi: new CodeApi(send),
    compareApi: new CompareApi(send),
    filesApi: new FilesApi(send),
    store: options,
    front,
    stream,
    layouts: new LayoutService(
      () => new Worker(new URL('../model/dag/layoutWorker.js', import.meta.url))
    ),
    actions: actionsOf(app, trans),
    runApi,
    taskActions: addTaskCommands(app, runApi, trans),
    rendering: rendermime ? { rendermime, languages } : null,
    trans
  };
  app.serviceManager.contents.addDrive(new FlowDrive(api, settings));

  const panel = new SidebarModel(stream, api, front, options);
  const watch = new RunWatch(stream, options, dagId => panel.favourites.has(dagId));
  const sidebar = newSidebar(parts, panel);
  app.shell.add(sidebar, 'left', { rank: 550, type: 'Jupyter Flow' });
  const tracker = new WidgetTracker<FlowPage>({ namespace: NAMESPACE });

  addCommands(app, documents, parts, {
    openPanel: () => app.shell.activateById(sidebar.id),
    openPage: (args: PageArgs) => {
      let page = tracker.find(candidate => candidate.id === pageId(args));
      if (!page) {
        page = newPage(parts, args);
        app.shell.add(page, 'main', { type: 'Jupyter Flow' });
        void tracker.add(page);
      }
      if (args.task_id) {
        page.selectTask(args.task_id, args.map_index);
      }
      if (args.line) {
        page.showLine(args.attempt ?? null, args.line);
      }
      if (args.tab) {
        page.showTab(args.tab);
      }
      app.shell.activateById(page.id);
    },
    localPath
  });

  addElsewhere(app, parts, { statusBar, sessions, settings: settingsRegistry }, panel, watch);
  addHome(app, parts, restorer, launcher);
  addOperations(app, parts, restorer);
  addFiles(app, parts, restorer);
  addOpenFileProblems(app, parts, localPath);
  addNotebookFiles(app, parts, new NotebookApi(send), browsers);
  addNotebookPlaces(app, parts, send, { rendermime, tools, completions });

  if (restorer) {
    restorer.add(sidebar, sidebar.id);
    void restorer.restore(tracker, {
      command: Commands.openRun,
      args: page => page.args,
      name: page => page.id
    });
  }
  if (palette) {
    const category = trans.__('Flow');
    paletteItems(trans).forEach(item => palette.addItem({ ...item, category }));
  }
  const linked = linkedPage(window.location.search);
  if (linked) {
    void app.restored.then(() => app.commands.execute(Commands.openRun, linked));
  }
  launcher?.add({ command: Commands.openPanel, category: trans.__('Other'), rank: 5 });
  return { actions: parts.actions };
}
