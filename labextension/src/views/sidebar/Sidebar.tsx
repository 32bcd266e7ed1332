import { InputGroup } from '@jupyterlab/ui-components';
import type { ImportProblem } from '../../client/documents';
import type { SidebarModel } from '../../model/sidebar/sidebarModel';
import type { FlowActions } from '../../tokens';
import { Banner } from './Banner';
import { DagRow } from './DagRow';
import { useModel, useNow, useTrans } from '../shared/hooks';

interface Props {
  model: SidebarModel;
  actions: FlowActions;
}

export function Sidebar({ model, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const dags = model.dags.value;
  const isBusy = dags?.some(dag => dag.recent_runs.some(run => run.end_date === null)) ?? false;
  const now = useNow(isBusy ? 5 : 30);
  const errors = (model.problems.value ?? []).filter(problem => problem.kind === 'error');
  const shown = model.shownDags();
  return (
    <div className="jp-flow-sidebar">
      <HostLine model={model} />
      <Banner model={model} />
      {errors.length > 0 ? <Problems problems={errors} actions={actions} /> : null}
      <section className="jp-flow-section" aria-label={trans.__('DAGs')}>
        <h2 className="jp-flow-title">
          {trans.__('DAGs')} {dags ? <span className="jp-flow-count">{dags.length}</span> : null}
        </h2>
        {dags && dags.length > 0 ? (
          <InputGroup
            type="search"
            className="jp-flow-search"
            rightIcon="ui-components:search"
            aria-label={trans.__('Search DAGs')}
            placeholder={trans.__('Search id, tag, owner')}
            value={model.search}
            onChange={event => {
              model.search = event.target.value;
            }}
          />
        ) : null}
        {model.dags.error ? (
          <p className="jp-flow-message" role="alert">
            {model.dags.error.message}
          </p>
        ) : null}
        {dags === null && !model.dags.error ? (
          <p className="jp-flow-faint">{trans.__('Loading …')}</p>
        ) : null}
        {dags?.length === 0 ? (
          <p className="jp-flow-message">
            {trans.__('No DAGs yet: put a .py file or notebook with a DAG into the folder "dags".')}
          </p>
        ) : null}
        {dags && dags.length > 0 && shown.length === 0 ? (
          <p className="jp-flow-faint">{trans.__('Nothing found.')}</p>
        ) : null}
        <ul className="jp-flow-dags">
          {shown.map(dag => (
            <DagRow key={dag.dag_id} dag={dag} now={now} actions={actions} />
          ))}
        </ul>
      </section>
    </div>
  );
}

function HostLine({ model }: { model: SidebarModel }): JSX.Element {
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
    <div className="jp-flow-host" data-host={state}>
      <span className="jp-flow-host-dot" aria-hidden="true" />
      <span>{words[state]}</span>
    </div>
  );
}

function Problems({
  problems,
  actions
}: {
  problems: ImportProblem[];
  actions: FlowActions;
}): JSX.Element {
  const trans = useTrans();
  return (
    <section className="jp-flow-section jp-flow-problems" aria-label={trans.__('Import errors')}>
      <h2 className="jp-flow-title">
        {trans.__('Import errors')} <span className="jp-flow-count">{problems.length}</span>
      </h2>
      <ul>
        {problems.map(problem => (
          <li key={`${problem.folder}/${problem.file}:${problem.line}:${problem.message}`}>
            <button
              className="jp-flow-link"
              title={problem.traceback ?? problem.message}
              onClick={() => actions.openFile(filePath(problem), problem.line)}
            >
              {problem.file}
              {problem.line === null ? '' : `:${problem.line}`}
            </button>
            <div className="jp-flow-problem-text">{problem.message}</div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function filePath(problem: ImportProblem): string {
  return problem.folder ? `${problem.folder}/${problem.file}` : problem.file;
}
