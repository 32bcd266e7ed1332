/** What attempts used while they ran, as numbers to be drawn. */

export type Point = readonly [number, number];

/** From `(seconds, CPU seconds, …)` to the processors that were busy between two samples. */
export function cpuLoad(samples: readonly (readonly number[])[]): Point[] {
  const points: Point[] = [];
  for (let place = 1; place < samples.length; place += 1) {
    const [at = 0, cpu = 0] = samples[place] ?? [];
    const [before = 0, spent = 0] = samples[place - 1] ?? [];
    if (at > before) {
      points.push([at, Math.max(0, (cpu - spent) / (at - before))]);
    }
  }
  return points;
}

/** "512 MB", "3.9 GB". */
export function bytes(count: number): string {
  return count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.round(count / 1e6)} MB`;
}

/** As `bytes`, and "42 B" or "3 kB" of what is small. */
export function size(count: number): string {
  if (count >= 1e6) {
    return bytes(count);
  }
  return count < 1000 ? `${count} B` : `${Math.round(count / 1000)} kB`;
}

export interface Metric {
  name: string;
  value: number;
  step?: number | null;
}

/** Each metric's points in the order of their steps, by its name. */
export function curvesOf(metrics: readonly Metric[]): Map<string, Point[]> {
  const curves = new Map<string, Point[]>();
  for (const { name, value, step } of metrics) {
    const points = curves.get(name) ?? [];
    points.push([step ?? points.length, value]);
    curves.set(name, points);
  }
  for (const points of curves.values()) {
    points.sort((one, other) => one[0] - other[0]);
  }
  return curves;
}
