/** How far a backfill is: the parts of its bar, and how its state looks. */
import type { Backfill } from '../../client/backfillApi';
import { LOOKS } from '../shared/states';
import type { Look, RunState } from '../shared/states';

export type Part = { kind: RunState | 'to_come' | 'left_out'; count: number };

const ORDER: readonly RunState[] = ['success', 'failed', 'cancelled', 'running', 'queued'];

/** The dates by what became of them, those that are done first. */
export function partsOf({ states, progress }: Backfill): Part[] {
  const parts: Part[] = [
    ...ORDER.map(kind => ({ kind, count: states[kind] ?? 0 })),
    { kind: 'to_come', count: progress.pending },
    { kind: 'left_out', count: progress.skipped }
  ];
  return parts.filter(part => part.count > 0);
}

export function lookOf({ state, states }: Backfill): Look {
  switch (state) {
    case 'running':
      return LOOKS.running;
    case 'paused':
      return { label: 'paused', tone: 'idle', path: 'M4 2.5v7M8 2.5v7' };
    case 'cancelled':
      return LOOKS.cancelled;
    case 'completed':
      return states['failed']
        ? { ...LOOKS.failed, label: 'completed, with failures' }
        : { ...LOOKS.success, label: 'completed' };
  }
}

export function isActive(backfill: Backfill): boolean {
  return backfill.state === 'running' || backfill.state === 'paused';
}
