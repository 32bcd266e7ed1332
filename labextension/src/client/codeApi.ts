/** What the Code tab asks for: versions of a DAG and their files. */
import type { Send } from './api';
import type { components } from './openapi';

type Schemas = components['schemas'];

export type DagVersion = Schemas['DagVersion'];
export type DagVersions = Schemas['DagVersions'];
/** One file of a version as it was; `source` is null for a file that is no text. */
export type VersionSource = Schemas['VersionSource'];
export type VersionFile = Schemas['VersionFile'];

export class CodeApi {
  constructor(private readonly send: Send) {}

  versions = (dagId: string, limit: number) =>
    this.send('GET', `${dag(dagId)}/versions?limit=${limit}`) as Promise<DagVersions>;

  /** `file`: null for the DAG file. */
  source(dagId: string, number: number, file: string | null): Promise<VersionSource> {
    const query = file === null ? '' : `?file=${encodeURIComponent(file)}`;
    return this.send(
      'GET',
      `${dag(dagId)}/versions/${number}/source${query}`
    ) as Promise<VersionSource>;
  }
}

function dag(dagId: string): string {
  return `dags/${encodeURIComponent(dagId)}`;
}
