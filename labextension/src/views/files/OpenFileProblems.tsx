import { useLayoutEffect, useRef } from 'react';
import type { FileProblems } from '../../model/files/fileProblems';
import type { FlowActions } from '../../tokens';
import { useModel } from '../shared/hooks';
import { ProblemLink } from '../shared/ProblemLink';

/** Over the text of a DAG file that does not load: where and why. Empty as long as all is well. */
export function OpenFileProblems({
  model,
  actions,
  onHeight
}: {
  model: FileProblems;
  actions: FlowActions;
  onHeight(pixels: number): void;
}): JSX.Element {
  useModel(model);
  const room = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => onHeight(room.current?.offsetHeight ?? 0));
  return (
    <div ref={room} role="status" className="jp-flow-open-problems">
      {model.list.map((problem, at) => (
        <div key={at} className="jp-flow-open-problem">
          <ProblemLink problem={problem} actions={actions} />
        </div>
      ))}
    </div>
  );
}
