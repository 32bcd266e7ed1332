import type { NotebookUsesModel } from '../../model/notebook/notebookUses';
import type { LabIcon } from '@jupyterlab/ui-components';
import { useModel, useTrans } from '../shared/hooks';

/** The notebook's button in its toolbar, with how many DAGs it belongs to. */
export function UsesButton({
  model,
  icon,
  onMenu
}: {
  model: NotebookUsesModel;
  icon: LabIcon;
  onMenu: (x: number, y: number) => void;
}): JSX.Element {
  const trans = useTrans();
  useModel(model);
  const count = model.dags.length;
  const words = count
    ? trans._n('Belongs to %1 DAG', 'Belongs to %1 DAGs', count)
    : trans.__('Run as task, schedule …');
  return (
    <button
      className="jp-flow-uses jp-ToolbarButtonComponent jp-mod-minimal"
      title={words}
      aria-label={trans.__('Jupyter Flow: %1', words)}
      aria-haspopup="menu"
      onClick={event => {
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        onMenu(left, bottom);
      }}
    >
      <icon.react tag="span" elementSize="normal" />
      <span className="jp-flow-uses-word">{trans.__('Flow')}</span>
      {count ? <span className="jp-flow-uses-count">{count}</span> : null}
    </button>
  );
}
