interface Props {
  /** Points in their order: x and y. */
  points: readonly (readonly [number, number])[];
  label: string;
  /** Words at the top of the axis. */
  most: string;
  least: string;
  tone: string;
}

const WIDTH = 600;
const HEIGHT = 90;

/** A curve over time or steps. */
export function Curve({ points, label, most, least, tone }: Props): JSX.Element {
  const xs = points.map(point => point[0]);
  const ys = points.map(point => point[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const at = ([x, y]: readonly [number, number]) =>
    [
      right > left ? (WIDTH * (x - left)) / (right - left) : WIDTH / 2,
      high > low ? HEIGHT - 4 - ((HEIGHT - 8) * (y - low)) / (high - low) : HEIGHT / 2
    ] as const;
  const path = points
    .map(point =>
      at(point)
        .map(value => value.toFixed(1))
        .join(' ')
    )
    .join(' L ');
  return (
    <figure className="jp-flow-curve" data-tone={tone}>
      <figcaption>
        <b>{label}</b>
        <span className="jp-flow-faint">
          {least} – {most}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${least} – ${most}`}
      >
        {points.length > 1 ? <path d={`M ${path}`} vectorEffect="non-scaling-stroke" /> : null}
        {points.length <= 60
          ? points.map((point, place) => {
              const [x, y] = at(point);
              return <circle key={place} cx={x} cy={y} r={2} vectorEffect="non-scaling-stroke" />;
            })
          : null}
      </svg>
    </figure>
  );
}
