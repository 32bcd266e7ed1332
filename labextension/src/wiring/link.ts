/** Links into JupyterLab, as mails have them: `/lab?flow-dag=ID&flow-run=ID&flow-task=ID`. */

export type LinkedPage = { dag_id: string; run_id: string; task_id?: string };

/** The page that the query of an address names, null if it names none. */
export function linkedPage(query: string): LinkedPage | null {
  const given = new URLSearchParams(query);
  const dag_id = given.get('flow-dag');
  const run_id = given.get('flow-run');
  const task_id = given.get('flow-task');
  if (!dag_id || !run_id) {
    return null;
  }
  return { dag_id, run_id, ...(task_id ? { task_id } : {}) };
}
