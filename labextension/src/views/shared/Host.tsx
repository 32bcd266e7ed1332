import type { ReactNode } from 'react';
import type { Health } from '../../client/documents';
import { useTrans } from './hooks';

export interface HostModel {
  readonly isConnected: boolean;
  readonly health: { readonly value: Health | null };
}

/** How the scheduler is: `connecting` as long as nobody says, and in words. */
export function useHost(model: HostModel): { state: string; words: string } {
  const trans = useTrans();
  const state = (model.isConnected ? model.health.value?.state : null) ?? 'connecting';
  const words: Record<string, string> = {
    connecting: trans.__('connecting …'),
    healthy: trans.__('Scheduler is running'),
    degraded: trans.__('Scheduler needs attention'),
    stopped: trans.__('Scheduler is stopped')
  };
  return { state, words: words[state] ?? state };
}

interface Props {
  state: string;
  className: string;
  children: ReactNode;
}

/** Words with a mark in front that says the state by colour and shape. */
export function HostMark({ state, className, children }: Props): JSX.Element {
  return (
    <span className={className} data-host={state}>
      <span className="jp-flow-host-dot" data-host={state} aria-hidden="true" />
      <span>{children}</span>
    </span>
  );
}
