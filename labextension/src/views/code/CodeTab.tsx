import type { TranslationBundle } from '@jupyterlab/translation';
import type { DagVersion } from '../../client/codeApi';
import type { DagWithTasks } from '../../client/documents';
import type { CodeFile, CodeModel, FileChange, ShownCode } from '../../model/code/codeModel';
import { languageFile, readable } from '../../model/code/notebookText';
import { dateTime } from '../../model/shared/format';
import type { FlowActions } from '../../tokens';
import { Choice } from '../shared/Choice';
import { useModel, useTrans } from '../shared/hooks';
import { SourceView } from './SourceView';

interface Props {
  model: CodeModel;
  dag: DagWithTasks;
  isUnified: boolean;
  onUnified(isUnified: boolean): void;
  actions: FlowActions;
}

/** The source of the version that a run used, and what changed between two versions. */
export function CodeTab(props: Props): JSX.Element {
  const { model } = props;
  useModel(model);
  const trans = useTrans();
  const { error, value } = model.code;
  return (
    <div className="jp-flow-code-tab">
      <Tools {...props} />
      {error ? (
        <p className="jp-flow-message" role="alert">
          {error.message}
        </p>
      ) : value === null ? (
        <p className="jp-flow-faint">{trans.__('Loading …')}</p>
      ) : (
        <Source code={value} isUnified={props.isUnified} />
      )}
    </div>
  );
}

function Source({ code, isUnified }: { code: ShownCode; isUnified: boolean }): JSX.Element {
  const trans = useTrans();
  if (code.source === null || (code.against !== null && code.before === null)) {
    return <p className="jp-flow-message">{trans.__('%1 is no text.', code.file)}</p>;
  }
  return (
    <>
      {code.isSameFiles && code.against !== null ? (
        <p className="jp-flow-warning" role="note">
          {trans.__(
            'Both versions were made of the same files: what differs is what the DAG file read while it was parsed, such as variables or the installed packages.'
          )}
        </p>
      ) : null}
      {code.isCut ? (
        <p className="jp-flow-warning" role="note">
          {trans.__('The file is longer than what is shown.')}
        </p>
      ) : null}
      <SourceView
        file={languageFile(code.file)}
        source={readable(code.file, code.source)}
        before={code.before === null ? null : readable(code.file, code.before)}
        isUnified={isUnified}
        label={trans.__('%1 in version %2', code.file, String(code.number))}
        labelBefore={trans.__('%1 in version %2', code.file, String(code.against))}
      />
    </>
  );
}

function Tools({ model, dag, isUnified, onUnified, actions }: Props): JSX.Element {
  const trans = useTrans();
  const { number, against, earlier, list } = model;
  const code = model.code.value;
  const words = (item: DagVersion) => versionWords(item, dag, trans);
  const choose = (change: { number?: number; against?: number | null }) =>
    number === null ? undefined : model.show({ number, against, ...change });
  return (
    <div className="jp-flow-tools" role="toolbar" aria-label={trans.__('Which code')}>
      <label>
        {trans.__('Version')}{' '}
        <select
          aria-label={trans.__('Version')}
          className="jp-flow-input"
          value={number ?? ''}
          onChange={event => choose({ number: Number(event.target.value) })}
        >
          {list.map(item => (
            <option key={item.number} value={item.number}>
              {words(item)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('Compared with')}{' '}
        <Choice
          label={trans.__('Compared with')}
          className="jp-flow-input"
          value={against === null ? null : String(against)}
          any={trans.__('nothing')}
          options={list
            .filter(item => item.number !== number)
            .map(item => [String(item.number), words(item)])}
          onChange={chosen => choose({ against: chosen === null ? null : Number(chosen) })}
        />
      </label>
      {against === null && earlier !== null ? (
        <button className="jp-flow-button" onClick={() => choose({ against: earlier })}>
          {trans.__('What changed?')}
        </button>
      ) : null}
      {code && code.files.length > 1 ? (
        <label>
          {trans.__('File')}{' '}
          <select
            aria-label={trans.__('File')}
            className="jp-flow-input"
            value={code.file}
            onChange={event => model.showFile(event.target.value)}
          >
            {code.files.map(file => (
              <option key={file.path} value={file.path}>
                {fileWords(file, trans)}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      {against === null ? null : (
        <label className="jp-flow-inline-check">
          <input
            type="checkbox"
            checked={isUnified}
            onChange={event => onUnified(event.target.checked)}
          />
          {trans.__('One column')}
        </label>
      )}
      <span className="jp-flow-space" />
      <button
        className="jp-flow-link"
        title={trans.__('Open the file as it is now in the editor')}
        onClick={() => actions.openFile(`${dag.dag_folder}/${code?.file ?? dag.dag_file}`, null)}
      >
        {trans.__('Open file')}
      </button>
    </div>
  );
}

/** Number, how often it was used, and since when it is there. */
function versionWords(version: DagVersion, dag: DagWithTasks, trans: TranslationBundle): string {
  const words = [
    String(version.number),
    version.number === dag.version ? trans.__('latest') : '',
    trans._n('%1 run', '%1 runs', version.runs, String(version.runs)),
    dateTime(version.created_at, dag.schedule_timezone)
  ];
  return words.filter(Boolean).join(' · ');
}

function fileWords(file: CodeFile, trans: TranslationBundle): string {
  const words: Record<FileChange, string> = {
    same: '',
    changed: trans.__('changed'),
    added: trans.__('added'),
    removed: trans.__('removed')
  };
  return [file.path, words[file.change]].filter(Boolean).join(' · ');
}
