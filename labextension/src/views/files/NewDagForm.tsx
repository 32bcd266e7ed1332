import { PathExt } from '@jupyterlab/coreutils';
import type { NewDagModel } from '../../model/files/draftModel';
import { useModel, useTrans } from '../shared/hooks';
import { DraftPreview } from './DraftPreview';

const PRESETS = ['', '@hourly', '@daily', '@weekly', '@monthly'];

/** A new DAG that runs notebooks: in which order, under which id, and when. */
export function NewDagForm({ model }: { model: NewDagModel }): JSX.Element {
  useModel(model);
  const trans = useTrans();
  const { paths, schedule } = model;
  const isPreset = PRESETS.includes(schedule);
  const names: Record<string, string> = {
    '': trans.__('only when somebody runs it'),
    '@hourly': trans.__('every hour'),
    '@daily': trans.__('every day'),
    '@weekly': trans.__('every week'),
    '@monthly': trans.__('every month')
  };
  return (
    <div className="jp-flow-draft">
      {paths.length > 1 ? <Order model={model} /> : null}
      <label>
        {trans.__('Id of the DAG')}
        <input
          className="jp-flow-input"
          value={model.dagId ?? model.draft.value?.dag_id ?? ''}
          spellCheck={false}
          onChange={event => (model.dagId = event.target.value)}
        />
      </label>
      <label>
        {trans.__('Runs')}
        <select
          className="jp-flow-input"
          aria-label={trans.__('Runs')}
          value={isPreset ? schedule : 'cron'}
          onChange={event =>
            (model.schedule = event.target.value === 'cron' ? '0 6 * * *' : event.target.value)
          }
        >
          {PRESETS.map(preset => (
            <option key={preset} value={preset}>
              {names[preset]}
            </option>
          ))}
          <option value="cron">{trans.__('as a cron expression says …')}</option>
        </select>
      </label>
      {isPreset ? null : (
        <label>
          {trans.__('Cron expression')}
          <input
            className="jp-flow-input"
            value={schedule}
            spellCheck={false}
            onChange={event => (model.schedule = event.target.value)}
          />
        </label>
      )}
      <DraftPreview model={model} />
    </div>
  );
}

function Order({ model }: { model: NewDagModel }): JSX.Element {
  const trans = useTrans();
  const { paths } = model;
  return (
    <>
      <ol className="jp-flow-draft-order" aria-label={trans.__('Order of the notebooks')}>
        {paths.map((path, at) => {
          const name = PathExt.basename(path);
          return (
            <li key={path}>
              <span title={path}>{name}</span>
              <button
                className="jp-flow-button"
                aria-label={trans.__('Earlier: %1', name)}
                disabled={at === 0}
                onClick={() => model.move(at, at - 1)}
              >
                ↑
              </button>
              <button
                className="jp-flow-button"
                aria-label={trans.__('Later: %1', name)}
                disabled={at === paths.length - 1}
                onClick={() => model.move(at, at + 1)}
              >
                ↓
              </button>
            </li>
          );
        })}
      </ol>
      <label className="jp-flow-inline-check">
        <input
          type="checkbox"
          checked={model.isChain}
          onChange={event => (model.isChain = event.target.checked)}
        />
        {trans.__('Each waits for the one before it')}
      </label>
    </>
  );
}
