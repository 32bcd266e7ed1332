/** Draws only the rows of a long list that can be seen. The list may stand anywhere in the box that scrolls. */
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { RefObject } from 'react';
import { rowWindow, topsOf } from '../../model/shared/rowWindow';
import type { RowWindow } from '../../model/shared/rowWindow';

/** As long as nothing is measured (a hidden page). */
const FIRST_VIEW = 900;

export interface Windowed {
  window: RowWindow;
  /** For the element that holds the rows. */
  listRef: RefObject<HTMLElement>;
  /** Scroll so that the row can be seen. */
  reveal(index: number): void;
}

export function useRowWindow(heights: number[], scrollRef: RefObject<HTMLElement>): Windowed {
  const listRef = useRef<HTMLElement>(null);
  const tops = useMemo(() => topsOf(heights), [heights]);
  const [view, setView] = useState<[number, number]>([0, FIRST_VIEW]);
  useLayoutEffect(() => {
    const box = scrollRef.current;
    if (!box) {
      return;
    }
    const look = () => {
      const list = listRef.current;
      if (list && box.clientHeight > 0) {
        const from = box.getBoundingClientRect().top - list.getBoundingClientRect().top;
        const rounded = Math.floor(from / 50) * 50; // not at each pixel
        setView(known =>
          known[0] === rounded && known[1] === rounded + box.clientHeight + 50
            ? known
            : [rounded, rounded + box.clientHeight + 50]
        );
      }
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box);
    if (box.firstElementChild) {
      observer.observe(box.firstElementChild); // what stands above the list may grow
    }
    box.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener('scroll', look);
    };
  }, [scrollRef, tops]);
  const reveal = (index: number) => {
    const [box, list] = [scrollRef.current, listRef.current];
    if (box && list) {
      const start = list.getBoundingClientRect().top - box.getBoundingClientRect().top;
      const [top, end] = [start + (tops[index] ?? 0), start + (tops[index + 1] ?? 0)];
      if (top < 0) {
        box.scrollTop += top;
      } else if (end > box.clientHeight) {
        box.scrollTop += end - box.clientHeight;
      }
    }
  };
  return { window: rowWindow(tops, view[0], view[1]), listRef, reveal };
}
