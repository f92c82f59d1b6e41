// Messages sent at a steady rate, each with a number of its own in its body, and what became of each.
/** Short, so that something is on its way most of the time. */
const TICK_MS = 2;
/** No more are sent while so many wait for their acknowledgement. */
const PENDING_MAX = 20_000;

/** Bodies of different lengths, of which any byte follows from the number. */
export const bodyOf = (name, number) => `${name} ${number} ${'.:'.repeat((number * 7) % 60)}`;

export class Traffic {
  name;
  /** number -> where and when it was acknowledged */
  acked = new Map();
  /** number -> why it was not */
  failed = new Map();
  sent = 0;
  /** Of an acknowledgement. */
  slowestMs = 0;
  #producer;
  #topic;
  #perSecond;
  #keys;
  #timer;
  #startedMs;
  #ackTimesMs = [];
  #lastAckMs = new Map();
  #pending = new Set();

  /** @param keys number of different keys; 0: messages without keys. */
  constructor(client, topic, { name = 'message', perSecond = 400, keys = 0 } = {}) {
    this.name = name;
    this.#producer = client.producer();
    this.#topic = topic;
    this.#perSecond = perSecond;
    this.#keys = keys;
  }

  get pending() {
    return this.#pending.size;
  }

  keyOf(number) {
    return this.#keys === 0 ? undefined : `key-${(number * 31) % this.#keys}`;
  }

  start() {
    this.#startedMs = performance.now();
    let due = 0;
    let lastMs = this.#startedMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      due += ((nowMs - lastMs) * this.#perSecond) / 1000;
      lastMs = nowMs;
      for (; due >= 1; due--) if (this.#pending.size < PENDING_MAX) this.#send(++this.sent);
    }, TICK_MS);
    return this;
  }

  /** When the broker acknowledged something last. */
  lastAckMs(broker) {
    return this.#lastAckMs.get(broker) ?? 0;
  }

  /** Stops sending, and resolves when every message has its outcome: each has a deadline. */
  async stop() {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  /** Stops sending; what becomes of the rest is of no interest. */
  abandon() {
    clearInterval(this.#timer);
  }

  /** The longest time without an acknowledgement between two times, and when it began. */
  longestGap(fromMs, toMs) {
    let last = fromMs;
    let longest = { ms: 0, fromMs };
    for (const atMs of [...this.#ackTimesMs.filter((one) => one > fromMs && one < toMs), toMs]) {
      if (atMs - last > longest.ms) longest = { ms: atMs - last, fromMs: last };
      last = atMs;
    }
    return longest;
  }

  #send(number) {
    const key = this.keyOf(number);
    const sentMs = performance.now();
    const sending = this.#producer
      .send(this.#topic, { body: bodyOf(this.name, number), ...(key === undefined ? {} : { key }) })
      .then(
        ({ broker, queue, offset, duplicate }) => {
          const ackedMs = performance.now();
          this.#ackTimesMs.push(ackedMs);
          this.#lastAckMs.set(broker, ackedMs);
          this.slowestMs = Math.max(this.slowestMs, ackedMs - sentMs);
          this.acked.set(number, { place: `${broker}/${queue}`, offset, duplicate, sentMs, ackedMs });
        },
        (error) => this.failed.set(number, `${error.code} (${error.outcome}) ${error.message}`),
      );
    this.#pending.add(sending);
    sending.finally(() => this.#pending.delete(sending));
  }
}
