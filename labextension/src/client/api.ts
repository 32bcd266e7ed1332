/** The REST door, one method per resource. Refusals arrive as FlowError with the house's own sentence. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type {
  Dag,
  DagWithTasks,
  ExecutedNotebook,
  Health,
  ImportProblem,
  MendedCell,
  NextRun,
  OpenedKernel,
  Run,
  RunPage,
  RunWithTasks,
  TaskDetails,
  TriggerBody,
  Why
} from './documents';
import type { TaskKey } from '../tokens';

const PREFIX = 'jupyter-flow/api';

export class FlowError extends Error {
  constructor(
    readonly code: string,
    message: string
  ) {
    super(message);
    this.name = 'FlowError';
  }
}

/** Sends one request and returns its JSON answer. Replaced in tests. */
export type Send = (method: string, path: string, body?: unknown) => Promise<unknown>;

export interface ResumeBody {
  copy_of: string;
  cells: MendedCell[];
  with_kernel: boolean;
}

export class FlowApi {
  constructor(private readonly send: Send) {}

  health = () => this.get<Health>('health');
  dags = async () => (await this.get<{ dags: Dag[] }>('dags')).dags;
  dag = (dagId: string) => this.get<DagWithTasks>(dag(dagId));
  nextRuns = (dagId: string, count: number) =>
    this.get<NextRun[]>(`${dag(dagId)}/next?count=${count}`);
  importErrors = () => this.get<ImportProblem[]>('import-errors');
  run = (dagId: string, runId: string) => this.get<RunWithTasks>(run(dagId, runId));
  task = (key: TaskKey) => this.get<TaskDetails>(`${task(key)}?map_index=${key.map_index}`);
  why = (key: TaskKey) => this.get<Why>(`${task(key)}/why?map_index=${key.map_index}`);
  setPaused = (dagId: string, isPaused: boolean) =>
    this.send('PATCH', dag(dagId), { is_paused: isPaused }) as Promise<Dag>;
  trigger = (dagId: string, body: TriggerBody) => this.post<Run>(`${dag(dagId)}/runs`, body);
  cancelRun = (dagId: string, runId: string) => this.post<Run>(`${run(dagId, runId)}/cancel`, {});
  clearRun = (dagId: string, runId: string, onlyFailed: boolean) =>
    this.post<Run>(`${run(dagId, runId)}/clear`, { only_failed: onlyFailed });
  reload = () => this.post<unknown>('reload', {});

  runs(dagId: string, limit: number, before?: string): Promise<RunPage> {
    const page = before ? `&before=${encodeURIComponent(before)}` : '';
    return this.get<RunPage>(`${dag(dagId)}/runs?limit=${limit}${page}`);
  }

  notebook(key: TaskKey, attempt: number | null): Promise<ExecutedNotebook> {
    const which = attempt === null ? '' : `&attempt=${attempt}`;
    return this.get<ExecutedNotebook>(`${task(key)}/notebook?map_index=${key.map_index}${which}`);
  }

  openLive(key: TaskKey): Promise<OpenedKernel> {
    return this.post<OpenedKernel>(`${task(key)}/kernel?map_index=${key.map_index}`, {});
  }

  resume(key: TaskKey, body: ResumeBody): Promise<TaskDetails> {
    return this.post<TaskDetails>(`${task(key)}/resume?map_index=${key.map_index}`, body);
  }

  letKernelGo(key: TaskKey): Promise<unknown> {
    return this.send('DELETE', `${task(key)}/kernel?map_index=${key.map_index}`);
  }

  private get<T>(path: string): Promise<T> {
    return this.send('GET', path) as Promise<T>;
  }

  private post<T>(path: string, body: unknown): Promise<T> {
    return this.send('POST', path, body) as Promise<T>;
  }
}

/** Sends through JupyterLab's own connection: base URL, token and XSRF are its matter. */
export function serverSend(settings: ServerConnection.ISettings): Send {
  return async (method, path, body) => {
    const url = URLExt.join(settings.baseUrl, PREFIX) + '/' + path;
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, settings);
    } catch (error) {
      throw new FlowError('no_server', `The server does not answer: ${String(error)}`);
    }
    const text = await response.text();
    let answer: unknown;
    try {
      answer = text ? JSON.parse(text) : {};
    } catch {
      answer = {};
    }
    if (!response.ok) {
      const { code, message } = answer as { code?: string; message?: string };
      throw new FlowError(code ?? 'error', message ?? `${response.status} ${response.statusText}`);
    }
    return answer;
  };
}

export function eventsUrl(settings: ServerConnection.ISettings, cursor: number | null): string {
  const query: Record<string, string> = {};
  if (cursor !== null) {
    query['cursor'] = String(cursor);
  }
  if (settings.appendToken && settings.token) {
    query['token'] = settings.token;
  }
  return URLExt.join(settings.wsUrl, PREFIX, 'events') + URLExt.objectToQueryString(query);
}

function dag(dagId: string): string {
  return `dags/${encodeURIComponent(dagId)}`;
}

function run(dagId: string, runId: string): string {
  return `${dag(dagId)}/runs/${encodeURIComponent(runId)}`;
}

function task(key: TaskKey): string {
  return `${run(key.dag_id, key.run_id)}/tasks/${encodeURIComponent(key.task_id)}`;
}
