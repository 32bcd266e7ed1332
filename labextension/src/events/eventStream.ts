/** One WebSocket for the whole page: committed events with a cursor, logs and running notebooks that somebody follows. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowEvent, LogMessage } from '../client/documents';
import type { CellsMessage } from '../client/runApi';
import type { TaskKey } from '../tokens';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;

export interface Socket {
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  readonly readyState: number;
  send(text: string): void;
  close(): void;
}

/** A log that is followed. `after` is the last line seen, so that a reconnect goes on from there. */
export interface Following {
  readonly key: TaskKey;
  readonly attempt: number | null;
  after: number;
  onLines(message: LogMessage): void;
}

/** A notebook that is followed; `after` is the last event of its cells that was seen. */
export interface FollowingCells {
  readonly key: TaskKey;
  readonly attempt: number | null;
  after: number;
  onCells(message: CellsMessage): void;
}

type Kind = 'log' | 'cells';
type Target = { readonly key: TaskKey; readonly attempt: number | null; after: number };

/**
 * Reconnects by itself and asks for what it missed. `reset` says that this was not possible (first connection,
 * away for too long, another database): everything on the page must be fetched again.
 */
export class EventStream {
  constructor(private readonly connect: (cursor: number | null) => Socket) {}

  get event(): ISignal<this, FlowEvent> {
    return this.eventSignal;
  }

  get reset(): ISignal<this, void> {
    return this.resetSignal;
  }

  get connectedChanged(): ISignal<this, boolean> {
    return this.connectedSignal;
  }

  get isConnected(): boolean {
    return this.connected;
  }

  /** Connect, once. */
  start(): void {
    if (!this.started) {
      this.started = true;
      this.open();
    }
  }

  /** Follow a log until the returned function is called. */
  follow(following: Following): () => void {
    return this.begin('log', following);
  }

  /** Follow what happens to the cells of a notebook until the returned function is called. */
  followCells(following: FollowingCells): () => void {
    return this.begin('cells', following);
  }

  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
    this.socket?.close();
    Signal.clearData(this);
  }

  private open(): void {
    const asked = this.cursor;
    const socket = this.connect(asked);
    this.socket = socket;
    socket.onmessage = message => {
      if (socket === this.socket) {
        this.onMessage(asked, JSON.parse(String(message.data)));
      }
    };
    socket.onclose = () => {
      if (socket === this.socket) {
        this.onClose();
      }
    };
  }

  private onMessage(
    asked: number | null,
    message: { type: string; cursor?: number } & Record<string, unknown>
  ): void {
    if (message.type === 'hello') {
      this.pause = FIRST_PAUSE;
      this.cursor = message.cursor ?? null;
      this.setConnected(true);
      this.followed.forEach((kind, following) => this.sendFollow(kind, following));
      if (asked === null || asked !== this.cursor) {
        this.resetSignal.emit();
      }
    } else if (message.type === 'event') {
      const event = message as unknown as FlowEvent;
      this.cursor = event.id;
      this.eventSignal.emit(event);
    } else if (message.type === 'log') {
      this.onLog(message as unknown as LogMessage);
    } else if (message.type === 'cells') {
      this.onCells(message as unknown as CellsMessage);
    }
  }

  private begin(kind: Kind, following: Target): () => void {
    this.followed.set(following, kind);
    this.start();
    if (this.connected) {
      this.sendFollow(kind, following);
    }
    return () => {
      this.followed.delete(following);
      if (this.connected) {
        this.socket?.send(JSON.stringify({ type: `${kind}.unfollow`, ...target(following) }));
      }
    };
  }

  private onLog(message: LogMessage): void {
    for (const [following, kind] of this.followed) {
      if (kind === 'log' && isFor(following, message)) {
        const lines = message.lines.filter(line => line.seq > following.after);
        following.after = lines.at(-1)?.seq ?? following.after;
        (following as Following).onLines({ ...message, lines });
      }
    }
  }

  private onCells(message: CellsMessage): void {
    for (const [following, kind] of this.followed) {
      if (kind === 'cells' && isFor(following, message)) {
        const events = message.events.filter(event => event.seq > following.after);
        following.after = Math.max(following.after, message.seq);
        (following as FollowingCells).onCells({ ...message, events });
      }
    }
  }

  private onClose(): void {
    this.setConnected(false);
    if (!this.isDisposed) {
      this.timer = setTimeout(() => this.open(), this.pause * (0.75 + Math.random() / 2));
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    }
  }

  private sendFollow(kind: Kind, following: Target): void {
    const message = { type: `${kind}.follow`, ...target(following), after: following.after };
    this.socket?.send(JSON.stringify(message));
  }

  private setConnected(connected: boolean): void {
    if (this.connected !== connected) {
      this.connected = connected;
      this.connectedSignal.emit(connected);
    }
  }

  private readonly eventSignal = new Signal<this, FlowEvent>(this);
  private readonly resetSignal = new Signal<this, void>(this);
  private readonly connectedSignal = new Signal<this, boolean>(this);
  private readonly followed = new Map<Target, Kind>();
  private socket: Socket | null = null;
  private cursor: number | null = null;
  private connected = false;
  private started = false;
  private isDisposed = false;
  private pause = FIRST_PAUSE;
  private timer: ReturnType<typeof setTimeout> | undefined;
}

function isFor(following: Target, message: LogMessage | CellsMessage): boolean {
  const { key } = following;
  return (
    key.dag_id === message.dag_id &&
    key.run_id === message.run_id &&
    key.task_id === message.task_id &&
    key.map_index === message.map_index &&
    following.attempt === message.attempt
  );
}

function target(following: Target): Record<string, unknown> {
  return { ...following.key, attempt: following.attempt };
}
