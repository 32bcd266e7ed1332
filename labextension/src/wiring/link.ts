/** Links into JupyterLab, as mails have them: `/lab?flow-dag=ID&flow-run=ID&flow-task=ID`, `/lab?flow-dag=ID&flow-tab=NAME`. */

export type LinkedPage = {
  dag_id: string;
  run_id?: string;
  task_id?: string;
  tab?: string;
};

/** The page that the query of an address names, null if it names none. */
export function linkedPage(query: string): LinkedPage | null {
  const given = new URLSearchParams(query);
  const dag_id = given.get('flow-dag');
  const run_id = given.get('flow-run');
  const task_id = given.get('flow-task');
  const tab = given.get('flow-tab');
  if (!dag_id) {
    return null;
  }
  if (!run_id) {
    return { dag_id, ...(tab ? { tab } : {}) };
  }
  return { dag_id, run_id, ...(task_id ? { task_id } : {}) };
}
