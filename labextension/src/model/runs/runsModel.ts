/** The runs of a DAG as a long list: filtered, selected, and changed many at once. */
import type { FlowApi } from '../../client/api';
import type { DagApi, RunFilter } from '../../client/dagApi';
import type { FlowEvent, Run } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import { ListeningModel } from '../shared/listening';
import { Resource } from '../shared/resource';
import { plan } from './bulk';
import type { BulkAction, PlannedRun } from './bulk';

const STEP = 100;
const PAGE = 500;
const GATHER = 120;

export const NO_FILTER: RunFilter = { state: '', run_type: '', since: '', until: '' };

interface Listed {
  runs: Run[];
  hasMore: boolean;
}

/** How far a bulk action is with each run. */
export type Progress = 'waits' | 'busy' | 'done' | { error: string };

export interface Bulk {
  action: BulkAction;
  planned: PlannedRun[];
  progress: Map<string, Progress>;
  isBusy: boolean;
}

export class RunsModel extends ListeningModel {
  constructor(
    stream: EventStream,
    private readonly api: FlowApi,
    private readonly dagApi: DagApi,
    readonly dagId: string
  ) {
    super(stream);
    this.list = this.own(new Resource(() => this.fetch(), GATHER));
  }

  readonly list: Resource<Listed>;
  readonly selected = new Set<string>();
  bulk: Bulk | null = null;

  get runs(): Run[] {
    return this.list.value?.runs ?? [];
  }

  get filter(): RunFilter {
    return this.wanted;
  }

  set filter(filter: RunFilter) {
    this.wanted = filter;
    this.most = STEP;
    this.selected.clear();
    this.list.touch();
    this.emit();
  }

  /** Ask for more once the end of the list is seen. */
  showMore(): void {
    if (this.list.value?.hasMore && this.runs.length >= this.most) {
      this.most += STEP;
      this.list.touch();
    }
  }

  select(runIds: string[], isSelected: boolean): void {
    for (const runId of runIds) {
      if (isSelected) {
        this.selected.add(runId);
      } else {
        this.selected.delete(runId);
      }
    }
    this.emit();
  }

  /** Say what `action` would do to the selected runs. */
  prepare(action: BulkAction | null): void {
    const chosen = this.runs.filter(run => this.selected.has(run.run_id));
    this.bulk =
      action === null
        ? null
        : { action, planned: plan(action, chosen), progress: new Map(), isBusy: false };
    this.emit();
  }

  /** Do what was prepared, run by run; a refusal stops none of the others. */
  async perform(): Promise<void> {
    const { bulk } = this;
    if (bulk === null || bulk.isBusy) {
      return;
    }
    bulk.isBusy = true;
    for (const { run, leftOut } of bulk.planned) {
      if (leftOut === null) {
        this.report(bulk, run, 'busy');
        try {
          await this.one(bulk.action, run.run_id);
          this.report(bulk, run, 'done');
          this.selected.delete(run.run_id);
        } catch (error) {
          const words = error instanceof Error ? error.message : String(error);
          this.report(bulk, run, { error: words });
        }
      }
    }
    bulk.isBusy = false;
    this.list.touch(); // a deleted run sends no event of its own
    if ([...bulk.progress.values()].every(progress => progress === 'done')) {
      this.bulk = null;
    }
    this.emit();
  }

  protected onEvent(event: FlowEvent): void {
    const isOurs = event.dag_id === this.dagId && event.kind !== 'task_state';
    if (event.kind === 'host_changed' || isOurs) {
      this.list.touch();
    }
  }

  private report(bulk: Bulk, run: Run, progress: Progress): void {
    bulk.progress.set(run.run_id, progress);
    this.emit();
  }

  private one(action: BulkAction, runId: string): Promise<unknown> {
    switch (action) {
      case 'rerun_failed':
        return this.api.clearRun(this.dagId, runId, true);
      case 'rerun_all':
        return this.api.clearRun(this.dagId, runId, false);
      case 'mark_success':
        return this.dagApi.markRun(this.dagId, runId, 'success');
      case 'mark_failed':
        return this.dagApi.markRun(this.dagId, runId, 'failed');
      case 'cancel':
        return this.api.cancelRun(this.dagId, runId);
      case 'delete':
        return this.dagApi.deleteRun(this.dagId, runId);
    }
  }

  private async fetch(): Promise<Listed> {
    const runs: Run[] = [];
    let before: string | null = null;
    do {
      const limit = Math.min(PAGE, this.most - runs.length);
      const page = await this.dagApi.runs(this.dagId, limit, before, this.wanted);
      runs.push(...page.runs);
      before = page.next;
    } while (before !== null && runs.length < this.most);
    return { runs, hasMore: before !== null };
  }

  private wanted = NO_FILTER;
  private most = STEP;
}
