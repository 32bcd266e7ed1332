/** What a person fills in before a backfill, on the clocks of the DAG's zone. */
import type { BackfillBody, Reprocess } from '../../client/backfillApi';
import type { Dag, Run } from '../../client/documents';
import { TriggerChoice } from '../forms/triggerChoice';
import { DAY, instantOf, wallTime } from '../shared/zones';
import type { DayRange } from './backfillPlace';

export const REPROCESS: readonly Reprocess[] = ['none', 'failed', 'completed'];
export const MOST_AT_ONCE = 1000;
const USUAL_DAYS = 7;

export class BackfillWish {
  /** `runs`: earlier ones, whose values can be taken over. Without a `range` the last days are proposed. */
  constructor(dag: Dag, runs: readonly Run[], now: number, range: DayRange | null) {
    this.choice = new TriggerChoice(dag, runs);
    this.zone = dag.schedule_timezone;
    this.from = `${range?.from ?? wallTime(now - USUAL_DAYS * DAY, this.zone).slice(0, 10)}T00:00`;
    this.to = range ? `${range.to}T23:59` : wallTime(now, this.zone);
  }

  readonly zone: string;
  readonly choice: TriggerChoice;
  from: string;
  to: string;
  reprocess: Reprocess = 'none';
  isBackwards = false;
  atOnce = 10;

  /** What is not filled in as it can be. */
  get missing(): 'dates' | 'at_once' | 'values' | null {
    if (Number.isNaN(this.instant(this.from)) || Number.isNaN(this.instant(this.to))) {
      return 'dates';
    }
    if (!Number.isInteger(this.atOnce) || this.atOnce < 1 || this.atOnce > MOST_AT_ONCE) {
      return 'at_once';
    }
    return this.choice.jsonProblem === null ? null : 'values';
  }

  /** null as long as something is missing. */
  body(): BackfillBody | null {
    if (this.missing !== null) {
      return null;
    }
    return {
      from_date: new Date(this.instant(this.from)).toISOString(),
      to_date: new Date(this.instant(this.to)).toISOString(),
      reprocess_behavior: this.reprocess,
      max_active_runs: this.atOnce,
      run_backwards: this.isBackwards,
      conf: this.choice.conf()
    };
  }

  private instant(wall: string): number {
    return instantOf(wall, this.zone);
  }
}
