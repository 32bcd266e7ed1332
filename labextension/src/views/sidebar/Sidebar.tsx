import { useRef } from 'react';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { Attention } from './Attention';
import { DagList } from './DagList';
import { Running } from './Running';

interface Props {
  model: SidebarModel;
  actions: FlowActions;
}

export function Sidebar({ model, actions }: Props): JSX.Element {
  useModel(model);
  const isBusy = (model.running.value?.runs.length ?? 0) > 0;
  const now = useNow(isBusy ? 1 : 30);
  const box = useRef<HTMLDivElement>(null);
  return (
    <div className="jp-flow-sidebar" ref={box}>
      <div>
        <HostLine model={model} actions={actions} />
        <Attention model={model} now={now} actions={actions} />
        <Running model={model} now={now} actions={actions} />
        <DagList model={model} now={now} actions={actions} box={box} />
      </div>
    </div>
  );
}

function HostLine({ model, actions }: Props): JSX.Element {
  const trans = useTrans();
  const health = model.health.value;
  const state = !model.isConnected ? 'connecting' : (health?.state ?? 'connecting');
  const words: Record<string, string> = {
    connecting: trans.__('connecting …'),
    healthy: trans.__('Scheduler is running'),
    degraded: trans.__('Scheduler needs attention'),
    stopped: trans.__('Scheduler is stopped')
  };
  return (
    <div className="jp-flow-host-line">
      <div className="jp-flow-host" data-host={state}>
        <span className="jp-flow-host-dot" aria-hidden="true" />
        <span>{words[state]}</span>
      </div>
      <nav className="jp-flow-places" aria-label={trans.__('Pages')}>
        <button className="jp-flow-link" onClick={() => actions.openHome()}>
          {trans.__('Home')}
        </button>
        <button className="jp-flow-link" onClick={() => actions.openOperations()}>
          {trans.__('Operations')}
        </button>
      </nav>
    </div>
  );
}
