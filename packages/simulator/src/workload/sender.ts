import { Producer, type QanatError, type Random, type RecordInit } from '@qanat/core';
import { type History, queueKeyOf, writeValue } from '../history/index.ts';
import type { Application } from './application.ts';
import { type SenderPlan, TAGS } from './plan.ts';

interface Outgoing {
  readonly value: string;
  readonly record: RecordInit;
}

type Place = { readonly topic: string; readonly broker: string; readonly queue: number; readonly baseOffset: number | undefined };

/** One producer of a run: bursts of single sends and batches until it is stopped. */
export class Sender {
  readonly plan: SenderPlan;
  /** Calls that are not settled. */
  pending = 0;
  readonly #application: Application;
  readonly #history: History;
  readonly #random: Random;
  readonly #producer: Producer | undefined;
  #number = 0;
  #stopped = false;

  constructor(application: Application, history: History, random: Random, plan: SenderPlan) {
    this.plan = plan;
    this.#application = application;
    this.#history = history;
    this.#random = random;
    const { ack, lingerMs, timeoutMs, compress, inFlightBatches } = plan;
    this.#producer = application.within(
      (client) => new Producer(client, { ack, lingerMs, timeoutMs, compress, inFlightBatches }),
    );
  }

  start(): void {
    this.#later();
  }

  /** Sends nothing more. */
  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#application.within(() => this.#producer?.close(() => this.#application.after(0, () => this.#application.close())));
  }

  #later(): void {
    const { everyMs } = this.plan;
    this.#application.after(everyMs / 2 + this.#random.below(Math.ceil(everyMs)), () => {
      if (this.#stopped) return;
      this.#burst();
      this.#later();
    });
  }

  #burst(): void {
    const { burstMax, batchPercent } = this.plan;
    const calls = 1 + this.#random.below(burstMax);
    this.#application.within(() => {
      for (let i = 0; i < calls; i++) {
        if (this.#random.below(100) < batchPercent) this.#sendBatch();
        else this.#send();
      }
    });
  }

  #topic(): string {
    const { topics } = this.plan;
    return topics[this.#random.below(topics.length)] as string;
  }

  #send(): void {
    const topic = this.#topic();
    const { value, record } = this.#compose(topic, false);
    this.pending++;
    this.#producer?.send(topic, record, {}, (error, receipt) => {
      this.pending--;
      this.#completed(value, error, receipt, 0);
    });
  }

  #sendBatch(): void {
    const { batchRecordsMax, keys } = this.plan;
    const topic = this.#topic();
    const count = 1 + this.#random.below(batchRecordsMax);
    const placed = this.#random.below(2) === 0;
    const batch = Array.from({ length: count }, () => this.#compose(topic, placed));
    const options = placed ? { key: `key-${this.#random.below(keys)}` } : {};
    const records = batch.map(({ record }) => record);
    this.pending++;
    this.#producer?.sendBatch(topic, records, options, (error, receipts) => {
      this.pending--;
      const receipt = receipts.length === 1 && receipts[0]?.count === count ? receipts[0] : undefined;
      batch.forEach(({ value }, i) => {
        this.#completed(value, error, receipt, i);
      });
    });
  }

  #compose(topic: string, placed: boolean): Outgoing {
    const { name, keyedPercent, keys, paddingMax, ack } = this.plan;
    const number = ++this.#number;
    const value = `${name}:${number}`;
    const key = this.#random.below(100) < keyedPercent ? `key-${this.#random.below(keys)}` : undefined;
    const tag = this.#random.below(4) === 0 ? undefined : TAGS[this.#random.below(TAGS.length)];
    const body = writeValue({ value, topic, key, tag }, this.#random.below(paddingMax));
    this.#history.add({ kind: 'sendInvoked', value, producer: name, number, topic, key, tag, ack, placed });
    const record = { body, ...(key === undefined ? {} : { key }), ...(tag === undefined ? {} : { tag }) };
    return { value, record };
  }

  #completed(value: string, error: QanatError | undefined, receipt: Place | undefined, index: number): void {
    if (error !== undefined) {
      const outcome = error.outcome === 'unknown' ? 'unknown' : 'rejected';
      this.#history.add({ kind: 'sendCompleted', value, outcome, code: error.code });
      return;
    }
    if (receipt === undefined) return this.#history.add({ kind: 'sendCompleted', value, outcome: 'ok' });
    const { topic, broker, queue, baseOffset } = receipt;
    const offset = baseOffset === undefined ? undefined : baseOffset + index;
    this.#history.add({ kind: 'sendCompleted', value, outcome: 'ok', queue: queueKeyOf(topic, broker, queue), offset });
  }
}
