/** The executed notebook of one attempt: as it was saved, or live while the attempt runs. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowApi } from '../../client/api';
import type { CellEvent, CellsMessage, RunApi, UsualCells } from '../../client/runApi';
import type { EventStream } from '../../events/eventStream';
import type { TaskKey } from '../../tokens';
import { applied, emptied, savedCells } from './liveNotebook';
import type { LiveCell } from './liveNotebook';

/** Pause and number of looks for a notebook that its runner has not saved yet. */
const PAUSE = 400;
const LOOKS = 25;

/**
 * While the attempt runs, the saved notebook only gives the cells; what they put out comes from the event socket,
 * from the first event on, so that it does not matter when somebody begins to look. At the end it is fetched again.
 */
export class NotebookModel {
  constructor(
    private readonly stream: EventStream,
    private readonly api: FlowApi,
    private readonly runApi: RunApi,
    readonly key: TaskKey,
    readonly attempt: number
  ) {}

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get version(): number {
    return this.count;
  }

  /** Null until the notebook is known. */
  get cells(): readonly LiveCell[] | null {
    return this.shown;
  }

  get language(): string {
    return this.languageName;
  }

  get failingCell(): number | null {
    return this.failing;
  }

  get isLive(): boolean {
    return this.stop !== null;
  }

  get error(): Error | null {
    return this.failure;
  }

  /** How long its cells took in another run. */
  get usual(): UsualCells | null {
    return this.usually;
  }

  /** Begin. `isOver`: the attempt has ended. */
  open(isOver: boolean): void {
    void this.load(isOver);
    if (!isOver) {
      this.runApi.usualCells(this.key).then(
        usual => {
          this.usually = usual;
          this.emit();
        },
        () => undefined // an estimate only
      );
      this.stop = this.stream.followCells({
        key: this.key,
        attempt: this.attempt,
        after: 0,
        onCells: message => this.onCells(message)
      });
    }
  }

  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
    this.unfollow();
    Signal.clearData(this);
  }

  private onCells(message: CellsMessage): void {
    if (message.complete) {
      this.unfollow();
      void this.load(true);
      return;
    }
    if (this.shown === null) {
      this.waiting.push(...message.events);
      return;
    }
    this.shown = applied(this.shown, message.events);
    this.emit();
  }

  private async load(isOver: boolean): Promise<void> {
    try {
      const answer = await this.api.notebook(this.key, this.attempt);
      if (this.isDisposed) {
        return;
      }
      this.languageName = languageOf(answer.notebook);
      this.failing = answer.failing_cell;
      const cells = savedCells(answer.notebook);
      this.shown = isOver || this.stop === null ? cells : applied(emptied(cells), this.waiting);
      this.waiting = [];
      this.failure = null;
    } catch (error) {
      if (!isOver && this.looks < LOOKS && !this.isDisposed) {
        this.looks += 1;
        this.timer = setTimeout(() => void this.load(this.stop === null), PAUSE);
        return;
      }
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.emit();
  }

  private unfollow(): void {
    this.stop?.();
    this.stop = null;
  }

  private emit(): void {
    this.count += 1;
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private shown: readonly LiveCell[] | null = null;
  private waiting: CellEvent[] = [];
  private usually: UsualCells | null = null;
  private failing: number | null = null;
  private failure: Error | null = null;
  private languageName = 'python';
  private stop: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private looks = 0;
  private count = 0;
  private isDisposed = false;
}

function languageOf(notebook: Record<string, unknown>): string {
  const metadata = notebook['metadata'] as
    { language_info?: { name?: string }; kernelspec?: { language?: string } } | undefined;
  return metadata?.language_info?.name ?? metadata?.kernelspec?.language ?? 'python';
}
