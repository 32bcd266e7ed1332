/** Clocks on walls: what they show in a zone, and when that is. Wall times are as `<input type="datetime-local">` has them. */

export const DAY = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** "2026-01-31T23:59": what a clock in `zone` shows at an instant. */
export function wallTime(instant: number, zone: string): string {
  return new Date(instant + offsetOf(instant, zone)).toISOString().slice(0, 16);
}

/** When a clock in `zone` shows `wall`: of two instants the first, for one that it skips that much later. NaN for no date. */
export function instantOf(wall: string, zone: string): number {
  const shown = Date.parse(`${wall}Z`);
  if (Number.isNaN(shown)) {
    return NaN;
  }
  const around = [-DAY, DAY].map(side => shown - offsetOf(shown + side, zone));
  const right = around.filter(at => at + offsetOf(at, zone) === shown);
  return right.length > 0 ? Math.min(...right) : Math.max(...around);
}

/** Milliseconds that clocks in `zone` are ahead of UTC. */
export function offsetOf(instant: number, zone: string): number {
  const second = Math.floor(instant / 1000) * 1000;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(second)) {
    parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, parts['second']) - second;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric'
    });
    formats.set(zone, format);
  }
  return format;
}
