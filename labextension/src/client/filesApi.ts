/** DAG files as files: which there are, what stands in them now and earlier, and what a text would make of them. */
import type { Send } from './api';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type DagFile = Schemas['DagFile'];
export type DagFileText = Schemas['DagFileText'];
export type DagFileVerdict = Schemas['DagFileVerdict'];
export type DagFileVersion = Schemas['DagFileVersion'];

/** A DAG file: a folder of the house, null for the first one, and the path beneath it. */
export interface FilePlace {
  folder: string | null;
  name: string;
}

export interface DagFiles {
  folders: string[];
  files: DagFile[];
}

/** A DAG file that is not written yet. */
export type DagDraft = Schemas['DagDraft'];

/** What a new DAG is to do with notebooks. */
export interface NewDagWish {
  dagId: string | null;
  schedule: string;
  isChain: boolean;
}

const PAGE = 500;

export class FilesApi {
  constructor(private readonly send: Send) {}

  /** All of them by name. */
  async list(): Promise<DagFiles> {
    const files: DagFile[] = [];
    let after: string | null = null;
    for (;;) {
      const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
      const page: Schemas['DagFilePage'] = await this.get(`dag-files?limit=${PAGE}${query}`);
      files.push(...page.files);
      after = page.next;
      if (after === null) {
        return { folders: page.folders, files };
      }
    }
  }

  text = (place: FilePlace) => this.get<DagFileText>(path(place));

  /** Load a text as this file, and write it if it loads. `replaces`: digest of what stands there, null for a new file. */
  save(
    place: FilePlace,
    text: string,
    replaces: string | null,
    dryRun: boolean
  ): Promise<DagFileVerdict> {
    const body = { text, replaces, dry_run: dryRun };
    return this.send('POST', path(place), body) as Promise<DagFileVerdict>;
  }

  remove = (place: FilePlace) => this.send('DELETE', path(place));

  versions = async (place: FilePlace) =>
    (await this.get<{ versions: DagFileVersion[] }>(path(place, '/versions'))).versions;

  version = (place: FilePlace, bundle: string) =>
    this.get<DagFileText>(path(place, `/versions/${encodeURIComponent(bundle)}`));

  /** A new DAG file that would run notebooks (paths of the contents API). */
  draft(paths: readonly string[], { dagId, schedule, isChain }: NewDagWish): Promise<DagDraft> {
    const query = new URLSearchParams(paths.map(path => ['path', path]));
    query.set('chain', String(isChain));
    if (dagId !== null) {
      query.set('dag_id', dagId);
    }
    if (schedule) {
      query.set('schedule', schedule);
    }
    return this.get(`dag-draft?${query.toString()}`);
  }

  /** The file of a DAG as it would be with tasks added. */
  draftTasks(dagId: string, paths: readonly string[], after: string | null): Promise<DagDraft> {
    const query = new URLSearchParams(paths.map(path => ['path', path]));
    if (after !== null) {
      query.set('after', after);
    }
    return this.get(`dags/${encodeURIComponent(dagId)}/draft?${query.toString()}`);
  }

  private get<T>(path: string): Promise<T> {
    return this.send('GET', path) as Promise<T>;
  }
}

function path({ folder, name }: FilePlace, more = ''): string {
  const query = folder === null ? '' : `?folder=${encodeURIComponent(folder)}`;
  return `dag-files/${encodeURIComponent(name)}${more}${query}`;
}
