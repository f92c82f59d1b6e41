import type { QueueId } from '../host.ts';
import type { Message } from './message.ts';

/** One message, or several consecutive ones of one queue, for which a handler is responsible until it says `done`. */
export interface Delivery {
  readonly queue: QueueId;
  /** The message, or the first of several. */
  readonly message: Message;
  /** All of them, in the order of their offsets. */
  readonly messages: readonly Message[];
  /** 1 at first; counts up each time that the delivery failed. */
  readonly attempt: number;
  /**
   * Ends the delivery: without an argument it was handled, with any other than undefined it failed and will come again.
   * Only the first call counts until it comes again. Late calls, after the queue has gone to another member, do nothing.
   */
  done(error?: unknown): void;
}

/** Who has a say in what a delivery's end means. */
export interface DeliveryOwner {
  readonly id: QueueId;
  settle(handout: Handout, error: unknown): void;
}

/**
 * `running`: with its handler. `waiting`: failed, its back-off runs. `due`: to be handed out again. `sending`: on its way to the
 * dead-letter topic.
 */
export type HandoutState = 'running' | 'waiting' | 'due' | 'sending' | 'done';

const isList = (content: Message | readonly Message[]): content is readonly Message[] => Array.isArray(content);

/** A delivery that is not tried again. */
export interface GivenUp {
  /** Of the last try. */
  readonly error: unknown;
  /** Messages that the dead-letter topic has. */
  readonly stored: Set<Message>;
  /** Tries to send the others. */
  sends: number;
}

/** The consumer's side of a delivery. */
export class Handout implements Delivery {
  readonly #owner: DeliveryOwner;
  readonly #content: Message | readonly Message[];
  /** The offset that is not passed before this is done. */
  readonly from: number;
  /** Bytes of batches that are free once this is done. */
  bytes: number;
  attempt = 1;
  state: HandoutState = 'running';
  /** What failed for the last time, on its way to the dead-letter topic. */
  givenUp: GivenUp | undefined = undefined;
  /** Neighbours in the list of what is under way in the queue. */
  previous: Handout | undefined = undefined;
  next: Handout | undefined = undefined;

  constructor(owner: DeliveryOwner, content: Message | readonly Message[], from: number, bytes: number) {
    this.#owner = owner;
    this.#content = content;
    this.from = from;
    this.bytes = bytes;
  }

  get queue(): QueueId {
    return this.#owner.id;
  }

  get message(): Message {
    return isList(this.#content) ? (this.#content[0] as Message) : this.#content;
  }

  get messages(): readonly Message[] {
    return isList(this.#content) ? this.#content : [this.#content];
  }

  done(error?: unknown): void {
    if (this.state !== 'running') return;
    this.#owner.settle(this, error);
  }

  /** Makes it ready to be handed out once more. */
  again(): void {
    this.attempt++;
    for (const message of this.messages) message.attempt = this.attempt;
    this.state = 'running';
  }
}

/**
 * What is under way in a queue, in the order of the offsets: its first one bounds what may be committed. A linked list, since
 * single messages come and go at the rate of the queue.
 */
export class HandoutList {
  first: Handout | undefined = undefined;
  size = 0;
  #last: Handout | undefined = undefined;

  add(handout: Handout): void {
    handout.previous = this.#last;
    if (this.#last === undefined) this.first = handout;
    else this.#last.next = handout;
    this.#last = handout;
    this.size++;
  }

  remove(handout: Handout): void {
    const { previous, next } = handout;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    handout.previous = undefined;
    handout.next = undefined;
    this.size--;
  }
}
