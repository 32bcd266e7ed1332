/** Which part of a long list can be seen. The list may stand anywhere in the box that scrolls. */
import { useLayoutEffect, useState } from 'react';

export interface Seen {
  /** Where the box begins, in pixels of the list; negative if something stands above the list. */
  top: number;
  left: number;
  /** Size of the box. */
  width: number;
  height: number;
}

/** Pixels: smaller steps draw nothing anew, so a few rows more than are seen must be drawn. */
export const STEP = 50;
/** As long as nothing is measured (a hidden page). */
const FIRST: Seen = { top: 0, left: 0, width: 0, height: 900 };

/** Follows how far `box` is scrolled over `list`, and how large it is. Both are null until they are drawn. */
export function useSeen(box: HTMLElement | null, list: HTMLElement | null): Seen {
  const [seen, setSeen] = useState(FIRST);
  useLayoutEffect(() => {
    if (box === null || list === null) {
      return;
    }
    const look = () => {
      if (box.clientHeight > 0) {
        const now = seenOf(box, list);
        setSeen(known => (isSame(known, now) ? known : now));
      }
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box);
    for (let part: HTMLElement | null = list; part && part !== box; part = part.parentElement) {
      observer.observe(part); // what stands above the list may grow too
    }
    box.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener('scroll', look);
    };
  }, [box, list]);
  return seen;
}

/** Scroll as little as needed to show what stands in the list from `top` to `end`. */
export function reveal(
  box: HTMLElement | null,
  list: HTMLElement | null,
  top: number,
  end: number
): void {
  if (box && list) {
    const start = list.getBoundingClientRect().top - box.getBoundingClientRect().top;
    if (start + top < 0) {
      box.scrollTop += start + top;
    } else if (start + end > box.clientHeight) {
      box.scrollTop += start + end - box.clientHeight;
    }
  }
}

function seenOf(box: HTMLElement, list: HTMLElement): Seen {
  const [outer, inner] = [box.getBoundingClientRect(), list.getBoundingClientRect()];
  const rounded = (pixels: number) => Math.floor(pixels / STEP) * STEP;
  return {
    top: rounded(outer.top - inner.top),
    left: rounded(outer.left - inner.left),
    width: box.clientWidth,
    height: box.clientHeight
  };
}

function isSame(one: Seen, other: Seen): boolean {
  return (
    one.top === other.top &&
    one.left === other.left &&
    one.width === other.width &&
    one.height === other.height
  );
}
