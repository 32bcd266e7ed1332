import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CodeApi } from '../../client/codeApi';
import type { VersionSource } from '../../client/codeApi';
import { EventStream } from '../../events/eventStream';
import { event, FakeSocket } from '../../testing/fakes';
import { CodeModel, compareFiles } from './codeModel';
import { codeTab, readCodePlace } from './codePlace';
import { languageFile, readable } from './notebookText';

function version(
  number: number,
  files: Record<string, string>,
  file: string,
  texts: Record<string, string> = {}
): VersionSource {
  return {
    dag_id: 'mini',
    number,
    files_hash: JSON.stringify(files),
    files: Object.entries(files).map(([path, sha256]) => ({ path, sha256, size: 1 })),
    file,
    source: texts[file] ?? `${file} of ${number}`,
    is_cut: false
  };
}

describe('the place in the Code tab', () => {
  it('is a name that can be read back', () => {
    expect(codeTab(5)).toBe('code:5');
    expect(codeTab(5, 3)).toBe('code:3..5');
    expect(readCodePlace('5')).toEqual({ number: 5, against: null });
    expect(readCodePlace('3..5')).toEqual({ number: 5, against: 3 });
  });

  it.each(['', 'x', '1..', '..2', '1.2', '-1', '1..2..3', '9'.repeat(30)])('is not %j', text => {
    expect(readCodePlace(text)).toBeNull();
  });
});

describe('a notebook as text', () => {
  it('is its cells without outputs', () => {
    const cells = [
      { cell_type: 'markdown', source: ['# Fit\n', '\n', 'now'] },
      { cell_type: 'code', source: 'a = 1', outputs: [{ text: 'long' }] }
    ];
    const text = readable('fit.ipynb', JSON.stringify({ cells }));
    expect(text).toBe('# %% [markdown]\n# # Fit\n#\n# now\n\n# %%\na = 1\n');
    expect(languageFile('x/fit.ipynb')).toBe('x/fit.py');
  });

  it('stays as it is if it is none', () => {
    expect(readable('fit.ipynb', 'no json')).toBe('no json');
    expect(readable('fit.ipynb', '{"cells": 3}')).toBe('{"cells": 3}');
    expect(readable('a.py', '{"cells": []}')).toBe('{"cells": []}');
  });
});

describe('files of two versions', () => {
  it('are added, removed, changed or the same', () => {
    const then = version(1, { 'a.py': '1', 'b.py': '1', 'c.py': '1' }, 'a.py');
    const now = version(2, { 'a.py': '1', 'b.py': '2', 'd.py': '1' }, 'a.py');
    expect(compareFiles(now, then).map(file => `${file.path} ${file.change}`)).toEqual([
      'a.py same',
      'b.py changed',
      'c.py removed',
      'd.py added'
    ]);
    expect(compareFiles(now, null).every(file => file.change === 'same')).toBe(true);
  });
});

describe('CodeModel', () => {
  let socket: FakeSocket;
  let stream: EventStream;
  let calls: string[];
  let model: CodeModel;

  beforeEach(async () => {
    vi.useFakeTimers();
    calls = [];
    const files: Record<number, Record<string, string>> = {
      1: { 'mini.py': '1', 'old.py': '1' },
      3: { 'mini.py': '1', 'new.py': '1' }
    };
    const listed = [3, 1].map(number => ({ number, runs: 1 }));
    const send = (_: string, path: string) => {
      calls.push(path);
      const found = /versions\/(\d)\/source(?:\?file=(.*))?$/.exec(path);
      return found === null
        ? Promise.resolve({ latest: 3, versions: listed, next: null })
        : Promise.resolve(
            version(Number(found[1]), files[Number(found[1])]!, found[2] ?? 'mini.py')
          );
    };
    stream = new EventStream(cursor => (socket = new FakeSocket(cursor)));
    model = new CodeModel(stream, new CodeApi(send), 'mini');
    model.setActive(true);
    socket.hello(0);
    await settle();
  });

  afterEach(() => {
    model.dispose();
    stream.dispose();
    vi.useRealTimers();
  });

  const settle = async () => {
    await vi.advanceTimersByTimeAsync(500);
    return calls.splice(0);
  };

  it('shows the DAG file of the latest version', () => {
    expect(model.code.value).toMatchObject({ number: 3, source: 'mini.py of 3', before: null });
    expect(model.earlier).toBe(1);
  });

  it('turns to a file that changed, empty where a version does not have it', async () => {
    model.show({ number: 3, against: 1 });
    await settle();
    expect(model.code.value).toMatchObject({ file: 'new.py', source: 'new.py of 3', before: '' });
    model.showFile('old.py');
    await settle();
    expect(model.code.value).toMatchObject({ file: 'old.py', source: '', before: 'old.py of 1' });
    model.showFile('mini.py');
    await settle();
    expect(model.code.value).toMatchObject({ source: 'mini.py of 3', before: 'mini.py of 1' });
  });

  it('looks again only when its own DAG has changed', async () => {
    socket.receive(event('dag_changed', { dag_id: 'other' }));
    socket.receive(event('task_state'));
    expect(await settle()).toEqual([]);
    socket.receive(event('run_created'));
    expect(await settle()).toEqual(['dags/mini/versions?limit=500']);
    socket.receive(event('dag_changed'));
    expect((await settle()).length).toBeGreaterThan(1);
  });
});
