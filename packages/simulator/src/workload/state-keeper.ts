import { KeyedStateClient, Producer, type QueueId, type Random, type StateValue, utf8 } from '@qanat/core';
import { queueKeyOf, writeValue } from '../history/index.ts';
import type { Application, WorkloadHost } from './application.ts';
import type { WorkloadPlan } from './plan.ts';

const EVERY_MS = 1_500;
const ASK_MS = 5_000;
const KEYS: readonly string[] = Array.from({ length: 6 }, (_, i) => `k/${i}`);
const CHANGES_MAX = 3;
/** Sends with one dedup id, and for how long they come. */
const ATTEMPTS = 3;
const ATTEMPTS_MS = 20_000;
const NAME = 'keeper';

/** Keeps keyed state in some queues, reads it, and sends messages of a dedup id several times, by one producer after another. */
export class StateKeeper {
  readonly #host: WorkloadHost;
  readonly #plan: WorkloadPlan;
  readonly #application: Application;
  readonly #random: Random;
  readonly #clients = new Map<string, KeyedStateClient>();
  /** What was read last, by queue. */
  readonly #seen = new Map<string, readonly (StateValue | undefined)[]>();
  #writes = 0;
  #ids = 0;
  #stopped = false;

  constructor(host: WorkloadHost, application: Application, plan: WorkloadPlan) {
    this.#host = host;
    this.#application = application;
    this.#plan = plan;
    this.#random = host.newRandom();
  }

  start(): void {
    // Without a route nobody tells where the brokers are.
    this.#application.within((client) => {
      for (const { topic } of this.#plan.topics) {
        client.watchRoute(topic, () => {});
        this.#clients.set(topic, new KeyedStateClient(client, topic));
      }
    });
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
  }

  close(): void {
    this.#application.close();
  }

  #later(): void {
    this.#application.after(EVERY_MS / 2 + this.#random.below(EVERY_MS), () => {
      if (this.#stopped) return;
      const kind = this.#random.below(10);
      if (kind < 6) this.#write();
      else if (kind < 9) this.#read(this.#place());
      else this.#sendOnce();
      this.#later();
    });
  }

  /** The first queue of a topic at a broker: few of them, so that writes meet. */
  #place(): QueueId {
    const { brokers } = this.#host;
    const { topic } = this.#plan.topics[0] as WorkloadPlan['topics'][number];
    return { topic, broker: brokers[this.#random.below(brokers.length)] as string, queue: 0 };
  }

  #write(): void {
    const place = this.#place();
    const queue = queueKeyOf(place.topic, place.broker, place.queue);
    const write = ++this.#writes;
    const seen = this.#seen.get(queue);
    const first = this.#random.below(KEYS.length);
    const count = 1 + this.#random.below(CHANGES_MAX);
    const conditional = seen !== undefined && this.#random.below(3) === 0;
    const changes = Array.from({ length: count }, (_, i) => {
      const at = (first + i) % KEYS.length;
      const expected = conditional ? (seen[at]?.version ?? 0) : undefined;
      return { key: KEYS[at] as string, value: `${NAME}:${write}`, expected };
    });
    const { history } = this.#host;
    history.add({ kind: 'stateWriteInvoked', write, queue, changes });
    const asked = changes.map(({ key, value, expected }) => ({
      key,
      value: utf8(value),
      ...(expected === undefined ? {} : { expectedVersion: expected }),
    }));
    this.#application.within(() => {
      this.#clients.get(place.topic)?.write(place, asked, ASK_MS, (error, version) => {
        const outcome = error === undefined ? 'ok' : error.outcome === 'unknown' ? 'unknown' : 'rejected';
        history.add({ kind: 'stateWriteCompleted', write, outcome, version });
      });
    });
  }

  #read(place: QueueId): void {
    const queue = queueKeyOf(place.topic, place.broker, place.queue);
    const { history } = this.#host;
    const invokedAt = history.events.length;
    this.#application.within(() => {
      this.#clients.get(place.topic)?.get(place, KEYS, ASK_MS, (error, values) => {
        if (error !== undefined) return;
        this.#seen.set(queue, values);
        const entries = values.flatMap((found, i) =>
          found === undefined
            ? []
            : [{ key: KEYS[i] as string, version: found.version, value: String.fromCharCode(...found.value) }],
        );
        history.add({ kind: 'stateRead', queue, invokedAt, entries });
      });
    });
  }

  /** One message, sent by several producers that know nothing of each other: it is to be stored once. */
  #sendOnce(): void {
    const place = this.#place();
    const { topic } = place;
    const id = ++this.#ids;
    const value = `${NAME}-${id}:1`;
    const body = writeValue({ value, topic, key: undefined, tag: undefined }, 0);
    const common = { value, producer: `${NAME}-${id}`, number: 1, topic, key: undefined, tag: undefined };
    this.#host.history.add({ kind: 'sendInvoked', ...common, ack: 'committed', placed: true });
    for (let i = 0; i < ATTEMPTS; i++)
      this.#application.after(i === 0 ? 0 : this.#random.below(ATTEMPTS_MS), () => this.#attempt(place, value, body, `d/${id}`));
  }

  #attempt(place: QueueId, value: string, body: Uint8Array, dedupId: string): void {
    const { topic, broker, queue } = place;
    const { history } = this.#host;
    if (this.#stopped) return;
    const fromMs = this.#application.clock.nowMs();
    this.#application.within((client) => {
      const producer = new Producer(client, { timeoutMs: ASK_MS });
      producer.send(topic, { body }, { queue: place, dedupId }, (error, receipt) => {
        // Whatever became of this attempt, another one may have stored it.
        if (error === undefined)
          history.add({
            kind: 'sendCompleted',
            value,
            outcome: 'ok',
            queue: queueKeyOf(topic, broker, queue),
            offset: receipt?.baseOffset,
          });
        else history.add({ kind: 'sendCompleted', value, outcome: 'unknown', code: error.code, fromMs });
        producer.close();
      });
    });
  }
}
