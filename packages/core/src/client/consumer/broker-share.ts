import { QanatError } from '../../errors.ts';
import type { Assignment, Lease } from '../../wire/gen/messages.ts';
import { LeaseState } from '../../wire/gen/registry.ts';
import type { QueueId } from '../host.ts';
import { Committer } from './committer.ts';
import { sendLeave } from './leave.ts';
import { Membership } from './membership.ts';
import { Puller, queueKey } from './puller.ts';
import { type LeaseGuard, QueueStream, type StreamStart } from './queue-stream.ts';
import { ReadPlace } from './read-place.ts';
import { type FinalOffset, Releaser } from './releaser.ts';
import type { ConsumerScope } from './scope.ts';
import { Tail } from './tail.ts';

/** The part of a consumer at one broker: its queues there, and what pulls, commits and keeps the leases. */
export class BrokerShare {
  readonly broker: string;
  readonly streams = new Map<string, QueueStream>();
  readonly guard: LeaseGuard;
  /** Undefined without leases. */
  readonly membership: Membership | undefined;
  /** Undefined with leases. */
  readonly tail: Tail | undefined;
  /** Queues may have become worth a PULL. */
  dirty = false;
  readonly #scope: ConsumerScope;
  readonly #place: ReadPlace;
  readonly #puller: Puller;
  readonly #committer: Committer | undefined;
  readonly #releaser: Releaser;
  /** Streams that ended while handlers still ran: the next stream of the queue waits for those. */
  readonly #former = new Map<string, QueueStream>();
  #sessionLost = false;
  /** The broker said that it stops, and has not confirmed our membership since: it restarts. */
  #restarts = false;

  constructor(scope: ConsumerScope, broker: string) {
    this.#scope = scope;
    this.broker = broker;
    this.#place = new ReadPlace(scope, broker, () => this.#follow(undefined));
    const leased = scope.settings.mode === 'clustering';
    this.membership = leased ? new Membership(scope, this) : undefined;
    this.#committer = leased ? new Committer(scope, this) : undefined;
    this.tail = leased ? undefined : new Tail(scope, this);
    this.guard = this.membership?.guard ?? { validUntilMs: Number.POSITIVE_INFINITY };
    this.#puller = new Puller(scope, this);
    this.#releaser = new Releaser(scope, broker, () => this.writable);
  }

  get source(): string {
    return this.#place.source;
  }

  get keeper(): string {
    return this.#place.keeper;
  }

  get ready(): boolean {
    return this.#scope.host.isOpen(this.source) && (this.membership === undefined || this.membership.confirmed);
  }

  get writable(): boolean {
    return this.#place.atMaster && this.#scope.host.isOpen(this.broker) && this.membership?.confirmed !== false;
  }

  onOpen(peer: string): void {
    this.#follow(peer);
    if (peer === this.broker) this.#committer?.again();
  }

  onGoAway(peer: string): void {
    if (peer === this.broker) this.#restarts = true;
    this.#follow(undefined);
  }

  onClosed(peer: string, error: QanatError | undefined): void {
    if (peer === this.keeper) this.membership?.onClosed();
    this.#place.closed(peer, error);
    this.#follow(undefined);
  }

  /** The routes mark the broker away. */
  onAway(): void {
    this.#place.suspectMaster();
  }

  onKeeperRefused(): void {
    this.#place.refused(this.keeper);
  }

  /** Reads and keeps the leases where it is possible now. @param opened the peer whose connection is new. */
  #follow(opened: string | undefined): void {
    const { source, keeper } = this.#place;
    this.#place.choose();
    if (this.keeper !== keeper || this.keeper === opened) this.membership?.onOpen();
    if (this.source === source && this.source !== opened) return;
    this.tail?.flush();
    if (!this.#scope.closing) this.#puller.onOpen();
  }

  onAssignment(peer: string, frames: readonly Assignment[]): void {
    if (peer !== this.keeper) return;
    this.membership?.onPush(frames);
    this.#scope.dispatcher.pump();
  }

  refresh(): void {
    this.dirty = false;
    if (!this.#scope.closing) this.#puller.refresh();
  }

  // ---- leases ----

  onLeases(leases: readonly Lease[]): void {
    const named = new Set<string>();
    const assigned: QueueId[] = [];
    const revoked: QueueId[] = [];
    for (const lease of leases) {
      const key = queueKey(lease.topic, lease.queue);
      named.add(key);
      const held = this.streams.get(key);
      if (held !== undefined && held.epoch === lease.epoch) this.#keepOrRelease(held, lease);
      else {
        if (held !== undefined) this.#drop(held, revoked);
        this.#begin(lease, assigned);
      }
    }
    for (const [key, stream] of this.streams) if (!named.has(key)) this.#drop(stream, revoked);
    this.#tell('revoked', revoked);
    this.#tell('assigned', assigned);
    this.dirty = true;
  }

  onConfirmed(): void {
    this.#sessionLost = false;
    if (this.#place.atMaster) this.#restarts = false;
    for (const stream of this.streams.values()) this.#scope.dispatcher.wake(stream);
    this.#releaser.flush();
    this.refresh();
    this.#scope.dispatcher.pump();
  }

  onSessionLost(silentMs: number): void {
    if (this.#sessionLost || this.streams.size === 0 || this.#scope.closing) return;
    this.#sessionLost = true;
    const why = `broker ${this.broker} has not answered a heartbeat for ${Math.round(silentMs)} ms: its queues are held back until it does`;
    this.#scope.trouble(new QanatError('TIMEOUT', why));
  }

  onFenced(stream: QueueStream): void {
    if (this.streams.get(queueKey(stream.id.topic, stream.id.queue)) !== stream) return;
    const revoked: QueueId[] = [];
    this.#drop(stream, revoked);
    this.#tell('revoked', revoked);
    this.membership?.askAgain();
  }

  onUnknownMember(): void {
    this.membership?.onUnknown();
  }

  #begin(lease: Lease, assigned: QueueId[]): void {
    const id = { topic: lease.topic, broker: this.broker, queue: lease.queue };
    if (this.#scope.closing || !this.#scope.settings.subscriptions.has(lease.topic)) return;
    const stream = this.add(id, { offset: lease.startOffset, epoch: lease.epoch });
    if (lease.state === LeaseState.RELEASING) this.#release(stream);
    else assigned.push(id);
  }

  #keepOrRelease(stream: QueueStream, lease: Lease): void {
    if (lease.state === LeaseState.RELEASING && stream.state === 'active') this.#release(stream);
    if (lease.state === LeaseState.HELD && stream.state === 'releasing') {
      stream.keep();
      this.#scope.dispatcher.wake(stream);
    }
  }

  #release(stream: QueueStream): void {
    const { engine } = this.#scope.host;
    stream.releaseByMs = engine.nowMs() + this.#scope.settings.releaseMs;
    engine.timers.at(stream.releaseByMs, () => {
      if (stream.state === 'releasing' && engine.nowMs() >= stream.releaseByMs) this.onQuiet(stream);
    });
    stream.release();
  }

  /** Gives a queue back: its handlers ended, or their time is over. */
  onQuiet(stream: QueueStream): void {
    const final = this.#finalOffset(stream);
    stream.end('released');
    this.#tell('revoked', [stream.id]);
    this.#releaser.add(final);
  }

  // ---- queues ----

  /** Begins to read a queue. */
  add(id: QueueId, start: Pick<StreamStart, 'offset' | 'epoch' | 'endOffset'>): QueueStream {
    const subscription = this.#scope.settings.subscriptions.get(id.topic);
    if (subscription === undefined) throw new QanatError('INTERNAL', `topic ${id.topic} is not subscribed to`);
    const key = queueKey(id.topic, id.queue);
    const predecessor = this.#former.get(key);
    this.#former.delete(key);
    const stream = new QueueStream(this.#scope, this, id, subscription, {
      ...start,
      paused: this.#scope.isPaused(id),
      predecessor,
    });
    this.streams.set(key, stream);
    this.dirty = true;
    return stream;
  }

  /** A consumer without leases knows where to begin. */
  onStart(id: QueueId, offset: number, endOffset: number | undefined): void {
    this.add(id, { offset, epoch: 0, endOffset });
    this.#tell('assigned', [id]);
    this.refresh();
  }

  /** Reads a queue from elsewhere on. */
  seek(stream: QueueStream, offset: number): void {
    this.onAboveEnd(stream, offset);
    this.refresh();
    this.#scope.dispatcher.pump();
  }

  onAboveEnd(stream: QueueStream, offset: number): void {
    this.#drop(stream, []);
    this.add(stream.id, { offset, epoch: stream.epoch, endOffset: stream.endOffset });
  }

  setPaused(stream: QueueStream, paused: boolean): void {
    if (stream.paused === paused) return;
    stream.paused = paused;
    if (paused) stream.dropBuffer();
    else this.#scope.dispatcher.wake(stream);
    this.refresh();
    this.#scope.dispatcher.pump();
  }

  onProgress(_stream: QueueStream): void {
    this.#committer?.touch();
  }

  onHungry(_stream: QueueStream): void {
    this.dirty = true;
  }

  onQueueMissing(stream: QueueStream): void {
    const { topic } = stream.id;
    if (this.#scope.isGone(topic)) this.dropTopic(topic);
    else this.#scope.host.refreshRoute(topic);
  }

  /** The topic is gone from every broker: without leases nobody else would tell. */
  dropTopic(topic: string): void {
    if (this.tail === undefined) return;
    const revoked: QueueId[] = [];
    for (const stream of this.streams.values())
      if (stream.id.topic === topic && stream.pullCode !== 0) this.#drop(stream, revoked);
    this.#tell('revoked', revoked);
  }

  // ---- end ----

  /**
   * Leaves the group with the final offsets, by `untilMs` at the latest, or by `restartedMs` where the broker has said that it
   * stops. `done` is called once.
   */
  leave(untilMs: number, restartedMs: number, done: () => void): void {
    const finals: FinalOffset[] = [...this.#releaser.waiting];
    for (const stream of this.streams.values()) {
      if (stream.state === 'active' || stream.state === 'releasing') finals.push(this.#finalOffset(stream));
    }
    this.abandon();
    if (this.membership === undefined || (finals.length === 0 && !this.#scope.host.isOpen(this.broker))) return done();
    sendLeave(this.#scope, this.broker, finals, () => (this.#restarts ? restartedMs : untilMs), done);
  }

  /** Stops everything here; sends nothing. The positions stay, for who asks. */
  abandon(): void {
    this.#place.stop();
    this.#puller.stop();
    this.#committer?.stop();
    this.#releaser.stop();
    this.tail?.stop();
    this.membership?.stop();
    for (const stream of this.streams.values()) stream.end('ended');
  }

  #finalOffset(stream: QueueStream): FinalOffset {
    return { topic: stream.id.topic, queue: stream.id.queue, offset: stream.position, leaseEpoch: stream.epoch };
  }

  #drop(stream: QueueStream, revoked: QueueId[]): void {
    const key = queueKey(stream.id.topic, stream.id.queue);
    if (stream.state !== 'released') revoked.push(stream.id);
    stream.end('ended');
    this.streams.delete(key);
    if (stream.busy) this.#former.set(key, stream);
  }

  #tell(kind: 'assigned' | 'revoked', queues: readonly QueueId[]): void {
    if (queues.length > 0) this.#scope.event({ kind, consumer: this.#scope.id, queues });
  }
}
