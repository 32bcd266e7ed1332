import { useEffect, useMemo, useRef } from 'react';
import type { FlowApi } from '../../client/api';
import type { RunApi } from '../../client/runApi';
import type { EventStream } from '../../events/eventStream';
import { progressOf } from '../../model/run/liveNotebook';
import { NotebookModel } from '../../model/run/notebookModel';
import { duration } from '../../model/shared/format';
import type { TaskKey } from '../../tokens';
import { useModel, useNow, useTrans } from '../shared/hooks';
import { NotebookCell } from './NotebookCell';

interface Props {
  stream: EventStream;
  api: FlowApi;
  runApi: RunApi;
  taskKey: TaskKey;
  attempt: number;
  isOver: boolean;
  onOpen(): void;
}

/** The executed notebook of one attempt: it fills in while the attempt runs. */
export function NotebookView(props: Props): JSX.Element {
  const { stream, api, runApi, taskKey, attempt, isOver } = props;
  const { dag_id, run_id, task_id, map_index } = taskKey;
  const model = useMemo(
    () => new NotebookModel(stream, api, runApi, { dag_id, run_id, task_id, map_index }, attempt),
    [stream, api, runApi, dag_id, run_id, task_id, map_index, attempt]
  );
  const wasOver = useRef(isOver);
  useEffect(() => {
    model.open(wasOver.current);
    return () => model.dispose();
  }, [model]);
  useModel(model);
  return <Shown model={model} onOpen={props.onOpen} />;
}

function Shown({ model, onOpen }: { model: NotebookModel; onOpen(): void }): JSX.Element {
  const trans = useTrans();
  const now = useNow(model.isLive ? 1 : 0);
  const room = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const { cells } = model;
  const usually = model.usual?.cells ?? [];
  const progress = cells === null ? null : progressOf(cells, usually, now);
  const isThere = cells !== null;
  const at = model.isLive ? (progress?.running?.index ?? null) : model.failingCell;
  useEffect(() => {
    const list = room.current?.firstElementChild;
    if (at === null || !list) {
      return;
    }
    let frame = 0;
    const show = () => {
      if (isFollowing.current) {
        const cell = list.querySelector(`[data-cell="${at}"]`);
        cell?.scrollIntoView({ block: model.isLive ? 'nearest' : 'center' });
      }
    };
    // outputs are drawn later, and push the cell away from where it was shown
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(show);
    });
    observer.observe(list);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  }, [at, model.isLive, isThere]);
  if (cells === null || progress === null) {
    return (
      <p className="jp-flow-faint" role="status">
        {model.error?.message ?? trans.__('waiting for the notebook …')}
      </p>
    );
  }
  return (
    <div className="jp-flow-notebook" data-notebook={model.isLive ? 'live' : 'done'}>
      <div className="jp-flow-notebook-bar">
        <progress
          max={Math.max(1, progress.total)}
          value={progress.done}
          aria-label={trans.__('Cells that ended')}
        />
        <span role="status">
          {trans.__('%1 of %2 cells', progress.done, progress.total)}
          {progress.running ? ` · ${trans.__('cell %1 runs', progress.running.number)}` : ''}
        </span>
        {model.isLive && progress.left !== null && model.usual?.run_id ? (
          <span title={trans.__('by what its cells took in %1', model.usual.run_id)}>
            {trans.__('about %1 left', duration(Math.round(progress.left)))}
          </span>
        ) : null}
        <span className="jp-flow-space" />
        <span className="jp-flow-faint">{trans.__('not trusted: scripts are filtered')}</span>
        <button
          className="jp-flow-link"
          title={trans.__('Open it in the notebook viewer, where you can trust it')}
          onClick={onOpen}
        >
          {trans.__('Open in viewer')}
        </button>
      </div>
      <div
        className="jp-flow-notebook-cells"
        ref={room}
        tabIndex={0}
        onWheel={() => (isFollowing.current = false)}
        onKeyDown={() => (isFollowing.current = false)}
        onPointerDown={() => (isFollowing.current = false)}
      >
        <div role="list" aria-label={trans.__('Cells')}>
          {cells.map(cell => (
            <NotebookCell
              key={cell.index}
              cell={cell}
              language={model.language}
              usual={usually[cell.index] ?? null}
              now={cell.state === 'running' && model.isLive ? now : 0}
            />
          ))}
        </div>
      </div>
    </div>
  );
}
