/** Choices of a person in JupyterLab's state database. */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { NO_STORE } from '../model/shared/options';
import type { OptionStore } from '../model/shared/options';
import { NAMESPACE } from '../tokens';

export function optionStore(state: IStateDB | null): OptionStore {
  if (state === null) {
    return NO_STORE;
  }
  const name = (key: string) => `${NAMESPACE}:options:${key}`;
  return {
    load: key => state.fetch(name(key)),
    save: (key, value) => state.save(name(key), value as ReadonlyPartialJSONObject)
  };
}
