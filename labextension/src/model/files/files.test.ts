import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlowApi, FlowError } from '../../client/api';
import { FilesApi } from '../../client/filesApi';
import type { DagFile } from '../../client/filesApi';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket } from '../../testing/fakes';
import { Candidate } from './candidate';
import { FileProblems } from './fileProblems';
import { FilesModel, shownFiles } from './filesModel';

function file(name: string, more: Partial<DagFile> = {}): DagFile {
  return {
    folder: '/dags',
    name,
    size: 10,
    sha256: name,
    parsed_at: '2026-01-01T00:00:00+00:00',
    dags: [],
    errors: 0,
    warnings: 0,
    ...more
  };
}

const good = { is_good: true, is_saved: false, dag_ids: ['a'], problems: [] };

describe('a candidate', () => {
  it('is checked against what stands there, and written only over that', async () => {
    const bodies: unknown[] = [];
    const api = new FilesApi((method, path, body) => {
      expect(path).toBe('dag-files/sub%2Fa.py?folder=%2Fdags');
      if (method === 'GET') {
        return Promise.resolve({ folder: '/dags', name: 'sub/a.py', text: 'old', sha256: 'o' });
      }
      bodies.push(body);
      return Promise.resolve({ ...good, is_saved: !(body as { dry_run: boolean }).dry_run });
    });
    const candidate = new Candidate(api, { folder: '/dags', name: 'sub/a.py' }, 'new');
    await candidate.check();
    expect(candidate.state).toBe('good');
    expect(candidate.isSame).toBe(false);
    await candidate.putLive();
    expect(candidate.state).toBe('saved');
    expect(bodies).toEqual([
      { text: 'new', replaces: 'o', dry_run: true },
      { text: 'new', replaces: 'o', dry_run: false }
    ]);
  });

  it('may be a new file, and says why it is refused', async () => {
    let refusal = 'not_found';
    const api = new FilesApi(method => {
      if (method === 'GET' || refusal !== 'not_found') {
        return Promise.reject(new FlowError(refusal, `it is ${refusal}`));
      }
      return Promise.resolve({ ...good, is_good: false });
    });
    const candidate = new Candidate(api, { folder: null, name: 'a.py' }, 'new');
    await candidate.check();
    expect(candidate.current).toBeNull();
    expect(candidate.state).toBe('bad');
    expect(candidate.refusal).toBeNull();
    refusal = 'conflict';
    await candidate.putLive();
    expect(candidate.refusal).toBe('it is conflict');
  });
});

describe('the list of files', () => {
  const files = [
    file('etl.py', { dags: [{ dag_id: 'nightly', is_paused: false }] }),
    file('bad.py', { errors: 1 }),
    file('old.ipynb', { warnings: 2 })
  ];

  it.each([
    ['', false, ['etl.py', 'bad.py', 'old.ipynb']],
    ['NIGHT', false, ['etl.py']],
    ['py etl', false, ['etl.py']],
    ['', true, ['bad.py', 'old.ipynb']],
    ['etl', true, []]
  ])('of %j, only with problems: %s', (search, only, names) => {
    expect(shownFiles(files, search, only).map(item => item.name)).toEqual(names);
  });

  it('is read to its end, page by page', async () => {
    const asked: string[] = [];
    const api = new FilesApi((_, path) => {
      asked.push(path);
      const isFirst = asked.length === 1;
      return Promise.resolve({
        folders: ['/dags'],
        files: [file(isFirst ? 'a.py' : 'b.py')],
        next: isFirst ? 'a.py' : null
      });
    });
    expect((await api.list()).files.map(item => item.name)).toEqual(['a.py', 'b.py']);
    expect(asked[1]).toContain('&after=a.py');
  });
});

describe('the page of files', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let texts: Record<string, string>;
  const send = vi.fn((method: string, path: string): Promise<unknown> => {
    if (path === 'import-errors') {
      const [folder, message] = ['/dags', 'it is broken'];
      return Promise.resolve([{ folder, file: 'a.py', line: 3, message, kind: 'error' }]);
    }
    if (path.startsWith('dag-files?')) {
      return Promise.resolve({
        folders: ['/dags'],
        files: Object.keys(texts).map(name => file(name)),
        next: null
      });
    }
    if (path.includes('/versions')) {
      return Promise.resolve({ versions: [] });
    }
    return method === 'GET'
      ? Promise.resolve({ folder: '/dags', name: 'a.py', text: texts['a.py'], sha256: 's' })
      : Promise.resolve({ ...good, is_saved: true });
  });

  beforeEach(() => {
    vi.useFakeTimers();
    send.mockClear();
    texts = { 'a.py': 'one', 'b.py': 'two' };
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    stream.start();
    socket.hello(1);
  });
  afterEach(() => vi.useRealTimers());

  it('shows the selected file, and follows it', async () => {
    const model = new FilesModel(stream, new FlowApi(send), new FilesApi(send));
    model.setActive(true);
    await vi.runAllTimersAsync();
    expect(model.shown).toHaveLength(2);
    model.select({ folder: '/dags', name: 'a.py' });
    expect(model.known).toBeNull();
    await vi.runAllTimersAsync();
    expect(model.known?.now?.text).toBe('one');
    expect(model.file && model.problemsOf(model.file)).toHaveLength(1);
    texts['a.py'] = 'three';
    socket.receive(event('dag_changed'));
    await vi.runAllTimersAsync();
    expect(model.known?.now?.text).toBe('three');
    void model.propose({ folder: '/dags', name: 'a.py' }, 'four');
    await vi.runAllTimersAsync();
    const [candidate] = model.candidates;
    expect(candidate?.state).toBe('good');
    if (candidate) {
      await model.putLive(candidate);
    }
    expect(model.candidates).toHaveLength(0);
    model.dispose();
  });

  it('hears of problems of an open file alone', async () => {
    const model = new FileProblems(stream, new FlowApi(send), path => path === '/dags/a.py');
    const other = new FileProblems(stream, new FlowApi(send), path => path === '/dags/b.py');
    [model, other].forEach(item => item.setActive(true));
    await vi.runAllTimersAsync();
    expect(model.list.map(problem => problem.line)).toEqual([3]);
    expect(other.list).toEqual([]);
    [model, other].forEach(item => item.dispose());
  });
});
