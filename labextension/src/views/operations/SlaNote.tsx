import { useState } from 'react';
import type { Sla } from '../../client/documents';
import type { OperationsModel } from '../../model/operations/operationsModel';
import { useTrans } from '../shared/hooks';

/** People's own words about a missed SLA; kept with Enter or on leaving. */
export function SlaNote({ sla, model }: { sla: Sla; model: OperationsModel }): JSX.Element {
  const trans = useTrans();
  const [text, setText] = useState<string | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const save = async () => {
    if (text !== null && text.trim() !== (sla.note ?? '')) {
      try {
        await model.noteSla(sla, text);
        setFailure(null);
      } catch (error) {
        setFailure(error instanceof Error ? error.message : String(error));
        return;
      }
    }
    setText(null);
  };
  return (
    <input
      className="jp-flow-note"
      aria-label={trans.__('Note on %1', `${sla.dag_id} ▸ ${sla.task_id}`)}
      aria-invalid={failure !== null}
      title={failure ?? ''}
      placeholder={trans.__('Add a note')}
      value={text ?? sla.note ?? ''}
      onChange={event => setText(event.target.value)}
      onBlur={() => void save()}
      onKeyDown={event => {
        if (event.key === 'Enter') {
          event.currentTarget.blur();
        } else if (event.key === 'Escape') {
          setText(null);
        }
      }}
    />
  );
}
