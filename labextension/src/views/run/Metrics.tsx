import type { Attempt } from '../../client/documents';
import { curvesOf } from '../../model/run/samples';
import type { Metric } from '../../model/run/samples';
import { Curve } from './Curve';

/** What the notebook logged with `flow.log_metric`: one curve for each name, a number for a single value. */
export function Metrics({ attempt }: { attempt: Attempt }): JSX.Element {
  const curves = curvesOf((attempt.metrics ?? []) as unknown as Metric[]);
  return (
    <div className="jp-flow-tab-page">
      <dl className="jp-flow-facts">
        {[...curves].map(([name, points]) => (
          <div key={name} data-metric={name}>
            <dt>{name}</dt>
            <dd>{number(points.at(-1)?.[1] ?? 0)}</dd>
          </div>
        ))}
      </dl>
      {[...curves]
        .filter(([, points]) => points.length > 1)
        .map(([name, points]) => {
          const values = points.map(point => point[1]);
          return (
            <Curve
              key={name}
              points={points}
              label={name}
              least={number(Math.min(...values))}
              most={number(Math.max(...values))}
              tone="good"
            />
          );
        })}
    </div>
  );
}

function number(value: number): string {
  return new Intl.NumberFormat(undefined, { maximumSignificantDigits: 5 }).format(value);
}
