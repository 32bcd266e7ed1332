import { useState } from 'react';
import type { DagFileVersion } from '../../client/filesApi';
import { languageFile, readable } from '../../model/code/notebookText';
import { size } from '../../model/run/samples';
import { dateTime } from '../../model/shared/format';
import type { FileDetails as Details, FilesModel } from '../../model/files/filesModel';
import type { FlowActions } from '../../tokens';
import { SourceView } from '../code/SourceView';
import { Facts } from '../shared/Facts';
import { useTrans } from '../shared/hooks';
import { ProblemLink } from '../shared/ProblemLink';

interface Props {
  model: FilesModel;
  actions: FlowActions;
}

/** One DAG file: its problems, what can be done with it, its text now and earlier. */
export function FileDetails({ model, actions }: Props): JSX.Element {
  const trans = useTrans();
  const { place, file, known } = model;
  if (place === null) {
    return <></>;
  }
  return (
    <aside className="jp-flow-aside jp-flow-file" aria-label={trans.__('File %1', place.name)}>
      <div className="jp-flow-aside-part">
        <h2>{place.name}</h2>
        {file ? (
          <Facts
            className="jp-flow-aside-facts"
            rows={[
              [trans.__('Folder'), file.folder],
              [trans.__('Size'), size(file.size)],
              [trans.__('Loaded'), dateTime(file.parsed_at)]
            ]}
          />
        ) : (
          <p className="jp-flow-faint">
            {known?.now
              ? trans.__('It has not been loaded yet.')
              : trans.__('There is no such file.')}
          </p>
        )}
        <ul aria-label={trans.__('Problems of %1', place.name)}>
          {(file ? model.problemsOf(file) : []).map((problem, at) => (
            <li key={at}>
              <ProblemLink problem={problem} actions={actions} />
            </li>
          ))}
        </ul>
        <Acts model={model} actions={actions} />
      </div>
      {known ? (
        <Texts model={model} known={known} />
      ) : (
        <p className="jp-flow-faint" role={model.details.error ? 'alert' : 'status'}>
          {model.details.error?.message ?? trans.__('Loading …')}
        </p>
      )}
    </aside>
  );
}

function Acts({ model, actions }: Props): JSX.Element {
  const trans = useTrans();
  const [isAsked, setAsked] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { place, known, file } = model;
  const folder = known?.now?.folder ?? file?.folder;
  if (place === null || folder === undefined) {
    return <></>;
  }
  const remove = async () => {
    try {
      await model.remove({ folder, name: place.name });
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      {failure ? (
        <p className="jp-flow-warning" role="alert">
          {failure}
        </p>
      ) : null}
      {isAsked ? (
        <div role="alertdialog" aria-label={trans.__('Delete %1?', place.name)}>
          <p className="jp-flow-warning">
            {trans.__(
              'The file will be deleted and its DAGs are scheduled no more. Their runs stay, and texts that have run can be restored.'
            )}
          </p>
          <div className="jp-flow-actions">
            <button className="jp-flow-button jp-mod-warn" onClick={() => void remove()}>
              {trans.__('Delete')}
            </button>
            <button className="jp-flow-button" autoFocus onClick={() => setAsked(false)}>
              {trans.__('Keep')}
            </button>
          </div>
        </div>
      ) : (
        <div className="jp-flow-actions">
          <button
            className="jp-flow-button"
            onClick={() => actions.openFile(`${folder}/${place.name}`, null)}
          >
            {trans.__('Open in editor')}
          </button>
          <button className="jp-flow-button" onClick={() => setAsked(true)}>
            {trans.__('Delete …')}
          </button>
        </div>
      )}
    </>
  );
}

function Texts({ model, known }: { model: FilesModel; known: Details }): JSX.Element {
  const trans = useTrans();
  const [isCompared, setCompared] = useState(true);
  const { now, versions, earlier, place } = known;
  const shown = earlier ?? now;
  const words = (version: DagFileVersion) => {
    const dags = version.dags.map(dag => `${dag.dag_id} ${dag.version}`).join(', ');
    const isNow = version.sha256 === now?.sha256 ? trans.__('as it is now') : '';
    return [dateTime(version.created_at), dags, isNow].filter(Boolean).join(' · ');
  };
  const before = isCompared && earlier && now ? readable(place.name, earlier.text) : null;
  return (
    <div className="jp-flow-aside-part jp-flow-file-texts">
      <div className="jp-flow-file-tools">
        <select
          className="jp-flow-input"
          aria-label={trans.__('Text of %1', place.name)}
          value={model.bundle ?? ''}
          onChange={event => model.look(event.target.value || null)}
        >
          <option value="">{trans.__('As it is now')}</option>
          {versions.map(version => (
            <option key={version.bundle} value={version.bundle}>
              {words(version)}
            </option>
          ))}
        </select>
        {earlier ? (
          <>
            <label className="jp-flow-inline-check">
              <input
                type="checkbox"
                checked={isCompared}
                onChange={event => setCompared(event.target.checked)}
              />
              {trans.__('What has changed since')}
            </label>
            <button
              className="jp-flow-button"
              onClick={() => void model.propose(place, earlier.text)}
            >
              {trans.__('Restore …')}
            </button>
          </>
        ) : null}
      </div>
      {shown ? (
        <SourceView
          file={languageFile(place.name)}
          source={readable(place.name, before === null ? shown.text : (now?.text ?? ''))}
          before={before}
          isUnified
          label={trans.__('Text of %1', place.name)}
          labelBefore={trans.__('Earlier text of %1', place.name)}
        />
      ) : (
        <p className="jp-flow-faint">{trans.__('There is no such file.')}</p>
      )}
    </div>
  );
}
