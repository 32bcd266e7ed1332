/** What a person has chosen on a page, kept across reloads. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

/** Where choices are kept: JupyterLab's state database, or nothing. */
export interface OptionStore {
  load(key: string): Promise<unknown>;
  save(key: string, value: object): Promise<unknown>;
}

export const NO_STORE: OptionStore = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve()
};

export class Options<T extends object> {
  constructor(
    private readonly store: OptionStore,
    private readonly key: string,
    private current: T
  ) {
    const load = store.load(key).catch(() => undefined);
    this.ready = load.then(kept => {
      this.isReady = true;
      const known = Object.entries(kept ?? {}).filter(([name]) => name in this.current);
      this.current = { ...this.current, ...Object.fromEntries(known), ...this.chosen };
      this.emit();
    });
  }

  /** Resolves once what was kept is known. */
  readonly ready: Promise<void>;
  isReady = false;

  get value(): T {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get version(): number {
    return this.count;
  }

  set(change: Partial<T>): void {
    this.chosen = { ...this.chosen, ...change };
    this.current = { ...this.current, ...change };
    this.emit();
    void this.ready.then(() => this.store.save(this.key, this.current));
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private emit(): void {
    this.count += 1;
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private chosen: Partial<T> = {};
  private count = 0;
}
