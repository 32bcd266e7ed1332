import type { Attempt } from '../../client/documents';
import { bytes, cpuLoad } from '../../model/run/samples';
import { duration } from '../../model/shared/format';
import { Facts } from '../shared/Facts';
import type { Fact } from '../shared/Facts';
import { useTrans } from '../shared/hooks';
import { Curve } from './Curve';

/** What an attempt used: memory and processors of all its processes, while it ran. */
export function Resources({ attempt }: { attempt: Attempt }): JSX.Element {
  const trans = useTrans();
  const samples = attempt.samples ?? [];
  const memory = samples.map(([at = 0, , held = 0]) => [at, held] as const);
  const load = cpuLoad(samples);
  const held = memory.map(point => point[1]);
  const peak = Math.max(attempt.peak_rss ?? 0, ...held);
  const facts: Fact[] = [
    [trans.__('Most memory'), peak ? bytes(peak) : ''],
    [trans.__('Processor time'), attempt.cpu_time === null ? '' : duration(attempt.cpu_time)],
    [trans.__('Worker'), attempt.worker ?? '']
  ];
  return (
    <div className="jp-flow-tab-page">
      <Facts className="jp-flow-facts" rows={facts} />
      {memory.length > 1 ? (
        <Curve
          points={memory}
          label={trans.__('Memory')}
          least={bytes(Math.min(...held))}
          most={bytes(Math.max(...held))}
          tone="busy"
        />
      ) : (
        <p className="jp-flow-faint">
          {trans.__('No samples: it was over before the first was taken, or sampling is off.')}
        </p>
      )}
      {load.length > 1 ? (
        <Curve
          points={load}
          label={trans.__('Processor')}
          least={percent(Math.min(...load.map(point => point[1])))}
          most={percent(Math.max(...load.map(point => point[1])))}
          tone="warn"
        />
      ) : null}
    </div>
  );
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
