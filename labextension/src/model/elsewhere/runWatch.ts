/** Tells when runs end that the viewer has asked for, or that are of a DAG they care for. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import type { OptionStore } from '../shared/options';
import { hasEnded, RUN_STATES } from '../shared/states';
import type { RunState } from '../shared/states';

export type Wanted = 'none' | 'own' | 'favourites' | 'all';

export interface EndedRun {
  dag_id: string;
  run_id: string;
  state: RunState;
}

const MOST = 200;
const OPTION = 'watched-runs';

export class RunWatch {
  constructor(
    stream: EventStream,
    private readonly options: OptionStore,
    private readonly isFavourite: (dagId: string) => boolean
  ) {
    stream.event.connect(this.onEvent, this);
    void options.load(OPTION).then(kept => {
      if (Array.isArray(kept)) {
        kept.forEach(name => this.runs.add(String(name)));
      }
    });
  }

  /** Whose ends are told. */
  wanted: Wanted = 'favourites';

  get ended(): ISignal<this, EndedRun> {
    return this.signal;
  }

  /** Tell when this run ends, also after a reload of the page. */
  watch(dagId: string, runId: string): void {
    this.runs.add(nameOf(dagId, runId));
    const oldest = this.runs.values().next().value;
    if (this.runs.size > MOST && oldest !== undefined) {
      this.runs.delete(oldest);
    }
    this.keep();
  }

  private onEvent(_: EventStream, event: FlowEvent): void {
    const { dag_id, run_id, state_to } = event;
    const state = RUN_STATES.find(name => name === state_to);
    if (event.kind !== 'run_state' || !dag_id || !run_id || !state || !hasEnded(state)) {
      return;
    }
    const isOwn = this.runs.delete(nameOf(dag_id, run_id));
    if (isOwn) {
      this.keep();
    }
    const isWanted =
      this.wanted === 'all' ||
      (this.wanted !== 'none' && isOwn) ||
      (this.wanted === 'favourites' && this.isFavourite(dag_id));
    if (isWanted) {
      this.signal.emit({ dag_id, run_id, state });
    }
  }

  private keep(): void {
    this.options.save(OPTION, [...this.runs]);
  }

  private readonly signal = new Signal<this, EndedRun>(this);
  private readonly runs = new Set<string>();
}

function nameOf(dagId: string, runId: string): string {
  return `${dagId}/${runId}`;
}
