import { QanatError } from '../../errors.ts';
import type { QueueId } from '../host.ts';
import { type DeliveryOwner, type GivenUp, Handout, HandoutList } from './delivery.ts';
import type { HandoutSource } from './dispatcher.ts';
import type { Message } from './message.ts';
import type { TopicSubscription } from './options.ts';
import { QueueBuffer } from './queue-buffer.ts';
import type { ConsumerScope } from './scope.ts';

/** Until when the leases at one broker are known to hold; without leases for ever. */
export interface LeaseGuard {
  validUntilMs: number;
}

/** What a stream tells the share of its consumer at one broker. */
export interface StreamOwner {
  readonly guard: LeaseGuard;
  /** The position may have moved. */
  onProgress(stream: QueueStream): void;
  /** The stream holds nothing any more: pull it whatever the others hold. */
  onHungry(stream: QueueStream): void;
  /** The last running handler ended while the queue is being given back. */
  onQuiet(stream: QueueStream): void;
}

/**
 * `releasing`: hands out nothing more, its handlers end. `released`: given back, until the assignment says so. `ended`: no
 * longer ours.
 */
export type StreamState = 'active' | 'releasing' | 'released' | 'ended';

export interface StreamStart {
  readonly offset: number;
  /** Of the lease; 0 without one. */
  readonly epoch: number;
  readonly paused: boolean;
  /** Where to end; undefined: never. */
  readonly endOffset?: number | undefined;
  /** The stream that had this queue before: its handlers end first. */
  readonly predecessor?: QueueStream | undefined;
}

/** One queue that this consumer reads: what is buffered, what is under way, how far it has come. */
export class QueueStream implements DeliveryOwner, HandoutSource {
  readonly id: QueueId;
  readonly subscription: TopicSubscription;
  readonly epoch: number;
  /** Where the lease began. */
  readonly startOffset: number;
  readonly endOffset: number;
  state: StreamState = 'active';
  paused: boolean;
  /** Where the next PULL of this queue begins. */
  pullOffset: number;
  /** No PULL before this time: the broker cannot serve it at present. */
  pullAfterMs = 0;
  /** The code of the last answer for this queue, to tell of a trouble once. */
  pullCode = 0;
  /** What the broker has acknowledged. */
  committedOffset: number;
  highWatermark = 0;
  heldBytes = 0;
  running = 0;
  /** When a release no longer waits for handlers. */
  releaseByMs = 0;
  queued = false;
  readonly #scope: ConsumerScope;
  readonly #attemptsMax: number;
  readonly #owner: StreamOwner;
  readonly #buffer: QueueBuffer;
  readonly #underWay = new HandoutList();
  #due: Handout[] = [];
  #predecessor: QueueStream | undefined;
  #successor: QueueStream | undefined;

  constructor(scope: ConsumerScope, owner: StreamOwner, id: QueueId, subscription: TopicSubscription, start: StreamStart) {
    this.#scope = scope;
    this.#attemptsMax = scope.settings.deadLetter?.maxAttempts ?? Number.POSITIVE_INFINITY;
    this.#owner = owner;
    this.id = id;
    this.subscription = subscription;
    this.epoch = start.epoch;
    this.endOffset = start.endOffset ?? Number.POSITIVE_INFINITY;
    this.paused = start.paused;
    this.startOffset = start.offset;
    this.pullOffset = start.offset;
    this.committedOffset = start.offset;
    this.#buffer = new QueueBuffer(scope.host.platform, id, subscription, start.offset, (offset, count, error) =>
      scope.event({ kind: 'undecodable', consumer: scope.id, queue: id, offset, count, error }),
    );
    const former = start.predecessor;
    this.#predecessor = former === undefined || former.running > 0 ? former : former.#predecessor;
    if (this.#predecessor !== undefined) this.#predecessor.#successor = this;
  }

  /** The next offset after everything that was handled without a gap. */
  get position(): number {
    return Math.min(this.#underWay.first?.from ?? this.#buffer.cursor, this.endOffset);
  }

  /** Whether everything up to `endOffset` was handled. */
  get finished(): boolean {
    return this.#underWay.size === 0 && this.#buffer.cursor >= this.endOffset;
  }

  /** Whether handlers still run that a successor has to wait for. */
  get busy(): boolean {
    return this.running > 0 || this.#predecessor !== undefined;
  }

  /** Whether a PULL may name this queue, but for the consumer's budget. */
  canPull(nowMs: number): boolean {
    return this.state === 'active' && !this.paused && nowMs >= this.pullAfterMs && this.pullOffset < this.endOffset;
  }

  canHandOut(nowMs: number): boolean {
    if (this.state !== 'active' || this.paused || nowMs >= this.#owner.guard.validUntilMs || this.#predecessor !== undefined)
      return false;
    return this.#due.length > 0 || (!this.#buffer.empty && this.#underWay.size < this.#scope.settings.deliveriesPerQueueMax);
  }

  /** Takes what a PULL brought; `heldBytes` was counted for it before. */
  append(bytes: Uint8Array, nextOffset: number): void {
    this.#buffer.append(bytes, nextOffset);
  }

  /** Counts bytes that an answer brings for this queue. */
  hold(bytes: number): void {
    this.heldBytes += bytes;
    this.#scope.prefetch.take(bytes);
  }

  take(): Handout | undefined {
    const again = this.#due.shift();
    if (again !== undefined) {
      again.again();
      this.running++;
      return again;
    }
    const content =
      this.#scope.settings.recordsMax === undefined ? this.#nextMessage() : this.#nextMessages(this.#scope.settings.recordsMax);
    const finished = this.#buffer.takeFinished();
    if (content === undefined) {
      this.#free(finished);
      this.#owner.onProgress(this);
      return undefined;
    }
    const from = Array.isArray(content) ? (content[0] as Message).offset : (content as Message).offset;
    const handout = new Handout(this, content, from, finished);
    this.#underWay.add(handout);
    this.running++;
    return handout;
  }

  settle(handout: Handout, error: unknown): void {
    this.running--;
    if (this.state === 'ended' || this.state === 'released') handout.state = 'done';
    else if (error === undefined) this.#handled(handout);
    else if (handout.attempt >= this.#attemptsMax) this.#giveUp(handout, error);
    else this.#failed(handout, error);
    if (this.running === 0) this.#quiet();
    this.#scope.dispatcher.settled(this);
  }

  /** Hands out nothing more; failed ones are not tried again. */
  release(): void {
    this.state = 'releasing';
    for (const handout of this.#due) handout.state = 'waiting';
    this.#due = [];
    if (this.running === 0) this.#owner.onQuiet(this);
  }

  /** The broker changed its mind before the queue was given back. */
  keep(): void {
    this.state = 'active';
    const failed: Handout[] = [];
    for (let handout = this.#underWay.first; handout !== undefined; handout = handout.next)
      if (handout.state === 'waiting') failed.push(handout);
    for (const handout of failed) this.#makeDue(handout);
  }

  /** Drops everything; handlers that run end without effect. */
  end(state: 'released' | 'ended'): void {
    this.state = state;
    this.#due = [];
    this.dropBuffer();
    this.#scope.prefetch.free(this.heldBytes);
    this.heldBytes = 0;
    if (state === 'ended') this.#handOn();
  }

  /** Forgets what was pulled and not handed out; it is pulled again. */
  dropBuffer(): void {
    this.#buffer.clear();
    this.#buffer.takeFinished();
    this.pullOffset = this.#buffer.cursor;
    let underWay = 0;
    for (let handout = this.#underWay.first; handout !== undefined; handout = handout.next) underWay += handout.bytes;
    this.#free(this.heldBytes - underWay);
  }

  #nextMessage(): Message | undefined {
    const message = this.#buffer.next();
    return message !== undefined && message.offset >= this.endOffset ? this.#stop() : message;
  }

  #nextMessages(recordsMax: number): readonly Message[] | undefined {
    const messages: Message[] = [];
    while (messages.length < recordsMax) {
      const message = this.#nextMessage();
      if (message === undefined) break;
      messages.push(message);
    }
    return messages.length === 0 ? undefined : messages;
  }

  /** The end was reached: what lies behind it is not wanted. */
  #stop(): undefined {
    this.dropBuffer();
    return undefined;
  }

  #handled(handout: Handout): void {
    handout.state = 'done';
    this.#underWay.remove(handout);
    this.#free(handout.bytes);
    this.#owner.onProgress(this);
  }

  #failed(handout: Handout, error: unknown): void {
    if (!this.#backOff(handout, handout.attempt)) return;
    this.#scope.event({
      kind: 'retrying',
      consumer: this.#scope.id,
      queue: this.id,
      offset: handout.from,
      attempt: handout.attempt + 1,
      error,
    });
  }

  /** Makes it due again later. @returns false where the queue is being given back: somebody else will try. */
  #backOff(handout: Handout, tries: number): boolean {
    handout.state = 'waiting';
    if (this.state !== 'active') return false;
    const { retryFirstMs, retryMaxMs } = this.#scope.settings;
    const backOffMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(tries - 1, 30));
    const { engine } = this.#scope.host;
    engine.timers.at(engine.nowMs() + backOffMs, () => this.#makeDue(handout));
    return true;
  }

  /** It failed for the last time: the dead-letter topic gets it, and only then its offset is passed. */
  #giveUp(handout: Handout, error: unknown): void {
    handout.givenUp ??= { error, stored: new Set(), sends: 0 };
    this.#sendAway(handout, handout.givenUp);
  }

  /** Counts as a handler at work, so that a release waits for it. */
  #sendAway(handout: Handout, givenUp: GivenUp): void {
    const { deadLetters, dispatcher } = this.#scope;
    if (deadLetters === undefined) return;
    handout.state = 'sending';
    givenUp.sends++;
    this.running++;
    dispatcher.sending++;
    deadLetters.send(handout.messages, handout.attempt, givenUp.stored, (failure) => {
      this.running--;
      if (this.state === 'ended' || this.state === 'released') handout.state = 'done';
      else if (failure === undefined) this.#sentAway(handout, givenUp, deadLetters.settings.topic);
      else {
        this.#scope.trouble(notSent(handout, deadLetters.settings.topic, failure));
        this.#backOff(handout, givenUp.sends);
      }
      if (this.running === 0) this.#quiet();
      dispatcher.sent(this);
    });
  }

  #sentAway(handout: Handout, { error }: GivenUp, topic: string): void {
    const { from: offset, attempt, messages } = handout;
    this.#handled(handout);
    this.#scope.event({
      kind: 'dead-letter',
      consumer: this.#scope.id,
      queue: this.id,
      offset,
      count: messages.length,
      attempt,
      topic,
      error,
    });
  }

  #makeDue(handout: Handout): void {
    if (this.state !== 'active' || handout.state !== 'waiting') return;
    if (handout.givenUp !== undefined) return this.#sendAway(handout, handout.givenUp);
    handout.state = 'due';
    this.#due.push(handout);
    this.#scope.dispatcher.wake(this);
    this.#scope.dispatcher.pump();
  }

  #quiet(): void {
    if (this.state === 'releasing') this.#owner.onQuiet(this);
    this.#handOn();
  }

  #handOn(): void {
    const successor = this.#successor;
    if (successor === undefined || this.running > 0) return;
    this.#successor = undefined;
    successor.#predecessor = undefined;
    this.#scope.dispatcher.wake(successor);
  }

  #free(bytes: number): void {
    if (bytes === 0) return;
    this.heldBytes -= bytes;
    this.#scope.prefetch.free(bytes);
    if (this.heldBytes === 0) this.#owner.onHungry(this);
  }
}

function notSent(handout: Handout, topic: string, failure: QanatError): QanatError {
  const { topic: origin, broker, queue } = handout.queue;
  const what = `offset ${handout.from} of ${origin}, queue ${broker}/${queue}`;
  return new QanatError(
    failure.code,
    `${what} cannot be sent to the dead-letter topic ${topic}, and is not passed: ${failure.message}`,
    {
      cause: failure,
      outcome: failure.outcome,
    },
  );
}
