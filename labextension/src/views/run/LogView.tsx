import { jupyterTheme } from '@jupyterlab/codemirror';
import { search, searchKeymap } from '@codemirror/search';
import { EditorState, StateEffect, StateField } from '@codemirror/state';
import type { Range } from '@codemirror/state';
import {
  Decoration,
  EditorView,
  highlightSpecialChars,
  keymap,
  lineNumbers
} from '@codemirror/view';
import type { DecorationSet } from '@codemirror/view';
import { useEffect, useRef, useState } from 'react';
import type { LogMessage } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { toChunk } from '../../model/run/logText';
import type { TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';

interface Props {
  stream: EventStream;
  taskKey: TaskKey;
  attempt: number;
}

interface Addition {
  marks: Range<Decoration>[];
  times: string[];
}

const addition = StateEffect.define<Addition>();

const marksField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(addition)) {
        marks = marks.update({ add: effect.value.marks });
      }
    }
    return marks;
  },
  provide: field => EditorView.decorations.from(field)
});

/** The log of one attempt, live: read-only text with find, copy and colours; the tail follows if it is in view. */
export function LogView({ stream, taskKey, attempt }: Props): JSX.Element {
  const trans = useTrans();
  const room = useRef<HTMLDivElement>(null);
  const [state, setState] = useState<'waiting' | 'following' | 'complete'>('waiting');
  const [isEmpty, setEmpty] = useState(true);
  const { dag_id, run_id, task_id, map_index } = taskKey;
  useEffect(() => {
    if (!room.current) {
      return;
    }
    setState('waiting');
    setEmpty(true);
    const times: string[] = [];
    const view = newEditor(room.current, times, trans.__('Log'));
    const stop = stream.follow({
      key: { dag_id, run_id, task_id, map_index },
      attempt,
      after: 0,
      onLines: (message: LogMessage) => {
        if (message.lines.length > 0) {
          append(view, message, times);
          setEmpty(false);
        }
        setState(message.complete ? 'complete' : 'following');
      }
    });
    return () => {
      stop();
      view.destroy();
    };
  }, [stream, dag_id, run_id, task_id, map_index, attempt, trans]);
  const words = {
    waiting: trans.__('waiting for the log …'),
    following: trans.__('live'),
    complete: isEmpty ? trans.__('the log is empty') : trans.__('complete')
  };
  return (
    <div className="jp-flow-log">
      <div className="jp-flow-log-state" role="status" data-log={state}>
        {words[state]}
      </div>
      <div className="jp-flow-log-room" ref={room} />
    </div>
  );
}

function newEditor(parent: HTMLElement, times: string[], label: string): EditorView {
  return new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        EditorState.readOnly.of(true),
        EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
        EditorView.editable.of(false),
        EditorView.lineWrapping,
        highlightSpecialChars(),
        lineNumbers({ formatNumber: line => times[line - 1] ?? '' }),
        search({ top: true }),
        keymap.of(searchKeymap),
        jupyterTheme,
        marksField
      ]
    })
  });
}

function append(view: EditorView, message: LogMessage, times: string[]): void {
  const end = view.state.doc.length;
  const chunk = toChunk(message.lines, end);
  times.push(...chunk.times);
  const marks = chunk.marks.map(mark =>
    Decoration.mark({ class: mark.classes }).range(mark.from, mark.to)
  );
  const { scrollTop, scrollHeight, clientHeight } = view.scrollDOM;
  const wasAtEnd = end > 0 && scrollTop + clientHeight >= scrollHeight - 30;
  view.dispatch({
    changes: { from: end, insert: chunk.text },
    effects: addition.of({ marks, times: chunk.times })
  });
  if (wasAtEnd) {
    view.dispatch({ effects: EditorView.scrollIntoView(view.state.doc.length) });
  }
}
