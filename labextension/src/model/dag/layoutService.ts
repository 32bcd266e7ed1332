/** Layouts on demand: small graphs at once, large ones in a worker; each DAG version is placed once. */
import { place } from './graphLayout';
import type { GraphInput, Positions } from './graphLayout';

const SMALL = 40;
const KEPT = 20;

export interface LayoutWorker {
  onmessage: ((event: MessageEvent<Positions>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  postMessage(graph: GraphInput): void;
  terminate(): void;
}

export class LayoutService {
  constructor(private readonly newWorker: () => LayoutWorker) {}

  /** Return the positions of `graph`; `key` names it (the DAG and its version). */
  place(key: string, graph: GraphInput): Promise<Positions> {
    const known = this.kept.get(key);
    if (known) {
      return known;
    }
    const positions =
      graph.nodes.length <= SMALL ? Promise.resolve(place(graph)) : this.inWorker(graph);
    this.kept.set(key, positions);
    positions.catch(() => this.kept.delete(key));
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== undefined) {
      this.kept.delete(oldest);
    }
    return positions;
  }

  private inWorker(graph: GraphInput): Promise<Positions> {
    const worker = this.newWorker();
    return new Promise<Positions>((resolve, reject) => {
      worker.onmessage = event => resolve(event.data);
      worker.onerror = event => reject(new Error(event.message || 'the layout failed'));
      worker.postMessage(graph);
    }).finally(() => worker.terminate());
  }

  private readonly kept = new Map<string, Promise<Positions>>();
}
