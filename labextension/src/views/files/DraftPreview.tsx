import { languageFile } from '../../model/code/notebookText';
import type { DraftModel } from '../../model/files/draftModel';
import { SourceView } from '../code/SourceView';
import { useModel, useTrans } from '../shared/hooks';

/** The DAG file that would be written, or what would change in it, and what is wrong with that. */
export function DraftPreview({ model }: { model: DraftModel }): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const draft = model.draft.value;
  return (
    <>
      {draft ? (
        <>
          <p className="jp-flow-faint jp-flow-draft-place" role="status">
            {draft.folder}/{draft.name}
          </p>
          <div className="jp-flow-file-source">
            <SourceView
              file={languageFile(draft.name)}
              source={draft.text}
              before={draft.before}
              isUnified
              isBare
              label={trans.__('Text of %1', draft.name)}
              labelBefore={trans.__('%1 as it is now', draft.name)}
            />
          </div>
        </>
      ) : null}
      {model.problem ? (
        <p className="jp-flow-warning" role="alert">
          {model.problem}
        </p>
      ) : null}
      {model.verdict?.problems.map((problem, at) => (
        <p key={at} className="jp-flow-warning" role="alert">
          {problem.line === null
            ? problem.message
            : trans.__('Line %1: %2', problem.line, problem.message)}
        </p>
      ))}
    </>
  );
}
