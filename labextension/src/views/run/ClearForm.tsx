import { useEffect, useRef, useState } from 'react';
import type { ClearWish, ToClear } from '../../client/runApi';
import type { AnyState } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';

interface Props {
  first: ClearWish;
  preview(wish: ClearWish): Promise<ToClear[]>;
  onChange(wish: ClearWish): void;
}

/** What goes with a task that runs again, and the list of what that is. */
export function ClearForm({ first, preview, onChange }: Props): JSX.Element {
  const trans = useTrans();
  const [wish, setWish] = useState(first);
  const words: [keyof ClearWish, string][] = [
    ['downstream', trans.__('what comes after it')],
    ['upstream', trans.__('what comes before it')],
    ['past', trans.__('in earlier runs')],
    ['future', trans.__('in later runs')],
    ['only_failed', trans.__('only what failed')]
  ];
  return (
    <div className="jp-flow jp-flow-clear">
      <fieldset>
        <legend>{trans.__('With it')}</legend>
        {words.map(([name, label]) => (
          <label key={name}>
            <input
              type="checkbox"
              name={name}
              checked={wish[name]}
              onChange={event => {
                const changed = { ...wish, [name]: event.target.checked };
                setWish(changed);
                onChange(changed);
              }}
            />
            {label}
          </label>
        ))}
      </fieldset>
      <ClearList key={JSON.stringify(wish)} fetch={() => preview(wish)} />
    </div>
  );
}

/** The tasks that would run again, with the state that each has now. */
export function ClearList({ fetch }: { fetch(): Promise<ToClear[]> }): JSX.Element {
  const trans = useTrans();
  const [tasks, setTasks] = useState<ToClear[] | null>(null);
  const [refusal, setRefusal] = useState('');
  const ask = useRef(fetch);
  useEffect(() => {
    let isCurrent = true;
    ask.current().then(
      found => isCurrent && setTasks(found),
      (error: unknown) =>
        isCurrent && setRefusal(error instanceof Error ? error.message : String(error))
    );
    return () => {
      isCurrent = false;
    };
  }, []);
  if (tasks === null) {
    return <p className="jp-flow-faint">{refusal || trans.__('Loading …')}</p>;
  }
  const runs = new Set(tasks.map(task => task.run_id)).size;
  return (
    <div className="jp-flow jp-flow-clear">
      <p role="status" data-count={tasks.length}>
        {runs > 1
          ? trans.__('%1 tasks in %2 runs will run again:', tasks.length, runs)
          : trans.__('%1 tasks will run again:', tasks.length)}
      </p>
      <ul className="jp-flow-clear-list" tabIndex={0} aria-label={trans.__('Tasks')}>
        {tasks.map(task => (
          <li key={`${task.run_id}/${task.task_id}/${task.map_index}`} title={task.run_id}>
            <StateMark state={task.state as AnyState} bare /> {task.task_id}
            {task.map_index >= 0 ? `[${task.map_index}]` : ''}{' '}
            {runs > 1 ? <span className="jp-flow-faint">{task.run_id}</span> : null}
          </li>
        ))}
      </ul>
      <p className="jp-flow-faint">
        {trans.__('The latest version of the DAG and its notebooks will be used.')}
      </p>
    </div>
  );
}
