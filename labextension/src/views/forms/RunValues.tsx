import { FormComponent } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { RJSFSchema, ValidatorType } from '@rjsf/utils';
import ajv from '@rjsf/validator-ajv8';
import { useId } from 'react';
import type { DagWithTasks } from '../../client/documents';
import type { TriggerChoice } from '../../model/forms/triggerChoice';
import { dateTime } from '../../model/shared/format';
import { Choice } from '../shared/Choice';
import { useTrans } from '../shared/hooks';
import { Tabs } from '../shared/Tabs';

const validator = ajv as unknown as ValidatorType<ReadonlyJSONObject>;
const UI = { 'ui:options': { label: false }, 'ui:submitButtonOptions': { norender: true } };

interface Props {
  dag: DagWithTasks;
  choice: TriggerChoice;
  /** Writes into the choice and draws again. */
  change(write: () => void): void;
}

/** The values of a run's params: those of an earlier run, a form, or JSON. */
export function RunValues({ dag, choice, change }: Props): JSX.Element {
  const trans = useTrans();
  const hasParams = Object.keys(dag.params).length > 0;
  const isForm = choice.json === null;
  return (
    <>
      {choice.earlier.length > 0 ? (
        <label className="jp-flow-trigger-like">
          {trans.__('Values')}{' '}
          <Choice
            label={trans.__('Values')}
            className="jp-flow-input"
            value={choice.like}
            any={trans.__('the defaults')}
            options={choice.earlier.map(run => [
              run.run_id,
              trans.__(
                'like the run of %1: %2',
                dateTime(run.start_date ?? run.queued_at, dag.schedule_timezone),
                short(run.conf)
              )
            ])}
            onChange={runId => change(() => choice.setLike(runId))}
          />
        </label>
      ) : null}
      {hasParams ? (
        <Tabs
          label={trans.__('How to give the values')}
          items={[
            { id: 'form', label: trans.__('Form') },
            { id: 'json', label: trans.__('JSON') }
          ]}
          selected={isForm ? 'form' : 'json'}
          onSelect={tab => change(() => (tab === 'json' ? choice.useJson() : choice.useForm()))}
        >
          {isForm ? (
            <FormComponent
              key={choice.like ?? ''}
              schema={choice.schema as RJSFSchema}
              uiSchema={UI}
              validator={validator}
              formData={choice.formData as ReadonlyJSONObject}
              liveValidate
              showErrorList={false}
              onChange={form => {
                const data = (form.formData ?? {}) as Record<string, unknown>;
                change(() => choice.setFormData(data, form.errors.length === 0));
              }}
            />
          ) : (
            <JsonField choice={choice} onChange={text => change(() => (choice.json = text))} />
          )}
        </Tabs>
      ) : (
        <p>{trans.__('This DAG takes no params.')}</p>
      )}
    </>
  );
}

function JsonField({
  choice,
  onChange
}: {
  choice: TriggerChoice;
  onChange(text: string): void;
}): JSX.Element {
  const trans = useTrans();
  const problem = choice.jsonProblem;
  const id = useId();
  return (
    <>
      <textarea
        className="jp-flow-input jp-flow-trigger-json"
        aria-label={trans.__('Values as JSON')}
        aria-invalid={problem !== null}
        aria-describedby={id}
        rows={8}
        spellCheck={false}
        value={choice.json ?? ''}
        onChange={event => onChange(event.target.value)}
      />
      <p id={id} role="status" className={problem ? 'jp-flow-warning' : 'jp-flow-faint'}>
        {problem
          ? trans.__('This is no JSON object: %1', problem)
          : trans.__('One value for each param; what is left out keeps its default.')}
      </p>
    </>
  );
}

function short(conf: Record<string, unknown>): string {
  const text = JSON.stringify(conf);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
