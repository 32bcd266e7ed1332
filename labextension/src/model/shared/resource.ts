/** A thing that REST knows, held fresh: many wishes to look again become one request. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

const GATHER = 40;

/**
 * `touch()` says that it may have changed. Requests never overlap; touches during one lead to exactly one more.
 * Nothing is fetched while `isActive` is false (nobody looks): it is made up for when somebody does.
 */
export class Resource<T> {
  constructor(
    private readonly fetch: () => Promise<T>,
    /** Milliseconds in which touches are gathered. */
    private readonly gather = GATHER
  ) {}

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get value(): T | null {
    return this.current;
  }

  /** The last failure, until a request succeeds. */
  get error(): Error | null {
    return this.failure;
  }

  setActive(isActive: boolean): void {
    this.isActive = isActive;
    if (isActive && this.isStale) {
      this.schedule(0);
    }
  }

  touch(): void {
    this.isStale = true;
    if (this.isActive) {
      this.schedule(this.gather);
    }
  }

  /** Put in a newer value that came another way. */
  set(value: T): void {
    this.current = value;
    this.failure = null;
    this.changedSignal.emit();
  }

  dispose(): void {
    this.isActive = false;
    clearTimeout(this.timer);
    Signal.clearData(this);
  }

  private schedule(delay: number): void {
    if (this.timer === undefined && !this.isBusy) {
      this.timer = setTimeout(() => void this.refresh(), delay);
    }
  }

  private async refresh(): Promise<void> {
    this.timer = undefined;
    this.isBusy = true;
    this.isStale = false;
    try {
      this.current = await this.fetch();
      this.failure = null;
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.isBusy = false;
    this.changedSignal.emit();
    if (this.isStale && this.isActive) {
      this.schedule(this.gather);
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: T | null = null;
  private failure: Error | null = null;
  private isActive = false;
  private isStale = true;
  private isBusy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
}
