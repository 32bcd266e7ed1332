import { LOOKS } from '../../model/shared/states';
import type { AnyState, Look } from '../../model/shared/states';
import { useTrans } from './hooks';

/** A state as shape, colour and (unless `bare`) word. */
export function StateMark({ state, bare }: { state: AnyState; bare?: boolean }): JSX.Element {
  return <LookMark look={LOOKS[state]} state={state} bare={bare} />;
}

/** The same for a state of something else than tasks and runs. */
export function LookMark({
  look,
  state,
  bare
}: {
  look: Look;
  state: string;
  bare?: boolean;
}): JSX.Element {
  const trans = useTrans();
  const label = trans.__(look.label);
  return (
    <span className="jp-flow-state" data-state={state} data-tone={look.tone} title={label}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={look.path} />
      </svg>
      {bare ? (
        <span className="jp-flow-hidden">{label}</span>
      ) : (
        <span className="jp-flow-state-word">{label}</span>
      )}
    </span>
  );
}
