/** React's side of models and clocks. */
import { nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react';

export const TransContext = createContext<TranslationBundle>(
  nullTranslator.load('jupyterlab_flow')
);

export function useTrans(): TranslationBundle {
  return useContext(TransContext);
}

interface Changing {
  readonly version: number;
  readonly changed: ISignal<unknown, void>;
}

/** Draw again whenever `model` changes. */
export function useModel(model: Changing): void {
  useSyncExternalStore(
    listener => {
      const slot = () => listener();
      model.changed.connect(slot);
      return () => {
        model.changed.disconnect(slot);
      };
    },
    () => model.version
  );
}

/** The time now, drawn again every `seconds`; 0 stands still. It asks nobody. */
export function useNow(seconds: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (seconds <= 0) {
      return;
    }
    const timer = setTimeout(() => setNow(Date.now()), seconds * 1000);
    return () => clearTimeout(timer);
  }, [seconds, now]);
  return Math.max(now, seconds > 0 ? 0 : Date.now());
}
