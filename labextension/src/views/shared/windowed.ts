/** Which part of a long list can be seen. */
import { useCallback, useState } from 'react';
import type { UIEvent } from 'react';

export interface Viewport {
  top: number;
  left: number;
  width: number;
  height: number;
}

export interface Window {
  from: number;
  to: number;
}

const NOTHING: Viewport = { top: 0, left: 0, width: 0, height: 0 };

/** The items of `size` pixels each that stand between `start` and `start + length`, and a few around them. */
export function windowOf(
  start: number,
  length: number,
  size: number,
  count: number,
  extra = 4
): Window {
  const from = Math.max(0, Math.min(count, Math.floor(start / size) - extra));
  const to = Math.max(from, Math.min(count, Math.ceil((start + length) / size) + extra));
  return { from, to };
}

/** Follows how far an element is scrolled and how large it is. */
export function useViewport(): {
  viewport: Viewport;
  ref: (node: HTMLElement | null) => void;
  onScroll: (event: UIEvent<HTMLElement>) => void;
} {
  const [viewport, setViewport] = useState(NOTHING);
  const [observer] = useState(
    () =>
      new ResizeObserver(entries => {
        const node = entries.at(-1)?.target;
        if (node) {
          setViewport(seen(node));
        }
      })
  );
  const ref = useCallback(
    (node: HTMLElement | null) => {
      observer.disconnect();
      if (node) {
        observer.observe(node);
        setViewport(seen(node));
      }
    },
    [observer]
  );
  const onScroll = useCallback(
    (event: UIEvent<HTMLElement>) => setViewport(seen(event.currentTarget)),
    []
  );
  return { viewport, ref, onScroll };
}

function seen(node: Element): Viewport {
  const { scrollTop: top, scrollLeft: left, clientWidth: width, clientHeight: height } = node;
  return { top, left, width, height };
}
