/** What the user fills in before a run: held outside of the dialog, so that it can be asked for at the end. */
import type { Dag, Run, TriggerBody } from '../../client/documents';
import { describeForm, toConf } from './paramsForm';

type Values = Record<string, unknown>;

export class TriggerChoice {
  /** `runs`: earlier ones, newest first, whose values can be taken over. */
  constructor(
    private readonly dag: Dag,
    runs: readonly Run[] = []
  ) {
    const form = describeForm(dag.params);
    this.schema = form.schema;
    this.defaults = form.formData;
    this.formData = form.formData;
    this.unpause = dag.is_paused;
    this.earlier = distinct(runs);
  }

  readonly schema: Record<string, unknown>;
  /** Runs that were started with other values than the defaults: of several with the same ones the newest. */
  readonly earlier: readonly Run[];
  formData: Values;
  unpause: boolean;
  isValid = true;
  /** Which run the values were taken from. */
  like: string | null = null;
  /** Values as they are typed; null while the form is used. */
  json: string | null = null;

  setFormData(formData: Values, isValid: boolean): void {
    this.formData = formData;
    this.isValid = isValid;
  }

  /** Take over the values of an earlier run; null: the defaults. */
  setLike(runId: string | null): void {
    const run = this.earlier.find(candidate => candidate.run_id === runId);
    this.like = run?.run_id ?? null;
    this.formData = { ...this.defaults, ...run?.conf };
    this.json = this.json === null ? null : pretty(this.formData);
  }

  useJson(): void {
    this.json = pretty(this.formData);
  }

  /** Go back to the form with what was typed; what is no JSON object is left behind. */
  useForm(): void {
    if (this.jsonProblem === null && this.json !== null) {
      this.formData = JSON.parse(this.json) as Values;
    }
    this.json = null;
  }

  /** What is wrong with the typed JSON, in the parser's words. */
  get jsonProblem(): string | null {
    if (this.json === null) {
      return null;
    }
    try {
      const value: unknown = JSON.parse(this.json);
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      return isObject ? null : '{"name": value, …}';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** What a run is to get that differs from the defaults. Throws what `jsonProblem` says. */
  conf(): Values {
    const problem = this.jsonProblem;
    if (problem !== null) {
      throw new Error(problem);
    }
    const values = this.json === null ? this.formData : (JSON.parse(this.json) as Values);
    return toConf(this.dag.params, values);
  }

  /** Throws what `jsonProblem` says. */
  body(): TriggerBody {
    const conf = this.conf();
    return this.unpause ? { conf, unpause: true } : { conf };
  }

  private readonly defaults: Values;
}

function pretty(values: Values): string {
  return JSON.stringify(values, null, 2);
}

function distinct(runs: readonly Run[]): Run[] {
  const byConf = new Map<string, Run>();
  for (const run of runs) {
    const conf = JSON.stringify(run.conf);
    if (conf !== '{}' && !byConf.has(conf)) {
      byConf.set(conf, run);
    }
  }
  return [...byConf.values()];
}
