import { dateTime, relative } from '../../model/shared/format';
import { OPERATION_PAGES } from '../../model/operations/operationsModel';
import type { OperationPage, OperationsModel } from '../../model/operations/operationsModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { Tabs } from '../shared/Tabs';
import { VirtualTable } from '../shared/VirtualTable';
import { assetColumns, poolColumns, problemColumns, slaColumns } from './columns';

interface Props {
  model: OperationsModel;
  actions: FlowActions;
}

/** Pools, missed SLAs, import errors and assets as tables. */
export function Operations({ model, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const names: Record<OperationPage, string> = {
    pools: trans.__('Pools'),
    slas: trans.__('SLA misses'),
    'import-errors': trans.__('Import errors'),
    assets: trans.__('Assets')
  };
  return (
    <div className="jp-flow-page jp-flow-operations">
      <div className="jp-flow-head">
        <h1>{trans.__('Operations')}</h1>
      </div>
      <Tabs
        label={trans.__('Operations')}
        items={OPERATION_PAGES.map(id => ({ id, label: names[id] }))}
        selected={model.page}
        onSelect={page => {
          model.page = page;
        }}
      >
        <div className="jp-flow-op-panel">
          <Panel key={model.page} model={model} actions={actions} label={names[model.page]} />
        </div>
      </Tabs>
    </div>
  );
}

function Panel({ model, actions, label }: Props & { label: string }): JSX.Element {
  const trans = useTrans();
  const now = useNow(30);
  const held = {
    pools: model.pools,
    slas: model.slas,
    'import-errors': model.problems,
    assets: model.assets
  }[model.page];
  if (held.value === null) {
    return (
      <p className="jp-flow-faint" role={held.error ? 'alert' : 'status'}>
        {held.error?.message ?? trans.__('Loading …')}
      </p>
    );
  }
  const when = (instant: string | null) => (
    <span title={dateTime(instant)}>{relative(instant, now)}</span>
  );
  switch (model.page) {
    case 'pools':
      return (
        <VirtualTable
          label={label}
          rows={model.pools.value ?? []}
          rowKey={pool => pool.name}
          empty={trans.__('There are no pools.')}
          columns={poolColumns(trans.__.bind(trans))}
        />
      );
    case 'slas':
      return (
        <VirtualTable
          label={label}
          rows={model.slas.value?.slas ?? []}
          rowKey={sla => `${sla.dag_id}/${sla.run_id}/${sla.task_id}`}
          empty={trans.__('No SLA was missed.')}
          onEnd={() => model.showOlderSlas()}
          columns={slaColumns(model, actions, when, trans.__.bind(trans))}
        />
      );
    case 'import-errors':
      return (
        <VirtualTable
          label={label}
          rows={model.problems.value ?? []}
          rowKey={problem => `${problem.file}:${problem.line}:${problem.message}`}
          empty={trans.__('All DAG files load.')}
          columns={problemColumns(actions, trans.__.bind(trans))}
        />
      );
    case 'assets':
      return (
        <VirtualTable
          label={label}
          rows={model.assets.value ?? []}
          rowKey={asset => asset.name}
          empty={trans.__('No DAG names an asset.')}
          columns={assetColumns(actions, when, trans.__.bind(trans))}
        />
      );
  }
}
