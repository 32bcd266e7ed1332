/** What the panel says when something is wrong: sentences of the health document, with how bad each is. */
import type { Health } from '../../client/documents';

export interface ShownTrouble {
  kind: string;
  message: string;
  severity: 'bad' | 'warn';
}

/** `failure`: why the health document could not be fetched, null if it could. */
export function troublesOf(health: Health | null, failure: string | null): ShownTrouble[] {
  if (failure !== null) {
    return [{ kind: 'health', message: failure, severity: 'bad' }];
  }
  if (health === null || health.state === 'healthy') {
    return [];
  }
  if (health.trouble?.length) {
    return health.trouble.map(item => ({
      kind: item.kind,
      message: item.message,
      severity: item.pauses_dispatch && item.kind !== 'stopping' ? 'bad' : 'warn'
    }));
  }
  return health.message
    ? [
        {
          kind: health.state,
          message: health.message,
          severity: health.state === 'stopped' ? 'bad' : 'warn'
        }
      ]
    : [];
}
