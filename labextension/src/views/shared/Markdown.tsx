import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { useLayoutEffect, useRef } from 'react';
import { useRendering } from '../run/rendering';

const MARKDOWN = 'text/markdown';

/** An author's text by Lab's own renderer, never trusted: scripts in it are filtered. */
export function Markdown({ text }: { text: string }): JSX.Element {
  const room = useRef<HTMLDivElement>(null);
  const rendermime = useRendering()?.rendermime ?? null;
  useLayoutEffect(() => {
    if (room.current === null || rendermime === null) {
      return;
    }
    const renderer = rendermime.createRenderer(MARKDOWN);
    Widget.attach(renderer, room.current);
    void renderer.renderModel(new MimeModel({ data: { [MARKDOWN]: text }, trusted: false }));
    return () => renderer.dispose();
  }, [rendermime, text]);
  return rendermime === null ? (
    <p className="jp-flow-doc">{text}</p>
  ) : (
    <div className="jp-flow-markdown" ref={room} />
  );
}
