/** What somebody should look at, the worst first. Pure: "now" is an argument. */
import type { DagRow, FailedRun, ImportProblem, Sla } from '../../client/documents';

export type AttentionItem =
  | { kind: 'failed'; key: string; run: FailedRun }
  | { kind: 'import'; key: string; problem: ImportProblem }
  | { kind: 'late'; key: string; dag: DagRow; due: string }
  | { kind: 'sla'; key: string; sla: Sla };

/** A run that is due is made at once: after so long something is wrong. */
const LATE_AFTER = 60_000;
/** Older misses stand on the page of missed SLAs only. */
const SLA_AGE = 86_400_000;

export interface Known {
  failed: FailedRun[];
  problems: ImportProblem[];
  slas: Sla[];
  rows: DagRow[];
}

export function attentionItems(known: Known, now: number): AttentionItem[] {
  return [
    ...known.failed.map(run => ({
      kind: 'failed' as const,
      key: `failed:${run.dag_id}/${run.run_id}`,
      run
    })),
    ...known.problems
      .filter(problem => problem.kind === 'error')
      .map((problem, place) => ({
        kind: 'import' as const,
        key: `import:${problem.file}:${problem.line}:${place}`,
        problem
      })),
    ...known.rows.flatMap(dag => {
      const due = dag.next_run_after;
      const isLate = due !== null && !dag.is_paused && now - Date.parse(due) > LATE_AFTER;
      return isLate ? [{ kind: 'late' as const, key: `late:${dag.dag_id}`, dag, due }] : [];
    }),
    ...known.slas
      .filter(sla => sla.note === null && now - Date.parse(sla.noticed_at ?? '') < SLA_AGE)
      .map(sla => ({
        kind: 'sla' as const,
        key: `sla:${sla.dag_id}/${sla.run_id}/${sla.task_id}`,
        sla
      }))
  ];
}
