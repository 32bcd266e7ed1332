/** The code of a DAG as its runs used it: one version, or what changed between two. */
import type { CodeApi, DagVersion, DagVersions, VersionSource } from '../../client/codeApi';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import type { CodePlace } from './codePlace';

const MOST_VERSIONS = 500;

export type FileChange = 'same' | 'changed' | 'added' | 'removed';

export interface CodeFile {
  path: string;
  change: FileChange;
}

/** What is shown: `before` is null when nothing is compared. */
export interface ShownCode {
  number: number;
  against: number | null;
  files: CodeFile[];
  file: string;
  source: string | null;
  before: string | null;
  isCut: boolean;
  /** Two versions of the same files: they differ in what the file made of its surroundings. */
  isSameFiles: boolean;
}

export class CodeModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: CodeApi,
    readonly dagId: string
  ) {
    super(stream);
    this.versions = this.own(new Resource(() => api.versions(dagId, MOST_VERSIONS)));
    this.code = this.own(new Resource(() => this.fetch()));
  }

  readonly versions: Resource<DagVersions>;
  readonly code: Resource<ShownCode>;

  get list(): DagVersion[] {
    return this.versions.value?.versions ?? [];
  }

  /** The chosen version, or the latest one. */
  get number(): number | null {
    return this.place?.number ?? this.versions.value?.latest ?? null;
  }

  get against(): number | null {
    return this.place?.against ?? null;
  }

  /** The version before `number`, null if it is the first. */
  get earlier(): number | null {
    const { number } = this;
    return number === null ? null : (this.list.find(item => item.number < number)?.number ?? null);
  }

  show(place: CodePlace | null): void {
    this.place = place;
    this.code.touch();
    this.emit();
  }

  /** Null for the DAG file, or the first one that changed. */
  showFile(file: string | null): void {
    this.file = file;
    this.code.touch();
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    if (event.dag_id !== this.dagId) {
      return;
    }
    if (event.kind === 'dag_changed') {
      this.code.touch();
    }
    if (event.kind === 'dag_changed' || event.kind === 'run_created') {
      this.versions.touch();
    }
  }

  private async fetch(): Promise<ShownCode> {
    const number = this.place?.number ?? (await this.api.versions(this.dagId, 1)).latest; // the list may be older
    const against = this.against === number ? null : this.against;
    const [now, then] = await Promise.all([
      this.api.source(this.dagId, number, null),
      against === null ? null : this.api.source(this.dagId, against, null)
    ]);
    const files = compareFiles(now, then);
    const file = this.chosen(files, now.file);
    const [shown, before] = await Promise.all([
      this.sourceOf(now, file),
      this.sourceOf(then, file)
    ]);
    return {
      number,
      against,
      files,
      file,
      source: shown.source,
      before: then === null ? null : before.source,
      isCut: shown.is_cut || before.is_cut,
      isSameFiles: then?.files_hash === now.files_hash
    };
  }

  private chosen(files: CodeFile[], dagFile: string): string {
    if (files.some(item => item.path === this.file)) {
      return this.file as string;
    }
    const changed = files.filter(item => item.change !== 'same').map(item => item.path);
    return changed.includes(dagFile) ? dagFile : (changed[0] ?? dagFile);
  }

  /** The text of `file` in a version; empty where the version does not have it. */
  private async sourceOf(
    version: VersionSource | null,
    file: string
  ): Promise<{ source: string | null; is_cut: boolean }> {
    if (version === null || !version.files.some(item => item.path === file)) {
      return { source: '', is_cut: false };
    }
    return version.file === file
      ? version
      : await this.api.source(this.dagId, version.number, file);
  }

  private place: CodePlace | null = null;
  private file: string | null = null;
}

/** All files of both versions and what became of each; all are the `same` when nothing is compared. */
export function compareFiles(now: VersionSource, then: VersionSource | null): CodeFile[] {
  const before = new Map((then ?? now).files.map(file => [file.path, file.sha256]));
  const after = new Map(now.files.map(file => [file.path, file.sha256]));
  const change = (path: string): FileChange =>
    !before.has(path)
      ? 'added'
      : !after.has(path)
        ? 'removed'
        : before.get(path) === after.get(path)
          ? 'same'
          : 'changed';
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.map(path => ({ path, change: change(path) }));
}
