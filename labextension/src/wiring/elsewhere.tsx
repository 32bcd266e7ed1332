/** The other places of JupyterLab: status bar, list of running sessions, notifications, settings. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { IRunningSessionManagers, IRunningSessions } from '@jupyterlab/running';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { IStatusBar } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { RunningRun } from '../client/documents';
import type { EndedRun, RunWatch, Wanted } from '../model/elsewhere/runWatch';
import { StatusModel } from '../model/elsewhere/statusModel';
import { LOOKS } from '../model/shared/states';
import type { SidebarModel } from '../model/sidebar/sidebarModel';
import { Commands } from '../tokens';
import type { FlowActions } from '../tokens';
import { StatusItem } from '../views/elsewhere/StatusItem';
import { flowIcon } from './icons';
import { FlowWidget } from './pages';
import type { Parts } from './pages';

const PLUGIN = 'jupyterlab-flow:plugin';
const SHOWN = 15_000;

export interface Places {
  statusBar: IStatusBar | null;
  sessions: IRunningSessionManagers | null;
  settings: ISettingRegistry | null;
}

export function addElsewhere(
  app: JupyterFrontEnd,
  parts: Parts,
  places: Places,
  sidebar: SidebarModel,
  watch: RunWatch
): void {
  const { api, front, stream, actions, trans } = parts;
  const model = new StatusModel(stream, api, front);
  if (places.statusBar) {
    const open = () => void app.commands.execute(Commands.openPanel);
    const item = new FlowWidget(model, trans, () => <StatusItem model={model} onOpen={open} />);
    item.addClass('jp-flow-status-item');
    places.statusBar.registerStatusItem('jupyter-flow:status', { item, align: 'left', rank: 90 });
  }
  places.sessions?.add(runningManager(model, actions, trans));
  watch.ended.connect((_, run) => notify(run, actions, trans));
  void places.settings?.load(PLUGIN).then(settings => {
    const read = () => {
      watch.wanted = settings.composite['notifications'] as Wanted;
      sidebar.hidesPaused = settings.composite['hidePaused'] as boolean;
    };
    read();
    settings.changed.connect(read);
  });
}

function notify(run: EndedRun, actions: FlowActions, trans: TranslationBundle): void {
  const words = trans.__('%1: %2', run.dag_id, trans.__(LOOKS[run.state].label));
  const type = run.state === 'success' ? 'success' : run.state === 'failed' ? 'error' : 'warning';
  Notification.emit(words, type, {
    autoClose: SHOWN,
    actions: [
      {
        label: trans.__('Open'),
        caption: run.run_id,
        callback: () => actions.openRun(run.dag_id, run.run_id)
      }
    ]
  });
}

function runningManager(
  model: StatusModel,
  actions: FlowActions,
  trans: TranslationBundle
): IRunningSessions.IManager {
  const changed = new Signal<object, void>(model);
  model.running.changed.connect(() => changed.emit());
  const runs = () => model.running.value?.runs ?? [];
  return {
    name: trans.__('DAG runs'),
    supportsMultipleViews: false,
    running: () => runs().map(run => runningItem(run, actions, trans)),
    refreshRunning: () => model.running.touch(),
    shutdownAll: () => runs().forEach(run => actions.cancelRun(run.dag_id, run.run_id)),
    runningChanged: changed,
    shutdownLabel: trans.__('Cancel'),
    shutdownAllLabel: trans.__('Cancel All'),
    shutdownAllConfirmationText: trans.__('Are you sure you want to cancel all DAG runs?')
  };
}

function runningItem(
  run: RunningRun,
  actions: FlowActions,
  trans: TranslationBundle
): IRunningSessions.IRunningItem {
  return {
    open: () => actions.openRun(run.dag_id, run.run_id),
    shutdown: () => actions.cancelRun(run.dag_id, run.run_id),
    icon: () => flowIcon,
    label: () => run.dag_display_name,
    labelTitle: () => run.run_id,
    detail: () => trans.__('%1 of %2 tasks', run.ended, run.total)
  };
}
