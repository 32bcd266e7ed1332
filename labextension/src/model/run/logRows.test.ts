import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../client/documents';
import { LogRows, ShownRows } from './logRows';

let seq = 0;

function line(text: string, more: Partial<LogLine> = {}): LogLine {
  seq += 1;
  const at = '2026-01-01T00:00:00.123456+00:00';
  return { seq, at, stream: 'stdout', level: 'info', text, ...more };
}

function textsOf(lines: LogLine[]): string[] {
  const rows = new LogRows();
  rows.add(lines);
  return new ShownRows(rows, 'debug').texts();
}

describe('rows of a log', () => {
  it('take colours out of the text and keep them as parts', () => {
    const rows = new LogRows();
    rows.add([line('a \u001b[31mred\u001b[0m b\n'), line('plain')]);
    expect([rows.text(0), rows.text(1)]).toEqual(['a red b', 'plain']);
    expect(rows.pieces(0)).toEqual([{ from: 2, to: 5, classes: 'jp-flow-fg-ansi-red' }]);
    expect(rows.pieces(1)).toEqual([]);
    expect(rows.instant(0)).toBe(Date.parse('2026-01-01T00:00:00.123Z'));
  });

  it.each([
    [['10%\r50%\r100%\n'], ['100%']],
    [['done\r\n'], ['done']],
    [['bad\nworse'], ['bad', 'worse']],
    [['<img src=x onerror=alert(1)>'], ['<img src=x onerror=alert(1)>']],
    [
      ['one', '\r 1%', '\r 2%', '\r 3%'],
      ['one', ' 3%']
    ],
    [
      ['\r 1%', '\r 100%', '', '\r 1%', '\r 2%'],
      [' 100%', '', ' 2%']
    ],
    [
      ['\r 1%', 'between', '\r 2%'],
      [' 1%', 'between', ' 2%']
    ]
  ])('%j is shown as %j', (given, shown) => {
    expect(textsOf(given.map(text => line(text)))).toEqual(shown);
  });

  it('let a progress bar of the other stream alone', () => {
    expect(textsOf([line('\r 1%', { stream: 'stderr' }), line('\rx')])).toEqual([' 1%', 'x']);
  });

  it('do not grow with a bar that runs for days', () => {
    const rows = new LogRows();
    for (let step = 0; step < 1000; step += 1) {
      rows.add([line(`\r\u001b[32m${step}\u001b[0m`)]);
    }
    expect([rows.count, rows.text(0)]).toEqual([1, '999']);
    expect(rows.pieces(0)).toHaveLength(1);
  });

  it('are found by the number of their line', () => {
    const rows = new LogRows();
    const lines = ['a', 'b\nc', 'd'].map(text => line(text));
    rows.add(lines);
    expect(lines.map(item => rows.rowOf(item.seq))).toEqual([0, 1, 3]);
    expect(rows.rowOf((lines.at(-1)?.seq ?? 0) + 1)).toBeNull();
  });
});

describe('a filter by level', () => {
  it('follows what comes, and what is overwritten', () => {
    const rows = new LogRows();
    rows.add([line('say'), line('oh', { level: 'warning' }), line('no', { level: 'CRITICAL' })]);
    const shown = new ShownRows(rows, 'warning');
    expect(shown.texts()).toEqual(['oh', 'no']);
    expect([shown.row(0), shown.lineOf(0), shown.lineOf(2), shown.lineOf(9)]).toEqual([1, 0, 1, 1]);
    const bar = (text: string) => [line(text, { level: 'error' })];
    expect(shown.update(rows.add(bar('\r1%')))).toBe(2);
    expect(shown.update(rows.add(bar('\r2%')))).toBe(2);
    expect(shown.texts()).toEqual(['oh', 'no', '2%']);
    expect(shown.texts(2)).toEqual(['2%']);
    expect(new ShownRows(rows, 'error').texts()).toEqual(['no', '2%']);
    expect(new ShownRows(rows, 'debug').count).toBe(4);
  });
});
