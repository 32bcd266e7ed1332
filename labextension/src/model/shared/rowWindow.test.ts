import { describe, expect, it } from 'vitest';
import { rowAt, rowWindow, topsOf, windowOf } from './rowWindow';

const TOPS = topsOf(Array.from({ length: 100 }, () => 10));

describe('rowWindow', () => {
  it('has what can be seen and a few rows more', () => {
    expect(rowWindow(TOPS, 500, 600)).toEqual({
      first: 46,
      end: 65,
      before: 460,
      after: 350,
      total: 1000
    });
  });

  it('ends where the list ends', () => {
    expect(rowWindow(TOPS, -50, 20)).toMatchObject({ first: 0, before: 0, end: 7 });
    expect(rowWindow(TOPS, 5000, 6000)).toMatchObject({ end: 100, after: 0 });
    expect(rowWindow(topsOf([]), 0, 100)).toEqual({
      first: 0,
      end: 0,
      before: 0,
      after: 0,
      total: 0
    });
  });

  it.each([
    [0, 0],
    [9, 0],
    [10, 1],
    [35, 2]
  ])('row at %i is %i', (at, expected) => {
    expect(rowAt(topsOf([10, 20, 30]), at)).toBe(expected);
  });
});

describe('windowOf', () => {
  it('covers what is seen and a little more', () => {
    expect(windowOf(100, 50, 10, 1000, 2)).toEqual({ from: 8, to: 17 });
    expect(windowOf(0, 50, 10, 3)).toEqual({ from: 0, to: 3 });
    expect(windowOf(5000, 50, 10, 3)).toEqual({ from: 3, to: 3 });
  });
});
