import { describe, expect, it } from 'vitest';
import { clockNotes } from './clockNotes';

const notes = (texts: string[], zone = 'Europe/Berlin') =>
  clockNotes(
    texts.map(text => Date.parse(text)),
    zone
  );

describe('daylight saving and the runs of a schedule', () => {
  it('says when clocks have moved since the run before', () => {
    expect(notes(['2026-03-28T05:00:00Z', '2026-03-29T04:00:00Z', '2026-03-30T04:00:00Z'])).toEqual(
      [null, { kind: 'moved', minutes: 60 }, null]
    );
    expect(notes(['2026-10-24T04:00:00Z', '2026-10-25T05:00:00Z'])[1]).toEqual({
      kind: 'moved',
      minutes: -60
    });
  });

  it('tells times apart that come twice', () => {
    expect(notes(['2026-10-24T23:30:00Z', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'])).toEqual(
      [null, { kind: 'first' }, { kind: 'second' }]
    );
  });

  it('has nothing to say of a zone without it', () => {
    expect(notes(['2026-03-28T05:00:00Z', '2026-10-25T05:00:00Z'], 'UTC')).toEqual([null, null]);
  });
});
