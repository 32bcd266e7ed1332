/** A text that may become a DAG file: an upload, or an earlier text. It is loaded on the server before it goes live. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import { FlowError } from '../../client/api';
import type { DagFileText, DagFileVerdict, FilePlace, FilesApi } from '../../client/filesApi';

export type CandidateState = 'checking' | 'good' | 'bad' | 'saving' | 'saved';

export class Candidate {
  constructor(
    private readonly api: FilesApi,
    readonly place: FilePlace,
    readonly text: string
  ) {}

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): CandidateState {
    return this.is;
  }

  /** What the server found when it loaded the text; null until then. */
  get verdict(): DagFileVerdict | null {
    return this.found;
  }

  /** What stands in the file now; null for a new file. */
  get current(): DagFileText | null {
    return this.known;
  }

  /** Why the server refused to look or to write. */
  get refusal(): string | null {
    return this.refused;
  }

  get isSame(): boolean {
    return this.known?.text === this.text;
  }

  async check(): Promise<void> {
    this.go('checking');
    try {
      this.known = await this.now();
      this.found = await this.api.save(this.place, this.text, this.digest, true);
      this.go(this.found.is_good ? 'good' : 'bad');
    } catch (error) {
      this.fail(error);
    }
  }

  /** Write it: only over the text that was looked at. */
  async putLive(): Promise<void> {
    this.go('saving');
    try {
      this.found = await this.api.save(this.place, this.text, this.digest, false);
      this.go(this.found.is_saved ? 'saved' : 'bad');
    } catch (error) {
      this.fail(error);
    }
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private get digest(): string | null {
    return this.known?.sha256 ?? null;
  }

  private async now(): Promise<DagFileText | null> {
    try {
      return await this.api.text(this.place);
    } catch (error) {
      if (error instanceof FlowError && error.code === 'not_found') {
        return null;
      }
      throw error;
    }
  }

  private fail(error: unknown): void {
    this.refused = error instanceof Error ? error.message : String(error);
    this.go('bad');
  }

  private go(state: CandidateState): void {
    if (state === 'checking' || state === 'saving') {
      this.refused = null;
    }
    this.is = state;
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private is: CandidateState = 'checking';
  private known: DagFileText | null = null;
  private found: DagFileVerdict | null = null;
  private refused: string | null = null;
}
