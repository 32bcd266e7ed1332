/** How a person wants logs to be shown: all of them, and after a reload too. */
import { Options } from '../shared/options';
import type { OptionStore } from '../shared/options';
import type { Level } from './logRows';

export interface LogOptions {
  /** What is less serious is left out. */
  level: Level;
  /** Times at the left, else the numbers of lines. */
  hasTimes: boolean;
  isWrapped: boolean;
}

export function logOptions(store: OptionStore): Options<LogOptions> {
  return new Options<LogOptions>(store, 'log', { level: 'debug', hasTimes: true, isWrapped: true });
}
