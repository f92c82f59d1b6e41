import type { Handout } from './delivery.ts';
import type { ConsumerHandler } from './options.ts';

/** What a dispatcher knows of a queue that is read. */
export interface HandoutSource {
  /** In the dispatcher's list. */
  queued: boolean;
  canHandOut(nowMs: number): boolean;
  /** What is to be handled next, or undefined when nothing is here. Called only when `canHandOut`. */
  take(): Handout | undefined;
}

/**
 * Hands out deliveries: as many at once as asked for, the queues in turn. A handler that says `done` before `onDelivery`
 * returns makes the loop go on, never a deeper call.
 */
export class Dispatcher {
  /** Handlers that run, those of queues that are no longer ours included. */
  running = 0;
  /** Deliveries on their way to the dead-letter topic. */
  sending = 0;
  readonly #handler: ConsumerHandler;
  readonly #deliveriesMax: number;
  readonly #nowMs: () => number;
  readonly #onPumped: () => void;
  #ready: HandoutSource[] = [];
  #pumping = false;
  #stopped = false;

  constructor(handler: ConsumerHandler, deliveriesMax: number, nowMs: () => number, onPumped: () => void) {
    this.#handler = handler;
    this.#deliveriesMax = deliveriesMax;
    this.#nowMs = nowMs;
    this.#onPumped = onPumped;
  }

  /** Whether something is under way that an end has to wait for. */
  get busy(): boolean {
    return this.running > 0 || this.sending > 0;
  }

  /** Hands out nothing more, for ever. */
  stop(): void {
    this.#stopped = true;
    this.#ready = [];
  }

  /** Something changed that may let this queue hand out; `pump` does it. */
  wake(stream: HandoutSource): void {
    if (stream.queued || this.#stopped || !stream.canHandOut(this.#nowMs())) return;
    stream.queued = true;
    this.#ready.push(stream);
  }

  /** A delivery of this queue ended. */
  settled(stream: HandoutSource): void {
    this.running--;
    this.wake(stream);
    this.pump();
  }

  /** A delivery of this queue was sent to the dead-letter topic, or could not be. */
  sent(stream: HandoutSource): void {
    this.sending--;
    this.wake(stream);
    this.pump();
  }

  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.running < this.#deliveriesMax && this.#ready.length > 0) this.#handOut(this.#ready.shift() as HandoutSource);
    } finally {
      this.#pumping = false;
    }
    this.#onPumped();
  }

  #handOut(stream: HandoutSource): void {
    stream.queued = false;
    if (!stream.canHandOut(this.#nowMs())) return;
    const handout = stream.take();
    if (handout !== undefined) this.running++;
    this.wake(stream);
    if (handout !== undefined) this.#handler.onDelivery(handout);
  }
}
