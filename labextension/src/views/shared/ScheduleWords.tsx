import { scheduleText } from '../../model/shared/format';
import type { Scheduled } from '../../model/shared/format';

/** A schedule, wrapped between cron expressions but never inside one; nothing if there is no schedule. */
export function ScheduleWords({ dag }: { dag: Scheduled }): JSX.Element {
  const parts = scheduleText(dag)?.split(', ') ?? [];
  return (
    <code className="jp-flow-schedule">
      {parts.map((part, index) => (
        <span key={index} className={/^[\d*]/.test(part) ? 'jp-flow-cron' : ''}>
          {part}
          {index < parts.length - 1 ? ', ' : ''}
        </span>
      ))}
    </code>
  );
}
