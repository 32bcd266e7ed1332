/** From a DAG's params to one JSON schema, and from a form's data to a run's conf. */
import type { Param } from '../../client/documents';

export interface FormDescription {
  schema: Record<string, unknown>;
  formData: Record<string, unknown>;
}

const TYPE_OF: Record<string, string> = { string: 'string', number: 'number', boolean: 'boolean' };

export function describeForm(params: Record<string, Param>): FormDescription {
  const properties: Record<string, unknown> = {};
  const formData: Record<string, unknown> = {};
  const required: string[] = [];
  for (const [name, param] of Object.entries(params)) {
    const schema = { ...(param.schema ?? {}) };
    if (schema['type'] === undefined && schema['enum'] === undefined) {
      const type = guess(param.default);
      if (type !== undefined) {
        schema['type'] = type;
      }
    }
    properties[name] = {
      title: name,
      ...(param.description ? { description: param.description } : {}),
      ...schema
    };
    if (param.default === undefined || param.default === null) {
      const types = [schema['type']].flat();
      if (types[0] !== undefined && !types.includes('null')) {
        required.push(name);
      }
    } else {
      formData[name] = param.default;
    }
  }
  return { schema: { type: 'object', properties, required }, formData };
}

/** Only what differs from the defaults: a run's conf says what was asked, not what is anyway. */
export function toConf(
  params: Record<string, Param>,
  formData: Record<string, unknown>
): Record<string, unknown> {
  const conf: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(formData)) {
    const isDefault = JSON.stringify(value) === JSON.stringify(params[name]?.default);
    if (value !== undefined && !isDefault) {
      conf[name] = value;
    }
  }
  return conf;
}

function guess(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    return 'array';
  }
  if (typeof value === 'number' && Number.isInteger(value)) {
    return 'number';
  }
  return (
    TYPE_OF[typeof value] ?? (value !== null && typeof value === 'object' ? 'object' : undefined)
  );
}
