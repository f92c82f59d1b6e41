// A member of a group in this process, everything that came to it, and what is compared with that.
import { sleep } from './processes.mjs';

/** What was sent last may still be on its way. */
const ARRIVAL_MS = 15_000;

/** What came to the members of a group, as one: a queue goes on at one member where another one was. */
export class Delivered {
  /** `place@offset` -> deliveries */
  got = new Map();
  /** When something came again. */
  repeatedMs = [];
  /** Deliveries whose offset is not behind the one before in their queue, and that are no repetition. */
  outOfOrder = [];
  #newest = new Map();

  take(place, offset) {
    const at = `${place}@${offset}`;
    const times = (this.got.get(at) ?? 0) + 1;
    this.got.set(at, times);
    if (times > 1) this.repeatedMs.push(performance.now());
    const newest = this.#newest.get(place) ?? -1;
    if (times === 1 && offset < newest) this.outOfOrder.push(`${at} came after ${newest}`);
    this.#newest.set(place, Math.max(newest, offset));
  }
}

export class Consuming {
  delivered;
  error;
  #consumer;

  /**
   * @param gate a promise that its handler waits for: until then messages pile up, at the brokers where `prefetchBytes` is small.
   * @param delivered shared by the members of a group.
   */
  constructor(client, topic, { group = 'demo', label, gate, prefetchBytes, delivered = new Delivered() } = {}) {
    this.delivered = delivered;
    const given = Object.entries({ label, prefetchBytes }).filter(([, value]) => value !== undefined);
    const options = { group, topics: topic, from: 'first', ...Object.fromEntries(given) };
    this.#consumer = client.pushConsumer(options);
    this.#consumer
      .runBatch(async (messages) => {
        await gate;
        for (const { broker, queue, offset } of messages) delivered.take(`${broker}/${queue}`, offset);
      })
      .catch((error) => {
        this.error = error;
      });
  }

  close() {
    return this.#consumer.close();
  }
}

/**
 * Waits until everything that was acknowledged came, and tells the verdict.
 * @param members of one group, which share `delivered`.
 */
export async function checkConsumed(trial, members, traffics, who = 'a consumer of a group') {
  const [{ delivered }] = members;
  const places = traffics.flatMap(({ acked }) => [...acked.values()].map(({ place, offset }) => `${place}@${offset}`));
  const missing = () => places.filter((at) => !delivered.got.has(at));
  const endMs = performance.now() + ARRIVAL_MS;
  while (missing().length > 0 && performance.now() < endMs) await sleep(200);
  const errors = members.flatMap(({ error }) => (error === undefined ? [] : [String(error)]));
  trial.check(errors.length === 0, `${who} went on through all of it`, errors);
  trial.check(
    missing().length === 0,
    `every acknowledged message came to it: ${delivered.got.size}, again ${delivered.repeatedMs.length}`,
    missing(),
  );
  trial.check(delivered.outOfOrder.length === 0, 'each queue came in its order', delivered.outOfOrder);
  trial.figure('delivered', delivered.got.size);
  trial.figure('deliveredAgain', delivered.repeatedMs.length);
}
