import { useRef } from 'react';
import type { DagFile } from '../../client/filesApi';
import { dateTime, relative } from '../../model/shared/format';
import type { FilesModel } from '../../model/files/filesModel';
import type { FlowActions } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { VirtualTable } from '../shared/VirtualTable';
import type { Column } from '../shared/VirtualTable';
import { CandidateCard } from './CandidateCard';
import { FileDetails } from './FileDetails';

interface Props {
  model: FilesModel;
  actions: FlowActions;
}

/** The files that define DAGs: whether they load, what is new, what stood in them earlier. */
export function FilesPage({ model, actions }: Props): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const now = useNow(30);
  const { files } = model;
  return (
    <div className="jp-flow-page jp-flow-files">
      <div className="jp-flow-head">
        <h1>{trans.__('DAG files')}</h1>
        <span className="jp-flow-faint">{files.value?.folders.join(', ')}</span>
      </div>
      <Tools model={model} />
      {model.candidates.map(candidate => (
        <CandidateCard key={candidate.place.name} candidate={candidate} model={model} />
      ))}
      <div className="jp-flow-split">
        <div className="jp-flow-files-list">
          {files.value === null ? (
            <p className="jp-flow-faint" role={files.error ? 'alert' : 'status'}>
              {files.error?.message ?? trans.__('Loading …')}
            </p>
          ) : (
            <VirtualTable
              label={trans.__('DAG files')}
              rows={model.shown}
              rowKey={file => `${file.folder}/${file.name}`}
              isSelected={file => file === model.file}
              empty={
                files.value.files.length === 0
                  ? trans.__('There are no DAG files yet: upload one, or make one in the folder.')
                  : trans.__('No file is like that.')
              }
              columns={columns(model, actions, now, trans.__.bind(trans))}
            />
          )}
        </div>
        {model.place ? (
          <FileDetails key={model.place.name} model={model} actions={actions} />
        ) : null}
      </div>
    </div>
  );
}

function Tools({ model }: { model: FilesModel }): JSX.Element {
  const trans = useTrans();
  const input = useRef<HTMLInputElement>(null);
  const upload = async (chosen: FileList | null) => {
    for (const file of chosen ?? []) {
      void model.propose({ folder: null, name: file.name }, await file.text());
    }
    if (input.current) {
      input.current.value = ''; // so that the same file can be chosen again
    }
  };
  return (
    <div className="jp-flow-tools" role="toolbar" aria-label={trans.__('DAG files')}>
      <input
        type="search"
        className="jp-flow-input"
        aria-label={trans.__('Search files')}
        placeholder={trans.__('Search file or DAG')}
        value={model.search}
        onChange={event => (model.search = event.target.value)}
      />
      <label className="jp-flow-inline-check">
        <input
          type="checkbox"
          checked={model.onlyTroubled}
          onChange={event => (model.onlyTroubled = event.target.checked)}
        />
        {trans.__('Only with problems')}
      </label>
      <span className="jp-flow-space" />
      <input
        ref={input}
        type="file"
        multiple
        accept=".py,.ipynb"
        hidden
        data-upload
        onChange={event => void upload(event.target.files)}
      />
      <button
        className="jp-flow-button"
        title={trans.__('.py files and DAG notebooks: they are loaded before they go live')}
        onClick={() => input.current?.click()}
      >
        {trans.__('Upload …')}
      </button>
      <button
        className="jp-flow-button"
        title={trans.__('Look at all files in the DAG folders now')}
        onClick={() => void model.reload()}
      >
        {trans.__('Load again')}
      </button>
    </div>
  );
}

type Words = (text: string, ...args: string[]) => string;

function columns(
  model: FilesModel,
  actions: FlowActions,
  now: number,
  __: Words
): Column<DagFile>[] {
  return [
    {
      key: 'name',
      title: __('File'),
      width: '3fr',
      order: file => file.name,
      cell: file => (
        <button
          className="jp-flow-link"
          title={`${file.folder}/${file.name}`}
          onClick={() => model.select({ folder: file.folder, name: file.name })}
        >
          {file.name}
        </button>
      )
    },
    {
      key: 'state',
      title: __('State'),
      width: '130px',
      order: file => -file.errors * 1000 - file.warnings,
      cell: file => <FileState file={file} />
    },
    {
      key: 'dags',
      title: __('DAGs'),
      width: '3fr',
      cell: file =>
        file.dags.map(dag => (
          <button
            key={dag.dag_id}
            className="jp-flow-link jp-flow-gap"
            onClick={() => actions.openDag(dag.dag_id)}
          >
            {dag.dag_id}
          </button>
        ))
    },
    {
      key: 'parsed',
      title: __('Loaded'),
      width: '110px',
      order: file => file.parsed_at,
      cell: file => (
        <span title={dateTime(file.parsed_at)}>
          {relative(file.parsed_at, Math.max(now, Date.parse(file.parsed_at)))}
        </span>
      )
    }
  ];
}

/** Whether a file loads, as shape, colour and words. */
export function FileState({ file }: { file: DagFile }): JSX.Element {
  const trans = useTrans();
  const { errors, warnings } = file;
  const [state, words] =
    errors > 0
      ? (['failed', trans._n('%1 error', '%1 errors', errors, String(errors))] as const)
      : warnings > 0
        ? ([
            'upstream_failed',
            trans._n('%1 warning', '%1 warnings', warnings, String(warnings))
          ] as const)
        : (['success', trans.__('loads')] as const);
  return (
    <span data-file-state={state}>
      <StateMark state={state} bare /> {words}
    </span>
  );
}
