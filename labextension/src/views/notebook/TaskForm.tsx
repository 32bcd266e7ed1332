import { useEffect, useId, useState } from 'react';
import { magicLine, optionOf } from '../../model/notebook/taskLine';
import type { Magic, MagicLine } from '../../model/notebook/taskLine';
import { useTrans } from '../shared/hooks';

interface Field {
  name: string;
  label: string;
  /** What may stand in it; '' always may. */
  pattern?: RegExp;
  choices?: string[];
  hint?: string;
}

const WHOLE = /^\d+$/;
const SECONDS = /^\d+(\.\d+)?$/;
const RULES = [
  ...['all_success', 'all_failed', 'all_done', 'all_skipped', 'one_failed', 'one_success'],
  ...['one_done', 'none_failed', 'none_failed_min_one_success', 'none_skipped', 'always']
];

function fields(magic: Magic, trans: ReturnType<typeof useTrans>): Field[] {
  const retries = [
    { name: 'retries', label: trans.__('Retries'), pattern: WHOLE },
    { name: 'retry-delay', label: trans.__('Seconds between tries'), pattern: SECONDS }
  ];
  if (magic === 'dag') {
    return [
      { name: 'schedule', label: trans.__('Schedule'), hint: '0 2 * * *' },
      { name: 'start-date', label: trans.__('Start date'), hint: '2026-01-01' },
      { name: 'timezone', label: trans.__('Time zone'), hint: 'Europe/Berlin' },
      { name: 'description', label: trans.__('Description') },
      { name: 'tags', label: trans.__('Tags'), hint: 'a,b' },
      ...retries,
      { name: 'max-active-runs', label: trans.__('Runs at once'), pattern: WHOLE }
    ];
  }
  return [
    { name: 'after', label: trans.__('Depends on'), hint: trans.__('ids, with commas between') },
    ...retries,
    { name: 'timeout', label: trans.__('Timeout in seconds'), pattern: SECONDS },
    { name: 'trigger-rule', label: trans.__('Trigger rule'), choices: RULES },
    { name: 'inputs', label: trans.__('Inputs'), hint: 'x,y' },
    { name: 'outputs', label: trans.__('Outputs'), hint: 'z' },
    { name: 'pool', label: trans.__('Pool') },
    { name: 'description', label: trans.__('Description') }
  ];
}

/** The options on the line of a `%%task` or `%%dag` cell. Each is written back by itself; all else stays. */
export function TaskForm({
  source,
  onSet
}: {
  /** The active cell, null where there is none. */
  source: string | null;
  onSet: (name: string, value: string) => void;
}): JSX.Element {
  const trans = useTrans();
  const line = source === null ? null : magicLine(source);
  if (line === null) {
    return (
      <p className="jp-flow-faint">
        {trans.__('Select a cell that begins with %1 or %2.', '%%task', '%%dag')}
      </p>
    );
  }
  const heading = `%%${line.magic} ${line.id}`;
  if (line.problem !== null || line.id === '') {
    const words = line.problem ?? trans.__('it has no id');
    return (
      <p className="jp-flow-message" role="alert">
        {trans.__('The line cannot be read: %1', words)}
      </p>
    );
  }
  return (
    <form
      className="jp-flow-task-form"
      aria-label={heading}
      onSubmit={event => event.preventDefault()}
    >
      <code>{heading}</code>
      {fields(line.magic, trans).map(field => (
        <Option key={`${line.id}/${field.name}`} field={field} line={line} onSet={onSet} />
      ))}
    </form>
  );
}

function Option({
  field,
  line,
  onSet
}: {
  field: Field;
  line: MagicLine;
  onSet: (name: string, value: string) => void;
}): JSX.Element {
  const trans = useTrans();
  const id = useId();
  const written = optionOf(line, field.name) ?? '';
  const [text, setText] = useState(written);
  useEffect(() => setText(written), [written]);
  const isFine = text === '' || !field.pattern || field.pattern.test(text);
  const commit = (value: string) => {
    if (value !== written && (value === '' || !field.pattern || field.pattern.test(value))) {
      onSet(field.name, value);
    }
  };
  const shared = { id, name: field.name, className: 'jp-mod-styled' };
  return (
    <div className="jp-flow-task-option">
      <label htmlFor={id}>{field.label}</label>
      {field.choices ? (
        <select {...shared} value={text} onChange={event => commit(event.target.value)}>
          <option value="">{trans.__('as the DAG says')}</option>
          {[...new Set([...field.choices, ...(text ? [text] : [])])].map(choice => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          value={text}
          placeholder={field.hint}
          aria-invalid={!isFine}
          onChange={event => setText(event.target.value)}
          onBlur={() => commit(text.trim())}
          onKeyDown={event => event.key === 'Enter' && commit(text.trim())}
        />
      )}
      {isFine ? null : <span role="alert">{trans.__('a number is needed')}</span>}
    </div>
  );
}
