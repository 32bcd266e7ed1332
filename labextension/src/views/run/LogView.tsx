import { useEffect, useRef, useState } from 'react';
import type { LogMessage } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { LEVELS } from '../../model/run/logRows';
import type { Level } from '../../model/run/logRows';
import type { LogOptions } from '../../model/run/logOptions';
import type { Options } from '../../model/shared/options';
import type { FlowActions, TaskKey } from '../../tokens';
import { useModel, useTrans } from '../shared/hooks';
import { LogEditor } from './logEditor';
import { saveText } from './saveText';

interface Props {
  stream: EventStream;
  taskKey: TaskKey;
  attempt: number;
  options: Options<LogOptions>;
  /** The line that a link names; a new object each time one is followed. */
  goal: { seq: number } | null;
  actions: FlowActions;
}

type Progress = 'waiting' | 'following' | 'complete';

/** The log of one attempt, live: read-only text with find, copy and colours; the tail follows if it is in view. */
export function LogView(props: Props): JSX.Element {
  const { stream, taskKey, attempt, options, goal, actions } = props;
  useModel(options);
  const trans = useTrans();
  const room = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<LogEditor | null>(null);
  const [progress, setProgress] = useState<Progress>('waiting');
  const [count, setCount] = useState(0);
  const [chosen, setChosen] = useState<number | null>(null);
  const [said, setSaid] = useState('');
  const look = options.value;
  const firstLook = useRef(look);
  const { dag_id, run_id, task_id, map_index } = taskKey;
  useEffect(() => {
    if (!room.current) {
      return;
    }
    setProgress('waiting');
    setCount(0);
    setChosen(null);
    const created = new LogEditor(room.current, trans.__('Log'), firstLook.current, setChosen);
    setEditor(created);
    const stop = stream.follow({
      key: { dag_id, run_id, task_id, map_index },
      attempt,
      after: 0,
      onLines: (message: LogMessage) => {
        if (message.lines.length > 0) {
          created.add(message.lines);
          setCount(created.count);
        }
        setProgress(message.complete ? 'complete' : 'following');
      }
    });
    return () => {
      stop();
      created.destroy();
    };
  }, [stream, dag_id, run_id, task_id, map_index, attempt, trans]);
  useEffect(() => {
    firstLook.current = look;
    editor?.setLook(look);
  }, [editor, look]);
  useEffect(() => {
    if (goal !== null) {
      editor?.goTo(goal.seq);
    }
  }, [editor, goal]);
  const words = {
    waiting: trans.__('waiting for the log …'),
    following: trans.__('live'),
    complete: count === 0 ? trans.__('the log is empty') : trans.__('complete')
  };
  const name = [task_id, map_index < 0 ? '' : map_index, `try-${attempt}`].filter(
    part => part !== ''
  );
  return (
    <div className="jp-flow-log" data-rows={count}>
      <div className="jp-flow-log-bar" role="toolbar" aria-label={trans.__('Log')}>
        <span className="jp-flow-log-state" role="status" data-log={progress}>
          {words[progress]}
        </span>
        <span className="jp-flow-faint">{trans.__('%1 lines', count.toLocaleString())}</span>
        <LevelChoice level={look.level} onLevel={level => options.set({ level })} />
        <Check
          label={trans.__('Times')}
          isOn={look.hasTimes}
          onChange={hasTimes => options.set({ hasTimes })}
        />
        <Check
          label={trans.__('Wrap')}
          isOn={look.isWrapped}
          onChange={isWrapped => options.set({ isWrapped })}
        />
        <span className="jp-flow-space" />
        <span className="jp-flow-faint" role="status">
          {said}
        </span>
        {chosen === null ? null : (
          <Act
            words={trans.__('Link to line %1', String(chosen))}
            onAct={() => {
              actions.copyLogLink(taskKey, attempt, chosen);
              setSaid(trans.__('Link copied'));
            }}
          />
        )}
        <Act words={trans.__('Find')} onAct={() => editor?.find()} />
        <Act words={trans.__('First')} onAct={() => editor?.toTop()} />
        <Act words={trans.__('Last')} onAct={() => editor?.toEnd()} />
        <Act
          words={trans.__('Copy all')}
          onAct={() => {
            actions.copyText(editor?.text() ?? '');
            setSaid(trans.__('Copied'));
          }}
        />
        <Act
          words={trans.__('Download')}
          onAct={() => saveText(editor?.text() ?? '', `${name.join('-')}.log`)}
        />
      </div>
      <div className="jp-flow-log-room" ref={room} />
    </div>
  );
}

function Act({ words, onAct }: { words: string; onAct(): void }): JSX.Element {
  return (
    <button className="jp-flow-link" onClick={onAct}>
      {words}
    </button>
  );
}

interface CheckProps {
  label: string;
  isOn: boolean;
  onChange(isOn: boolean): void;
}

function Check({ label, isOn, onChange }: CheckProps): JSX.Element {
  return (
    <label className="jp-flow-small-check">
      <input type="checkbox" checked={isOn} onChange={event => onChange(event.target.checked)} />
      {label}
    </label>
  );
}

function LevelChoice({ level, onLevel }: { level: Level; onLevel(level: Level): void }) {
  const trans = useTrans();
  const words: Record<Level, string> = {
    debug: trans.__('all levels'),
    info: trans.__('info and above'),
    warning: trans.__('warnings and errors'),
    error: trans.__('errors')
  };
  return (
    <select
      aria-label={trans.__('Level')}
      value={level}
      onChange={event => onLevel(event.target.value as Level)}
    >
      {LEVELS.map(item => (
        <option key={item} value={item}>
          {words[item]}
        </option>
      ))}
    </select>
  );
}
