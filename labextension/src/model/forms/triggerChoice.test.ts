import { describe, expect, it } from 'vitest';
import { dag, run } from '../../testing/fakes';
import { TriggerChoice } from './triggerChoice';

const DAG = dag('mini', {
  params: {
    rows: { default: 10, schema: { type: 'integer' }, description: null },
    name: { default: 'a', schema: {}, description: null }
  }
});
const RUNS = [
  run('r4'),
  run('r3', { conf: { rows: 30 } }),
  run('r2', { conf: { rows: 20, name: 'b' } }),
  run('r1', { conf: { rows: 30 } })
];

describe('values before a run', () => {
  it('are the defaults, of which nothing is sent', () => {
    expect(new TriggerChoice(DAG).body()).toEqual({ conf: {} });
    expect(new TriggerChoice({ ...DAG, is_paused: true }).body()).toEqual({
      conf: {},
      unpause: true
    });
  });

  it('can be those of an earlier run: the newest of each kind is offered', () => {
    const choice = new TriggerChoice(DAG, RUNS);
    expect(choice.earlier.map(item => item.run_id)).toEqual(['r3', 'r2']);
    choice.setLike('r2');
    expect(choice.body()).toEqual({ conf: { rows: 20, name: 'b' } });
    choice.setLike('r3');
    expect(choice.formData).toEqual({ rows: 30, name: 'a' });
    choice.setLike(null);
    expect(choice.body()).toEqual({ conf: {} });
  });

  it('can be typed as JSON, and go from the form to it and back', () => {
    const choice = new TriggerChoice(DAG, RUNS);
    choice.setFormData({ rows: 12, name: 'a' }, true);
    choice.useJson();
    expect(JSON.parse(choice.json ?? '')).toEqual({ rows: 12, name: 'a' });
    choice.json = '{"rows": 13}';
    expect(choice.jsonProblem).toBeNull();
    expect(choice.body()).toEqual({ conf: { rows: 13 } });
    choice.useForm();
    expect(choice.formData).toEqual({ rows: 13 });
    choice.useJson();
    choice.setLike('r2');
    expect(JSON.parse(choice.json)).toEqual({ rows: 20, name: 'b' });
  });

  it.each(['{"rows": ', '[1]', 'null', '3', ''])('are not %j', text => {
    const choice = new TriggerChoice(DAG);
    choice.json = text;
    expect(choice.jsonProblem).not.toBeNull();
    expect(() => choice.body()).toThrow();
    choice.useForm();
    expect(choice.body()).toEqual({ conf: {} });
  });
});
