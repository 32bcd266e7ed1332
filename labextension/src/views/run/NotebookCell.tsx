import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { memo, useLayoutEffect, useRef } from 'react';
import { secondsOf } from '../../model/run/liveNotebook';
import type { CellState, LiveCell } from '../../model/run/liveNotebook';
import { duration } from '../../model/shared/format';
import type { AnyState } from '../../model/shared/states';
import { useTrans } from '../shared/hooks';
import { StateMark } from '../shared/StateMark';
import { Code } from './Code';
import { Outputs } from './Outputs';
import { useRendering } from './rendering';

interface Props {
  cell: LiveCell;
  language: string;
  /** Seconds that it took in another run. */
  usual: number | null;
  now: number;
}

const STATES: Record<CellState, AnyState> = {
  pending: 'waiting',
  running: 'running',
  done: 'success',
  failed: 'failed'
};

/** One cell: state and time in the margin, source, outputs. Drawn again only when it changed. */
export const NotebookCell = memo(function NotebookCell(props: Props): JSX.Element {
  const { cell, language, usual, now } = props;
  const trans = useTrans();
  if (cell.type !== 'code') {
    return (
      <div className="jp-flow-notebook-cell" role="listitem" data-cell={cell.index}>
        <div className="jp-flow-cell-margin" />
        <div className="jp-flow-cell-body">
          {cell.type === 'markdown' ? (
            <Markdown source={cell.source} />
          ) : (
            <pre className="jp-flow-code">{cell.source}</pre>
          )}
        </div>
      </div>
    );
  }
  const seconds = secondsOf(cell, now);
  return (
    <div
      className="jp-flow-notebook-cell"
      role="listitem"
      aria-label={trans.__('Cell %1', cell.number)}
      data-cell={cell.index}
      data-cell-state={cell.state}
    >
      <div className="jp-flow-cell-margin">
        <span>
          <StateMark state={STATES[cell.state]} bare /> {cell.number}
        </span>
        <span
          className="jp-flow-cell-time"
          title={usual === null ? '' : trans.__('usually %1', duration(usual))}
        >
          {seconds === null ? '' : duration(now > 0 ? Math.round(seconds) : seconds)}
        </span>
      </div>
      <div className="jp-flow-cell-body">
        <Code source={cell.source} language={language} />
        {cell.progress ? (
          <div className="jp-flow-cell-progress">
            <progress max={1} value={cell.progress.fraction} aria-label={cell.progress.text} />
            <span>{cell.progress.text}</span>
          </div>
        ) : null}
        {cell.outputs.length > 0 ? <Outputs outputs={cell.outputs} /> : null}
      </div>
    </div>
  );
});

function Markdown({ source }: { source: string }): JSX.Element {
  const room = useRef<HTMLDivElement>(null);
  const rendermime = useRendering()?.rendermime ?? null;
  useLayoutEffect(() => {
    if (room.current === null || rendermime === null) {
      return;
    }
    const renderer = rendermime.createRenderer('text/markdown');
    Widget.attach(renderer, room.current);
    const data = { 'text/markdown': source };
    void renderer.renderModel(new MimeModel({ data, trusted: false }));
    return () => renderer.dispose();
  }, [rendermime, source]);
  return <div ref={room} />;
}
