/** Instants, durations, reasons and schedules in words. Pure: "now" is an argument. */
import type { Dag, Reason } from '../../client/documents';

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1]
];

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** "in 5 minutes", "3 days ago". */
export function relative(instant: string | null, now: number, locale?: string): string {
  if (instant === null) {
    return '';
  }
  const seconds = (Date.parse(instant) - now) / 1000;
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  for (const [unit, size] of STEPS) {
    if (Math.abs(seconds) >= size || unit === 'second') {
      return words.format(Math.trunc(seconds / size), unit);
    }
  }
  return '';
}

/** "0.42 s", "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number | null): string {
  if (seconds === null) {
    return '';
  }
  if (seconds < 10) {
    return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Seconds of something that may still run. */
export function elapsed(
  row: { start_date: string | null; end_date: string | null; duration: number | null },
  now: number
): number | null {
  if (row.start_date === null || row.end_date !== null) {
    return row.duration;
  }
  return Math.max(0, (now - Date.parse(row.start_date)) / 1000);
}

/** Seconds from start to end, or until now; null before the start. */
export function secondsOf(
  row: { start_date: string | null; end_date: string | null },
  now: number
): number | null {
  if (row.start_date === null) {
    return null;
  }
  const end = row.end_date === null ? now : Date.parse(row.end_date);
  return Math.max(0, (end - Date.parse(row.start_date)) / 1000);
}

/** Date and time in `zone` (the viewer's if left out); seconds only where they say something. */
export function dateTime(instant: string | null, zone?: string, locale?: string): string {
  if (instant === null) {
    return '';
  }
  const date = new Date(instant);
  const words = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: date.getTime() % 60_000 < 1000 ? 'short' : 'medium',
    timeZone: zone
  });
  return words.format(date);
}

/** Time of day with seconds, for lines of a log. */
export function timeOfDay(instant: string | number): string {
  const date = new Date(instant);
  return Number.isNaN(date.getTime()) ? '' : date.toLocaleTimeString(undefined, { hour12: false });
}

/** The text of a reason, with its instants on the viewer's clock. */
export function reasonText(reason: Reason | null, zone?: string, locale?: string): string {
  let text = reason?.text ?? '';
  for (const value of Object.values(reason?.args ?? {})) {
    if (typeof value === 'string' && INSTANT.test(value)) {
      text = text.replaceAll(value, dateTime(value, zone, locale));
    }
  }
  return text;
}

export type Scheduled = Pick<Dag, 'schedule' | 'schedule_assets'>;

/** The schedule with its assets by name; null for a DAG that only runs when triggered. */
export function scheduleText(dag: Scheduled): string | null {
  const { schedule, schedule_assets: assets } = dag;
  return schedule === null || assets === null ? schedule : schedule.replace('assets', () => assets);
}
