import type { DagPageModel, DagTab } from '../../model/dag/dagPageModel';
import type { LayoutService } from '../../model/dag/layoutService';
import type { FlowActions } from '../../tokens';
import { BackfillsTab } from '../backfills/BackfillsTab';
import { CalendarTab } from '../calendar/CalendarTab';
import { CodeTab } from '../code/CodeTab';
import { CompareTab } from '../compare/CompareTab';
import { GridTab } from '../grid/GridTab';
import { RunsTab } from '../runs/RunsTab';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { Tabs } from '../shared/Tabs';
import type { TabItem } from '../shared/Tabs';
import { PauseSwitch } from '../sidebar/PauseSwitch';
import { GraphTab } from './GraphTab';
import { Overview } from './Overview';

interface Props {
  model: DagPageModel;
  layouts: LayoutService;
  actions: FlowActions;
}

export function DagPage({ model, layouts, actions }: Props): JSX.Element {
  useModel(model.dag);
  useModel(model.options);
  const trans = useTrans();
  const now = useNow(model.dag.runs.some(run => run.end_date === null) ? 1 : 30);
  const dag = model.dag.dag.value;
  if (dag === null || !model.options.isReady) {
    const words = model.dag.dag.error?.message ?? trans.__('Loading …');
    return <p className="jp-flow-message">{words}</p>;
  }
  const tabs: TabItem<DagTab>[] = [
    { id: 'graph', label: trans.__('Graph') },
    { id: 'grid', label: trans.__('Grid') },
    { id: 'runs', label: trans.__('Runs') },
    ...(model.options.value.compared.length > 0 || model.tab === 'compare'
      ? [{ id: 'compare' as const, label: trans.__('Compare') }]
      : []),
    { id: 'calendar', label: trans.__('Calendar') },
    { id: 'backfills', label: trans.__('Backfills') },
    { id: 'code', label: trans.__('Code') },
    { id: 'overview', label: trans.__('Overview') }
  ];
  const draw: Record<DagTab, () => JSX.Element> = {
    graph: () => (
      <GraphTab model={model.dag} dag={dag} layouts={layouts} now={now} actions={actions} />
    ),
    grid: () => <GridTab model={model} dag={dag} actions={actions} />,
    runs: () => <RunsTab model={model.runs} dag={dag} actions={actions} />,
    compare: () => (
      <CompareTab
        model={model.compare}
        dag={dag}
        onlyDifferent={model.options.value.onlyDifferent}
        onOnlyDifferent={onlyDifferent => model.options.set({ onlyDifferent })}
        onRuns={compared => model.options.set({ compared })}
        actions={actions}
      />
    ),
    calendar: () => <CalendarTab model={model.calendar} dag={dag} actions={actions} />,
    backfills: () => (
      <BackfillsTab model={model.backfills} dag={dag} runs={model.dag.runs} actions={actions} />
    ),
    code: () => (
      <CodeTab
        model={model.code}
        dag={dag}
        isUnified={model.options.value.isUnified}
        onUnified={isUnified => model.options.set({ isUnified })}
        actions={actions}
      />
    ),
    overview: () => (
      <Overview model={model.dag} trends={model.trends} dag={dag} now={now} actions={actions} />
    )
  };
  return (
    <div className="jp-flow-page jp-flow-dag-page" data-dag-id={dag.dag_id}>
      <header className="jp-flow-head">
        <h1>
          {dag.dag_display_name}
          {dag.dag_display_name === dag.dag_id ? null : (
            <span className="jp-flow-run-id"> {dag.dag_id}</span>
          )}
        </h1>
        {dag.is_paused ? <span className="jp-flow-badge">{trans.__('paused')}</span> : null}
        <span className="jp-flow-space" />
        <PauseSwitch dag={dag} actions={actions} />
        <button
          className="jp-flow-button jp-mod-accept"
          onClick={() => actions.trigger(dag.dag_id)}
        >
          {trans.__('Run …')}
        </button>
      </header>
      {dag.description ? <p className="jp-flow-description">{dag.description}</p> : null}
      {dag.warnings.map(warning => (
        <p key={warning} className="jp-flow-warning" role="note">
          {warning}
        </p>
      ))}
      <Tabs
        label={trans.__('Views of %1', dag.dag_id)}
        items={tabs}
        selected={model.tab}
        onSelect={tab => model.options.set({ tab })}
      >
        {draw[model.tab]()}
      </Tabs>
    </div>
  );
}
