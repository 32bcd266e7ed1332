import type { ImportProblem } from '../../client/documents';
import { languageFile, readable } from '../../model/code/notebookText';
import type { Candidate } from '../../model/files/candidate';
import type { FilesModel } from '../../model/files/filesModel';
import { SourceView } from '../code/SourceView';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  candidate: Candidate;
  model: FilesModel;
}

/** A text that may go live: what it would make, what is wrong with it, and what it would change. */
export function CandidateCard({ candidate, model }: Props): JSX.Element {
  const trans = useTrans();
  const { place, state, verdict, current, refusal } = candidate;
  const { name } = place;
  return (
    <section
      className="jp-flow-card jp-flow-candidate"
      aria-label={trans.__('New text of %1', name)}
      data-candidate={state}
    >
      <h2>{current ? trans.__('A new text for %1', name) : trans.__('New file %1', name)}</h2>
      <p role="status">
        <Judgement candidate={candidate} />
      </p>
      {refusal ? (
        <p className="jp-flow-warning" role="alert">
          {refusal}
        </p>
      ) : null}
      <ul>
        {verdict?.problems.map((problem, at) => (
          <li key={at}>
            <Problem problem={problem} text={candidate.text} />
          </li>
        ))}
      </ul>
      {current && !candidate.isSame ? (
        <div className="jp-flow-file-source">
          <SourceView
            file={languageFile(name)}
            source={readable(name, candidate.text)}
            before={readable(name, current.text)}
            isUnified
            label={trans.__('New text of %1', name)}
            labelBefore={trans.__('%1 as it is now', name)}
          />
        </div>
      ) : null}
      <div className="jp-flow-actions">
        {state === 'good' || state === 'saving' ? (
          <button
            className="jp-flow-button jp-mod-accept"
            disabled={state === 'saving'}
            onClick={() => void model.putLive(candidate)}
          >
            {trans.__('Put live')}
          </button>
        ) : null}
        {state === 'bad' ? (
          <button className="jp-flow-button" onClick={() => void candidate.check()}>
            {trans.__('Check again')}
          </button>
        ) : null}
        <button className="jp-flow-button" onClick={() => model.discard(candidate)}>
          {trans.__('Discard')}
        </button>
      </div>
    </section>
  );
}

function Judgement({ candidate }: { candidate: Candidate }): JSX.Element {
  const trans = useTrans();
  const dags = candidate.verdict?.dag_ids ?? [];
  switch (candidate.state) {
    case 'checking':
      return <span className="jp-flow-faint">{trans.__('It is being loaded …')}</span>;
    case 'bad':
      return (
        <>
          <StateMark state="failed" bare /> {trans.__('It does not go live as it is.')}
        </>
      );
    default:
      return (
        <>
          <StateMark state="success" bare />{' '}
          {dags.length > 0
            ? trans.__('It loads and defines %1.', dags.join(', '))
            : trans.__('It loads and defines no DAG.')}
          {candidate.isSame ? ` ${trans.__('It is what stands there already.')}` : ''}
        </>
      );
  }
}

/** What is wrong, with the line: the file is not there to be opened. */
function Problem({ problem, text }: { problem: ImportProblem; text: string }): JSX.Element {
  const trans = useTrans();
  const { line } = problem;
  const isNotebook = problem.file.endsWith('.ipynb');
  const source = line === null || isNotebook ? undefined : text.split('\n')[line - 1];
  return (
    <>
      <div className="jp-flow-attention-head">
        <StateMark state={problem.kind === 'error' ? 'failed' : 'upstream_failed'} bare />
        <strong>
          {line === null ? problem.file : trans.__('%1, line %2', problem.file, line)}
        </strong>
      </div>
      <div className="jp-flow-problem-text" title={problem.traceback ?? undefined}>
        {problem.message}
      </div>
      {source ? <pre className="jp-flow-problem-line">{source.trim()}</pre> : null}
    </>
  );
}
