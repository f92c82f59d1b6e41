import type { ClientSession } from '../../connection/client-session.ts';
import { QanatError } from '../../errors.ts';
import { SmallSet } from '../../small-set.ts';
import { Feature, LIMITS } from '../../wire/gen/registry.ts';
import { BackOff } from '../back-off.ts';
import type { OutBatch, ProducerIdentity } from './out-batch.ts';
import type { ProducerHost } from './producer-host.ts';
import type { QueueLane } from './queue-lane.ts';

const BACK_OFF_LEAST_MS = 50;
const BACK_OFF_MOST_MS = 2_000;
/** A broker that does not answer a send in time and no PING within this either is taken for dead. */
const PROBE_MS = 1_000;

/** What a lane tells its producer. */
export interface BrokerLaneEvents {
  /** Something may be sent now that could not be before. */
  onChange(): void;
  /** The same, at a time to come. */
  onChangeAt(timeMs: number): void;
  /** The broker forgot the producer id: nobody can learn any more whether these batches are stored. */
  onLost(lane: BrokerLane, batches: readonly OutBatch[], error: QanatError): void;
  /** Somebody else took the producer id over. */
  onFenced(error: QanatError): void;
}

/** One broker as a producer sees it: the producer id on the present connection, and how the broker fares. */
export class BrokerLane {
  readonly broker: string;
  identity: ProducerIdentity = { producerId: 0, epoch: 0 };
  /** Batches on the way. */
  inFlight = 0;
  /** Batches that were ever sent, sent again included. */
  attempts = 0;
  /** An answer came since the producer last looked: what has gathered may leave. */
  freed = false;
  /** The connection that sends go to. */
  session: ClientSession | undefined;
  /** Why the broker is not usable, for messages. */
  lastError: QanatError | undefined;
  /** Queues with something to send. */
  readonly active = new SmallSet<QueueLane>();
  readonly queues: QueueLane[] = [];
  readonly #host: ProducerHost;
  /** Of the producer; empty for none. */
  readonly #name: string;
  readonly #events: BrokerLaneEvents;
  readonly #backOff: BackOff;
  #notBeforeMs = 0;
  #failedAttempt = 0;
  /** The producer id is bound to `session`. */
  #bound = false;
  #asking = false;
  #probing = false;
  #forgotten: QanatError | undefined;

  constructor(host: ProducerHost, broker: string, name: string, events: BrokerLaneEvents) {
    this.#host = host;
    this.broker = broker;
    this.#name = name;
    this.#events = events;
    this.#backOff = new BackOff(host.engine.random, BACK_OFF_LEAST_MS, BACK_OFF_MOST_MS);
  }

  /** Whether a numbered batch may be sent now. */
  get ready(): boolean {
    return this.open && this.#bound && this.#forgotten === undefined;
  }

  /** Whether anything may be sent now. */
  get open(): boolean {
    const session = this.session;
    return session?.open === true && !session.leaving && !this.#probing && this.#host.engine.nowMs() >= this.#notBeforeMs;
  }

  /** The longest batch that the broker takes, as its HELLO_OK says (QNT-LIM-005). */
  get batchBytesMax(): number {
    return this.session?.hello?.batchBytesMax || LIMITS.BATCH_BYTES_MAX;
  }

  /** Whether the broker knows dedup ids; one that does not would store the message again (QNT-CON-007). */
  get dedups(): boolean {
    const features: readonly number[] = this.session?.hello?.features ?? [];
    return features.includes(Feature.FEATURE_DEDUP);
  }

  /** Follows the connection, and binds the producer id to it. @param numbered whether batches with numbers are sent at all. */
  prepare(numbered: boolean): void {
    // There is one wake-up for all: an earlier one took its place.
    if (this.#host.engine.nowMs() < this.#notBeforeMs) this.#events.onChangeAt(this.#notBeforeMs);
    if (this.session?.closed === true) this.#drop();
    // A take-over would fence what is still on its way on the old connection.
    if (this.inFlight > 0) return;
    if (this.session?.leaving === true) this.#drop();
    if (this.#forgotten !== undefined) this.#forget(this.#forgotten);
    this.session ??= this.#host.pool.session(this.broker);
    if (numbered && this.open && !this.#bound && !this.#asking) this.#ask();
  }

  /** A send failed: the broker gets no more for a while. */
  failed(error: QanatError): void {
    const nowMs = this.#host.engine.nowMs();
    this.lastError = error;
    this.#failedAttempt = this.attempts;
    // While it waits already, only a longer wait that the broker asks for counts (QNT-ERR-006).
    const backOffMs = nowMs < this.#notBeforeMs ? 0 : this.#backOff.next();
    this.#notBeforeMs = Math.max(this.#notBeforeMs, nowMs + Math.max(error.retryAfterMs ?? 0, backOffMs));
    this.#events.onChangeAt(this.#notBeforeMs);
  }

  succeeded(batch: OutBatch): void {
    // What was sent before the failure proves nothing.
    if (batch.attempt <= this.#failedAttempt) return;
    this.#notBeforeMs = 0;
    this.#backOff.reset();
  }

  /** An answer did not come in time: is the broker slow, or gone? */
  probe(): void {
    const session = this.session;
    if (this.#probing || session === undefined || !session.open) return;
    this.#probing = true;
    session.request('PING', {}, { timeoutMs: PROBE_MS }, (error) => {
      this.#probing = false;
      this.#events.onChange();
      if (error?.code === 'TIMEOUT' && session === this.session) this.#host.suspect(this.broker, error);
    });
  }

  /** The broker does not know the producer id any more: asks for another one when nothing is on the way. */
  forget(error: QanatError): void {
    this.#forgotten ??= error;
  }

  #drop(): void {
    this.session = undefined;
    this.#bound = false;
    this.#asking = false;
    this.#probing = false;
  }

  #forget(error: QanatError): void {
    this.#forgotten = undefined;
    this.#bound = false;
    this.identity = { producerId: 0, epoch: 0 };
    const lost: OutBatch[] = [];
    for (const queue of this.queues) {
      lost.push(...queue.forgetNumbers());
      if (!queue.idle) this.active.add(queue);
    }
    if (lost.length > 0) this.#events.onLost(this, lost, error);
  }

  #ask(): void {
    const session = this.session as ClientSession;
    this.#asking = true;
    const timeoutMs = this.#host.settings.attemptMs;
    const asked = { name: this.#name, ...this.identity };
    session.request('INIT_PRODUCER', asked, { timeoutMs }, (error, { header }) => {
      if (session !== this.session) return;
      this.#asking = false;
      this.#events.onChange();
      if (error !== undefined) return this.#refused(error);
      const { producerId, epoch } = header;
      // Another id than the one that was asked for: the broker begins to count anew.
      if (this.identity.producerId !== 0 && producerId !== this.identity.producerId) {
        this.#forget(new QanatError('UNKNOWN_PRODUCER', `broker ${this.broker} gave another producer id`));
      }
      this.identity = { producerId, epoch };
      this.#bound = true;
      this.#backOff.reset();
    });
  }

  #refused(error: QanatError): void {
    if (error.code === 'PRODUCER_FENCED') return this.#events.onFenced(error);
    if (error.code === 'UNKNOWN_PRODUCER' && this.identity.producerId !== 0) return this.forget(error);
    if (error.code === 'TIMEOUT') this.#host.suspect(this.broker, error);
    this.failed(error);
  }
}
