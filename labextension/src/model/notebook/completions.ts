/** Which ids can stand at the cursor of a `%%task` or `%%dag` cell. */
import { magicLine } from './taskLine';

export interface Completions {
  /** The piece of the cell that an item replaces. */
  start: number;
  end: number;
  items: string[];
}

const AFTER = /(?:--after(?:=|\s+)|\bafter\s*=\s*)['"]?(?:[\w.-]+\s*,\s*)*([\w.-]*)$/;
const ARROW = /(?:>>|<<)\s*(?:\[(?:\s*\w+\s*,)*\s*)?(\w*)$/;
const ASSIGNED = /^[^\S\n]*(\w+)\s*=\s*(?:\w+\.)*(?:\w*(?:Operator|Sensor)|TaskGroup|\w+)\(/gm;
const TASK_ID = /\btask_id\s*=\s*(['"])([^'"\n]+)\1/g;

/** Ids of the tasks that the cells of a notebook define. */
export function taskIds(sources: string[]): string[] {
  const found = sources.flatMap(source => {
    const line = magicLine(source);
    if (line?.magic === 'task') {
      return line.id ? [line.id] : [];
    }
    return line ? [...source.matchAll(TASK_ID)].map(match => match[2] ?? '') : [];
  });
  return [...new Set(found)];
}

/** Return what fits at `offset` of `source`; null where ids of tasks have no place. `known`: those of the house. */
export function completionsAt(
  source: string,
  offset: number,
  others: string[],
  known: string[] = []
): Completions | null {
  const line = magicLine(source);
  if (!line) {
    return null;
  }
  const before = source.slice(source.lastIndexOf('\n', offset - 1) + 1, offset);
  const after = line.magic === 'task' && offset > line.end ? null : AFTER.exec(before);
  if (after) {
    const begun = after[1] ?? '';
    const ids = new Set([...taskIds([...others, source]), ...known]);
    const taken = after[0].split(/[^\w.-]+/).slice(0, -1);
    ids.delete(line.magic === 'task' ? line.id : '');
    taken.forEach(id => ids.delete(id));
    return place(offset, begun, [...ids]);
  }
  const arrow = line.magic === 'dag' && offset > line.end ? ARROW.exec(before) : null;
  if (arrow) {
    const names = [...source.matchAll(ASSIGNED)].map(match => match[1] ?? '');
    return place(offset, arrow[1] ?? '', [...new Set(names)]);
  }
  return null;
}

function place(offset: number, begun: string, names: string[]): Completions | null {
  const items = names.filter(name => name.startsWith(begun)).sort();
  return items.length ? { start: offset - begun.length, end: offset, items } : null;
}
