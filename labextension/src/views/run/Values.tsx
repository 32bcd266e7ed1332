import { useEffect, useState } from 'react';
import type { TaskDetails } from '../../client/documents';
import type { RunModel } from '../../model/run/runModel';
import { size } from '../../model/run/samples';
import type { TaskKey } from '../../tokens';
import { useTrans } from '../shared/hooks';

interface Props {
  model: RunModel;
  task: TaskDetails;
  taskKey: TaskKey;
  attempt: number;
}

/** What went in (templates rendered) and what came out (XComs). */
export function Values({ model, task, taskKey, attempt }: Props): JSX.Element {
  const trans = useTrans();
  const latest = task.attempts.at(-1)?.attempt_number;
  const earlier = useRendered(model, taskKey, attempt === latest ? null : attempt);
  const rendered = Object.entries(attempt === latest ? task.rendered : (earlier ?? {}));
  return (
    <div className="jp-flow-tab-page jp-flow-values">
      <h3>{trans.__('Values pushed (XCom)')}</h3>
      {task.xcoms.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('It pushed nothing.')}</p>
      ) : (
        <dl className="jp-flow-pairs">
          {task.xcoms.map(xcom => (
            <div key={xcom.key} data-xcom={xcom.key}>
              <dt>
                {xcom.key}
                <div className="jp-flow-faint">
                  {xcom.type} · {size(xcom.size)}
                </div>
              </dt>
              <dd>{xcom.reference === null ? text(xcom.value ?? xcom.preview) : xcom.preview}</dd>
            </div>
          ))}
        </dl>
      )}
      <h3>{trans.__('Inputs after templating')}</h3>
      {rendered.length === 0 ? (
        <p className="jp-flow-faint">{trans.__('It has no template fields with a value.')}</p>
      ) : (
        <dl className="jp-flow-pairs">
          {rendered.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

/** The rendered fields of an earlier attempt; null until they are known. */
export function useRendered(
  model: RunModel,
  key: TaskKey,
  attempt: number | null
): Record<string, unknown> | null {
  const [rendered, setRendered] = useState<Record<string, unknown> | null>(null);
  const { dag_id, run_id, task_id, map_index } = key;
  useEffect(() => {
    if (attempt === null) {
      return;
    }
    let isCurrent = true;
    model.runApi.rendered({ dag_id, run_id, task_id, map_index }, attempt).then(
      found => {
        if (isCurrent) {
          setRendered(found);
        }
      },
      () => undefined
    );
    return () => {
      isCurrent = false;
    };
  }, [model, dag_id, run_id, task_id, map_index, attempt]);
  return rendered;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1);
}
