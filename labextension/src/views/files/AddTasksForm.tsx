import type { AddTasksModel } from '../../model/files/draftModel';
import { Choice } from '../shared/Choice';
import { useModel, useTrans } from '../shared/hooks';
import { DraftPreview } from './DraftPreview';

/** Notebooks as tasks of a DAG that there is: of which, and after which task. */
export function AddTasksForm({ model }: { model: AddTasksModel }): JSX.Element {
  useModel(model);
  const trans = useTrans();
  return (
    <div className="jp-flow-draft">
      <label>
        {trans.__('DAG')}
        <select
          className="jp-flow-input"
          aria-label={trans.__('DAG')}
          value={model.dagId}
          onChange={event => (model.dagId = event.target.value)}
        >
          {model.dagIds.map(dagId => (
            <option key={dagId} value={dagId}>
              {dagId}
            </option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('After the task')}
        <Choice
          label={trans.__('After the task')}
          className="jp-flow-input"
          value={model.after}
          any={trans.__('none: at once')}
          options={model.tasks.map(task => [task.task_id, task.task_id])}
          onChange={taskId => (model.after = taskId)}
        />
      </label>
      <DraftPreview model={model} />
    </div>
  );
}
