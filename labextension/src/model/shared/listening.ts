/** The common part of all models: resources that are fresh while somebody looks, fed by the event stream. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { FlowEvent } from '../../client/documents';
import type { EventStream } from '../../events/eventStream';
import type { Resource } from './resource';

type Any = Resource<unknown>;

export abstract class ListeningModel {
  constructor(protected readonly stream: EventStream) {
    stream.event.connect(this.onStreamEvent, this);
    stream.reset.connect(this.onReset, this);
    stream.connectedChanged.connect(this.emit, this);
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isConnected(): boolean {
    return this.stream.isConnected;
  }

  /** Grows with every change, so that a view can tell snapshots apart. */
  get version(): number {
    return this.count;
  }

  /** Say whether the view is visible: hidden views fetch nothing. */
  setActive(isActive: boolean): void {
    if (isActive) {
      this.stream.start();
    }
    this.isActive = isActive;
    this.resources.forEach(resource => resource.setActive(isActive));
  }

  dispose(): void {
    this.resources.forEach(resource => resource.dispose());
    this.stream.event.disconnect(this.onStreamEvent, this);
    this.stream.reset.disconnect(this.onReset, this);
    this.stream.connectedChanged.disconnect(this.emit, this);
    Signal.clearData(this);
  }

  /** Touch what `event` may have changed. */
  protected abstract onEvent(event: FlowEvent): void;

  protected own<R extends Any>(resource: R): R {
    this.resources.push(resource);
    resource.changed.connect(this.emit, this);
    resource.setActive(this.isActive);
    return resource;
  }

  protected disown(resource: Any): void {
    this.resources.splice(this.resources.indexOf(resource), 1);
    resource.dispose();
  }

  protected emit(): void {
    this.count += 1;
    this.changedSignal.emit();
  }

  private onStreamEvent(_: EventStream, event: FlowEvent): void {
    this.onEvent(event);
  }

  private onReset(): void {
    this.resources.forEach(resource => resource.touch());
  }

  private readonly resources: Any[] = [];
  private readonly changedSignal = new Signal<this, void>(this);
  private isActive = false;
  private count = 0;
}
