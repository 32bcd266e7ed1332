import type * as nbformat from '@jupyterlab/nbformat';
import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { Widget } from '@lumino/widgets';
import { useEffect, useLayoutEffect, useRef } from 'react';
import { useRendering } from './rendering';

interface Held {
  model: OutputAreaModel;
  shown: readonly nbformat.IOutput[];
}

/** Outputs of one cell by Lab's own renderers, never trusted: what could act (scripts) is filtered by them. */
export function Outputs({ outputs }: { outputs: readonly nbformat.IOutput[] }): JSX.Element {
  const room = useRef<HTMLDivElement>(null);
  const held = useRef<Held | null>(null);
  const rendermime = useRendering()?.rendermime ?? null;
  // Lumino must let go of its nodes before React takes their parent away: not in a passive effect.
  useLayoutEffect(() => {
    if (room.current === null || rendermime === null) {
      return;
    }
    const model = new OutputAreaModel({ trusted: false });
    const area = new SimplifiedOutputArea({ model, rendermime });
    Widget.attach(area, room.current);
    held.current = { model, shown: [] };
    return () => {
      held.current = null;
      area.dispose();
      model.dispose();
    };
  }, [rendermime]);
  useEffect(() => {
    if (held.current !== null) {
      update(held.current, outputs);
    }
  }, [outputs, rendermime]);
  return <div className="jp-flow-outputs" ref={room} />;
}

/** Give the model what is new, and nothing else: renderers keep their state. */
function update(held: Held, outputs: readonly nbformat.IOutput[]): void {
  if (outputs.length < held.shown.length) {
    held.model.clear();
    held.shown = [];
  }
  outputs.forEach((output, position) => {
    if (position >= held.shown.length) {
      held.model.add(output);
    } else if (output !== held.shown[position]) {
      held.model.set(position, output);
    }
  });
  held.shown = outputs;
}
