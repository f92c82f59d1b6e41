// A member of a group in this process, everything that came to it, and what is compared with that.
import { sleep } from './processes.mjs';

/** What was sent last may still be on its way. */
const ARRIVAL_MS = 15_000;

export class Consuming {
  /** `place@offset` -> deliveries */
  got = new Map();
  again = 0;
  error;
  /** Deliveries whose offset is not behind the one before in their queue, and that are no repetition. */
  outOfOrder = [];
  #newest = new Map();
  #consumer;

  /** @param gate a promise that its handler waits for: until then messages pile up. */
  constructor(client, topic, { group = 'demo', label, gate } = {}) {
    const options = { group, topics: topic, from: 'first', ...(label === undefined ? {} : { label }) };
    this.#consumer = client.pushConsumer(options);
    this.#consumer
      .runBatch(async (messages) => {
        await gate;
        for (const { broker, queue, offset } of messages) this.#take(`${broker}/${queue}`, offset);
      })
      .catch((error) => {
        this.error = error;
      });
  }

  close() {
    return this.#consumer.close();
  }

  #take(place, offset) {
    const at = `${place}@${offset}`;
    const times = (this.got.get(at) ?? 0) + 1;
    this.got.set(at, times);
    if (times > 1) this.again++;
    const newest = this.#newest.get(place) ?? -1;
    if (times === 1 && offset < newest) this.outOfOrder.push(`${at} came after ${newest}`);
    this.#newest.set(place, Math.max(newest, offset));
  }
}

/** Several members of a group, as one. */
export const together = (members) => ({
  get got() {
    return new Map(members.flatMap(({ got }) => [...got]));
  },
  /** To the same member, or to two. */
  get again() {
    const deliveries = members.reduce((sum, { got, again }) => sum + got.size + again, 0);
    return deliveries - this.got.size;
  },
  get error() {
    return members.find(({ error }) => error !== undefined)?.error;
  },
  get outOfOrder() {
    return members.flatMap(({ outOfOrder }) => outOfOrder);
  },
});

/** Waits until everything that was acknowledged came, and tells the verdict. */
export async function checkConsumed(trial, consuming, traffics, who = 'a consumer of a group') {
  const places = traffics.flatMap(({ acked }) => [...acked.values()].map(({ place, offset }) => `${place}@${offset}`));
  const missing = () => {
    const { got } = consuming;
    return places.filter((at) => !got.has(at));
  };
  const endMs = performance.now() + ARRIVAL_MS;
  while (missing().length > 0 && performance.now() < endMs) await sleep(200);
  trial.check(consuming.error === undefined, `${who} went on through all of it`, [String(consuming.error)]);
  trial.check(
    missing().length === 0,
    `every acknowledged message came to it: ${consuming.got.size}, again ${consuming.again}`,
    missing(),
  );
  trial.check(consuming.outOfOrder.length === 0, 'each queue came in its order', consuming.outOfOrder);
  trial.figure('delivered', consuming.got.size);
  trial.figure('deliveredAgain', consuming.again);
}
