/** A read-only drive over executed notebooks, so that Lab's own viewer opens them. */
import { PathExt } from '@jupyterlab/coreutils';
import type { Contents, ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import type { FlowApi } from '../client/api';
import { DRIVE, fromLocalPath } from './paths';

export class FlowDrive implements Contents.IDrive {
  constructor(
    private readonly api: FlowApi,
    readonly serverSettings: ServerConnection.ISettings
  ) {}

  readonly name = DRIVE;
  readonly fileChanged = new Signal<this, Contents.IChangedArgs>(this);

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const name = PathExt.basename(localPath);
    if (!name.endsWith('.ipynb')) {
      return model(localPath, 'directory', options?.content ? [] : null);
    }
    if (options?.content === false) {
      return model(localPath, 'notebook', null);
    }
    const { key, attempt } = fromLocalPath(localPath);
    const answer = await this.api.notebook(key, attempt);
    return model(localPath, 'notebook', answer.notebook);
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  getDownloadUrl(): Promise<string> {
    return refuse();
  }

  newUntitled(): Promise<Contents.IModel> {
    return refuse();
  }

  delete(): Promise<void> {
    return refuse();
  }

  rename(): Promise<Contents.IModel> {
    return refuse();
  }

  save(): Promise<Contents.IModel> {
    return refuse();
  }

  copy(): Promise<Contents.IModel> {
    return refuse();
  }

  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return refuse();
  }

  restoreCheckpoint(): Promise<void> {
    return refuse();
  }

  deleteCheckpoint(): Promise<void> {
    return refuse();
  }

  private disposed = false;
}

function refuse(): Promise<never> {
  return Promise.reject(
    new Error('Executed notebooks are records and cannot be changed: use File > Save As for a copy')
  );
}

/** Records have no time of change that matters here, but Lab wants one: when the page was loaded. */
const LOADED = new Date().toISOString();

function model(path: string, type: Contents.ContentType, content: unknown): Contents.IModel {
  const isNotebook = type === 'notebook';
  return {
    name: PathExt.basename(path),
    path,
    type,
    writable: false,
    created: LOADED,
    last_modified: LOADED,
    mimetype: '',
    content,
    format: isNotebook && content !== null ? 'json' : type === 'directory' ? 'json' : null
  } as Contents.IModel;
}
