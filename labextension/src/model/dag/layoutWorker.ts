/** Runs in a Web Worker, so that a large graph does not stop the page. */
import { place } from './graphLayout';
import type { GraphInput } from './graphLayout';

interface WorkerScope {
  onmessage: ((event: MessageEvent<GraphInput>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = self as unknown as WorkerScope;
scope.onmessage = event => scope.postMessage(place(event.data));
