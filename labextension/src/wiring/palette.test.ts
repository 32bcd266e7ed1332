import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';
import { DAG_TABS } from '../model/dag/dagPageModel';
import { OPERATION_PAGES } from '../model/operations/operationsModel';
import { Commands, NotebookCommands } from '../tokens';
import { paletteItems } from './palette';

/** Commands about something that a view names: menus and buttons have them. */
const ABOUT_A_RUN = [
  Commands.openRun,
  Commands.openNotebook,
  Commands.openLive,
  Commands.letKernelGo,
  Commands.openFile,
  Commands.setPaused,
  Commands.cancelRun,
  Commands.clearRun
] as string[];

describe('the command palette', () => {
  const items = paletteItems(nullTranslator.load('jupyterlab_flow'));
  const offered = (name: string) =>
    items.flatMap(item => (item.args?.[name] === undefined ? [] : [item.args[name]]));

  it('has every command that can be used without naming a run or a task', () => {
    const known = Object.values({ ...Commands, ...NotebookCommands }) as string[];
    const commands = new Set(items.map(item => item.command));
    expect(new Set([...commands, ...ABOUT_A_RUN])).toEqual(new Set(known));
    expect(ABOUT_A_RUN.filter(command => commands.has(command))).toEqual([]);
  });

  it('has every page, and every view of a DAG that needs no choice of runs', () => {
    expect(offered('page')).toEqual([...OPERATION_PAGES]);
    expect(new Set(offered('tab'))).toEqual(new Set(DAG_TABS.filter(tab => tab !== 'compare')));
    const labels = offered('label');
    expect(new Set(labels).size).toBe(OPERATION_PAGES.length + DAG_TABS.length - 1);
  });
});
