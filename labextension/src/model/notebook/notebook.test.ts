import { describe, expect, it } from 'vitest';
import { completionsAt, taskIds } from './completions';
import { quoted, shellWords } from './shellWords';
import { applied, magicLine, optionOf, setOption } from './taskLine';
import lines from './taskLines.json';

describe('words of a line', () => {
  it.each([
    ['a  b', ['a', 'b']],
    [`'a b'"c d"e`, ['a bc de']],
    [String.raw`a\ b "\$\"\\" '\n'`, ['a b', String.raw`\$"\ `.trim(), String.raw`\n`]],
    [`''`, ['']],
    [`a 'b`, null],
    ['a \\', null]
  ])('%j are %j', (line, words) => {
    expect(shellWords(line)?.map(word => word.text) ?? null).toEqual(words);
  });

  it('come back from their quotes', () => {
    for (const text of ['', 'a', "it's", '"', '\\', '$x `y`', 'a,b', 'zoë', ' ']) {
      expect(shellWords(quoted(text))?.map(word => word.text)).toEqual([text]);
    }
  });
});

describe('the line of a %%task cell', () => {
  it.each(lines)('$line: $set', ({ line, set, then }) => {
    const [name = '', value = ''] = set;
    const source = `\n  %%task ${line}\nx = 1\n`;
    expect(applied(source, setOption(source, name, value))).toBe(`\n  %%task ${then}\nx = 1\n`);
    const changed = `%%task ${then}\nbody`;
    expect(setOption(changed, name, value), 'what is so already is not written again').toBeNull();
    expect(optionOf(magicLine(changed)!, name) ?? '').toBe(value);
  });

  it('is left alone when it cannot be read', () => {
    for (const line of ['load --retires 2', "load --owner 'x", 'load --owner', 'a b', '']) {
      expect(setOption(`%%task ${line}`, 'retries', '3')).toBeNull();
    }
    expect(magicLine('%%task load --retires 2')?.problem).toContain('--retires');
    expect(magicLine('%%tasks load')).toBeNull();
    expect(magicLine('x = 1\n%%task load')).toBeNull();
    expect(magicLine('%%dag nightly --catchup --schedule @daily')).toMatchObject({
      id: 'nightly',
      problem: null
    });
  });
});

describe('completions', () => {
  const others = [
    '%%dag d\nBashOperator(task_id="made")',
    '%%task load',
    '%%task fit.model',
    'x = 1'
  ];
  const at = (source: string, known: string[] = []) =>
    completionsAt(source.replace('|', ''), source.indexOf('|'), others, known)?.items ?? null;

  it('know the ids of a notebook', () => {
    expect(taskIds(others)).toEqual(['made', 'load', 'fit.model']);
  });

  it.each<[string, string[] | null]>([
    ['%%task report --after |', ['fit.model', 'load', 'made']],
    ['%%task report --after lo|', ['load']],
    ['%%task report --after load,fi| --retries 2', ['fit.model']],
    ['%%task report --after load,|', ['fit.model', 'made']],
    ['%%task load --after=l|', null],
    ['%%task report after=m|', ['made']],
    ['%%task report --retries |', null],
    ['%%task report\nx = after=|', null],
    ['print(1) --after |', null],
    ['%%dag d\na = BashOperator(1)\nb = task(2)\na >> |', ['a', 'b']],
    ['%%dag d\nab = BashOperator(1)\nb = task(2)\nb >> [b, a|]', ['ab']]
  ])('%j', (source, items) => {
    expect(at(source)).toEqual(items);
  });

  it('replace what was begun, and know the tasks of the house', () => {
    const source = '%%task report --after st';
    expect(completionsAt(source, source.length, [], ['stored'])).toEqual({
      start: source.length - 2,
      end: source.length,
      items: ['stored']
    });
  });
});
