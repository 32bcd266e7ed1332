/** What the user fills in before a run: held outside of the dialog, so that it can be asked for at the end. */
import type { Dag, TriggerBody } from '../../client/documents';
import { describeForm, toConf } from './paramsForm';

export class TriggerChoice {
  constructor(private readonly dag: Dag) {
    const form = describeForm(dag.params);
    this.schema = form.schema;
    this.formData = form.formData;
    this.unpause = dag.is_paused;
  }

  readonly schema: Record<string, unknown>;
  formData: Record<string, unknown>;
  unpause: boolean;
  isValid = true;

  setFormData(formData: Record<string, unknown>, isValid: boolean): void {
    this.formData = formData;
    this.isValid = isValid;
  }

  body(): TriggerBody {
    const conf = toConf(this.dag.params, this.formData);
    return this.unpause ? { conf, unpause: true } : { conf };
  }
}
