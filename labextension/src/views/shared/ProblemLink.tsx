import type { ImportProblem } from '../../client/documents';
import type { FlowActions } from '../../tokens';
import { StateMark } from './StateMark';

/** A DAG file that does not load: file and line as a link into the editor, and why. */
export function ProblemLink({
  problem,
  actions
}: {
  problem: ImportProblem;
  actions: FlowActions;
}): JSX.Element {
  const path = problem.folder ? `${problem.folder}/${problem.file}` : problem.file;
  return (
    <>
      <div className="jp-flow-attention-head">
        <StateMark state={problem.kind === 'error' ? 'failed' : 'upstream_failed'} bare />
        <button
          className="jp-flow-link"
          title={problem.traceback ?? problem.message}
          onClick={() => actions.openFile(path, problem.line)}
        >
          {problem.file}
          {problem.line === null ? '' : `:${problem.line}`}
        </button>
      </div>
      <div className="jp-flow-cause jp-flow-problem-text" title={problem.message}>
        {problem.message}
      </div>
    </>
  );
}
