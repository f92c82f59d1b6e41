// A producer at a steady rate and a group of two consumers, and what is remembered of them.
import { setTimeout as sleep } from 'node:timers/promises';

const KEYS = 40;
const TICK_MS = 10;
const ARRIVAL_MS = 15_000;

export class Traffic {
  #failed = 0;
  /** Place and offset of each acknowledged message, and when it was. */
  #acked = [];
  /** Place and offset -> how often it came. */
  #got = new Map();
  #newest = new Map();
  #outOfOrder = 0;
  #consumers;
  #sending = new Set();
  #timer;

  constructor(client, topic, perSecond) {
    this.#consumers = ['one', 'two'].map((label) =>
      client.pushConsumer({ group: 'billing', topics: topic, from: 'first', label }),
    );
    for (const consumer of this.#consumers) void consumer.run((message) => this.#came(message));
    const producer = client.producer();
    let due = 0;
    let number = 0;
    this.#timer = setInterval(() => {
      for (due += (perSecond * TICK_MS) / 1_000; due >= 1; due--) this.#send(producer, topic, ++number);
    }, TICK_MS);
  }

  /** The longest time since `fromMs` in which no queue of the group acknowledged anything. */
  longestGap(group, fromMs) {
    const times = this.#acked.filter(({ broker, atMs }) => broker === group && atMs >= fromMs).map(({ atMs }) => atMs);
    let last = fromMs;
    let longest = 0;
    for (const atMs of [...times, performance.now()]) {
      longest = Math.max(longest, atMs - last);
      last = atMs;
    }
    return longest;
  }

  /** Stops sending, waits until everything has come, and counts. */
  async finish() {
    clearInterval(this.#timer);
    await Promise.all(this.#sending);
    const missing = () => this.#acked.filter(({ at }) => !this.#got.has(at)).length;
    for (let waitedMs = 0; missing() > 0 && waitedMs < ARRIVAL_MS; waitedMs += 100) await sleep(100);
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    const again = [...this.#got.values()].reduce((sum, times) => sum + times - 1, 0);
    return { acked: this.#acked.length, missing: missing(), again, outOfOrder: this.#outOfOrder, failed: this.#failed };
  }

  /** With a key: the messages of one stay in order, and wait for the master of their queue. */
  #send(producer, topic, number) {
    const sending = producer.send(topic, { key: `customer-${number % KEYS}`, body: `order ${number}` }).then(
      ({ broker, queue, offset }) => this.#acked.push({ broker, at: `${broker}/${queue}@${offset}`, atMs: performance.now() }),
      () => this.#failed++,
    );
    this.#sending.add(sending);
    sending.finally(() => this.#sending.delete(sending));
  }

  #came({ broker, queue, offset }) {
    const place = `${broker}/${queue}`;
    const at = `${place}@${offset}`;
    const times = this.#got.get(at) ?? 0;
    this.#got.set(at, times + 1);
    if (times === 0 && offset < (this.#newest.get(place) ?? -1)) this.#outOfOrder++;
    this.#newest.set(place, Math.max(offset, this.#newest.get(place) ?? -1));
  }
}
