/** One WebSocket for the whole page: committed events with a cursor, and logs that somebody follows. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowEvent, LogMessage } from '../client/documents';
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
    this.followed.add(following);
    this.start();
    if (this.connected) {
      this.sendFollow(following);
    }
    return () => {
      this.followed.delete(following);
      if (this.connected) {
        this.socket?.send(JSON.stringify({ type: 'log.unfollow', ...target(following) }));
      }
    };
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
      this.followed.forEach(following => this.sendFollow(following));
      if (asked === null || asked !== this.cursor) {
        this.resetSignal.emit();
      }
    } else if (message.type === 'event') {
      const event = message as unknown as FlowEvent;
      this.cursor = event.id;
      this.eventSignal.emit(event);
    } else if (message.type === 'log') {
      this.onLog(message as unknown as LogMessage);
    }
  }

  private onLog(message: LogMessage): void {
    for (const following of this.followed) {
      const { key } = following;
      const isHis =
        key.dag_id === message.dag_id &&
        key.run_id === message.run_id &&
        key.task_id === message.task_id &&
        key.map_index === message.map_index &&
        following.attempt === message.attempt;
      if (isHis) {
        const lines = message.lines.filter(line => line.seq > following.after);
        following.after = lines.at(-1)?.seq ?? following.after;
        following.onLines({ ...message, lines });
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

  private sendFollow(following: Following): void {
    const message = { type: 'log.follow', ...target(following), after: following.after };
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
  private readonly followed = new Set<Following>();
  private socket: Socket | null = null;
  private cursor: number | null = null;
  private connected = false;
  private started = false;
  private isDisposed = false;
  private pause = FIRST_PAUSE;
  private timer: ReturnType<typeof setTimeout> | undefined;
}

function target(following: Following): Record<string, unknown> {
  return { ...following.key, attempt: following.attempt };
}
