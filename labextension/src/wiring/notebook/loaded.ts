/** Waits until the house has loaded a DAG whose file was just written. */
import type { FlowApi } from '../../client/api';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';

const LONGEST = 60_000;

export function dagIsLoaded(stream: EventStream, api: FlowApi, dagId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      stream.event.disconnect(onEvent);
      stream.reset.disconnect(look);
    };
    const look = () => {
      api.dag(dagId).then(
        () => {
          stop();
          resolve();
        },
        () => undefined // not yet
      );
    };
    const onEvent = (_: EventStream, event: FlowEvent) => {
      if (event.kind === 'dag_changed' && event.dag_id === dagId) {
        look();
      }
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`DAG ${dagId} was written, but is not loaded yet`));
    }, LONGEST);
    stream.event.connect(onEvent);
    stream.reset.connect(look);
    stream.start();
    look();
  });
}
