import { useState } from 'react';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { HostMark, useHost } from '../shared/Host';
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
  const [box, setBox] = useState<HTMLDivElement | null>(null);
  return (
    <div className="jp-flow-sidebar" ref={setBox}>
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
  const { state, words } = useHost(model);
  return (
    <div className="jp-flow-host-line">
      <HostMark className="jp-flow-host" state={state}>
        {words}
      </HostMark>
      <nav className="jp-flow-places" aria-label={trans.__('Pages')}>
        <button className="jp-flow-link" onClick={() => actions.openHome()}>
          {trans.__('Home')}
        </button>
        <button className="jp-flow-link" onClick={() => actions.openOperations()}>
          {trans.__('Operations')}
        </button>
        <button className="jp-flow-link" onClick={() => actions.openFiles()}>
          {trans.__('DAG files')}
        </button>
      </nav>
    </div>
  );
}
