/** The DAG files, one of them with its earlier texts, and texts that are about to go live. */
import type { FlowApi } from '../../client/api';
import type { FlowEvent, ImportProblem } from '../../client/documents';
import type {
  DagFile,
  DagFiles,
  DagFileText,
  DagFileVersion,
  FilePlace,
  FilesApi
} from '../../client/filesApi';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import { Candidate } from './candidate';

/** A folder full of files changes many DAGs at once. */
const CALM = 300;

export interface FileDetails {
  place: FilePlace;
  /** null: the file is gone. */
  now: DagFileText | null;
  versions: DagFileVersion[];
  /** The earlier text that is looked at. */
  earlier: DagFileText | null;
}

export class FilesModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi,
    private readonly filesApi: FilesApi
  ) {
    super(stream);
    this.files = this.own(new Resource<DagFiles>(() => filesApi.list(), CALM));
    this.problems = this.own(new Resource<ImportProblem[]>(() => api.importErrors(), CALM));
    this.details = this.own(new Resource<FileDetails | null>(() => this.fetch(), CALM));
  }

  readonly files: Resource<DagFiles>;
  readonly problems: Resource<ImportProblem[]>;
  readonly details: Resource<FileDetails | null>;

  get search(): string {
    return this.words;
  }

  set search(words: string) {
    this.words = words;
    this.emit();
  }

  get onlyTroubled(): boolean {
    return this.isOnlyTroubled;
  }

  set onlyTroubled(isOnly: boolean) {
    this.isOnlyTroubled = isOnly;
    this.emit();
  }

  get shown(): DagFile[] {
    return shownFiles(this.files.value?.files ?? [], this.words, this.isOnlyTroubled);
  }

  get place(): FilePlace | null {
    return this.selected;
  }

  /** The row of the selected file, null if none is selected or it is gone. */
  get file(): DagFile | null {
    const { selected } = this;
    return (
      this.files.value?.files.find(
        file => file.name === selected?.name && [null, file.folder].includes(selected.folder)
      ) ?? null
    );
  }

  /** What is known of the selected file; null until it is. */
  get known(): FileDetails | null {
    const { value } = this.details;
    return value?.place === this.selected ? value : null;
  }

  /** Which earlier text is looked at. */
  get bundle(): string | null {
    return this.chosen;
  }

  select(place: FilePlace | null): void {
    this.selected = place;
    this.chosen = null;
    this.details.touch();
    this.emit();
  }

  look(bundle: string | null): void {
    this.chosen = bundle;
    this.details.touch();
    this.emit();
  }

  problemsOf(file: DagFile): ImportProblem[] {
    return (this.problems.value ?? []).filter(
      problem => problem.file === file.name && problem.folder === file.folder
    );
  }

  get candidates(): readonly Candidate[] {
    return this.list;
  }

  /** Look whether a text may go live as this file; a candidate for the same file gives way. */
  propose(place: FilePlace, text: string): Promise<void> {
    this.list.filter(item => item.place.name === place.name).forEach(item => this.discard(item));
    const candidate = new Candidate(this.filesApi, place, text);
    candidate.changed.connect(this.emit, this);
    this.list = [...this.list, candidate];
    return candidate.check();
  }

  async putLive(candidate: Candidate): Promise<void> {
    await candidate.putLive();
    if (candidate.state === 'saved') {
      this.discard(candidate);
      this.select(candidate.place);
      this.files.touch();
    }
  }

  discard(candidate: Candidate): void {
    candidate.dispose();
    this.list = this.list.filter(item => item !== candidate);
    this.emit();
  }

  async remove(place: FilePlace): Promise<void> {
    await this.filesApi.remove(place);
    this.select(null);
    this.files.touch();
  }

  reload(): Promise<unknown> {
    return this.api.reload();
  }

  override dispose(): void {
    this.list.forEach(candidate => candidate.dispose());
    super.dispose();
  }

  protected onEvent(event: FlowEvent): void {
    switch (event.kind) {
      case 'import_errors_changed':
        this.problems.touch();
        this.files.touch();
        break;
      case 'dag_changed':
        this.files.touch();
        this.details.touch();
        break;
      default:
        break;
    }
  }

  private async fetch(): Promise<FileDetails | null> {
    const { selected, chosen } = this;
    if (selected === null) {
      return null;
    }
    const [now, versions, earlier] = await Promise.all([
      this.filesApi.text(selected).catch(() => null),
      this.filesApi.versions(selected),
      chosen === null ? null : this.filesApi.version(selected, chosen)
    ]);
    return { place: selected, now, versions, earlier };
  }

  private words = '';
  private isOnlyTroubled = false;
  private selected: FilePlace | null = null;
  private chosen: string | null = null;
  private list: Candidate[] = [];
}

export function shownFiles(files: DagFile[], search: string, onlyTroubled: boolean): DagFile[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return files.filter(file => {
    const text = [file.name, ...file.dags.map(dag => dag.dag_id)].join(' ').toLowerCase();
    const isTroubled = file.errors + file.warnings > 0;
    return (!onlyTroubled || isTroubled) && words.every(word => text.includes(word));
  });
}
