/** The name of a comparison, as links and commands have it: `compare:RUN,RUN`, or one run beside its last success. */

export const MOST_COMPARED = 5;

export function compareTab(runIds: readonly string[]): string {
  return `compare:${runIds.map(encodeURIComponent).join(',')}`;
}

/** What stands after `compare:`. */
export function readComparePlace(text: string): string[] {
  const runIds = text.split(',').filter(Boolean).map(decoded);
  return [...new Set(runIds)].slice(0, MOST_COMPARED);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
