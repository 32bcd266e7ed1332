import { FormComponent } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { RJSFSchema, ValidatorType } from '@rjsf/utils';
import ajv from '@rjsf/validator-ajv8';
import { useState } from 'react';
import type { DagWithTasks } from '../../client/documents';
import type { TriggerChoice } from '../../model/forms/triggerChoice';
import { useTrans } from '../shared/hooks';

const validator = ajv as unknown as ValidatorType<ReadonlyJSONObject>;
const UI = { 'ui:options': { label: false }, 'ui:submitButtonOptions': { norender: true } };

/** Params of a run as a form; the choice is written through at every change. */
export function TriggerForm({
  dag,
  choice
}: {
  dag: DagWithTasks;
  choice: TriggerChoice;
}): JSX.Element {
  const trans = useTrans();
  const [formData, setFormData] = useState(choice.formData as ReadonlyJSONObject);
  const [unpause, setUnpause] = useState(choice.unpause);
  const hasParams = Object.keys(dag.params).length > 0;
  return (
    <div className="jp-flow-trigger">
      {hasParams ? (
        <FormComponent
          schema={choice.schema as RJSFSchema}
          uiSchema={UI}
          validator={validator}
          formData={formData}
          liveValidate
          showErrorList={false}
          onChange={change => {
            const data = (change.formData ?? {}) as ReadonlyJSONObject;
            setFormData(data);
            choice.setFormData(data as Record<string, unknown>, change.errors.length === 0);
          }}
        />
      ) : (
        <p>{trans.__('This DAG takes no params.')}</p>
      )}
      {dag.is_paused ? (
        <label className="jp-flow-check">
          <input
            type="checkbox"
            checked={unpause}
            onChange={event => {
              setUnpause(event.target.checked);
              choice.unpause = event.target.checked;
            }}
          />
          {trans.__('The DAG is paused: unpause it, so that the run starts')}
        </label>
      ) : null}
    </div>
  );
}
