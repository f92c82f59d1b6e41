import type { QueueId } from '@qanat/core';
import type { KeyedState, LogClient } from './log-client.ts';
import { inboundKey, inboundPrefix, willKey } from './state-keys.ts';
import { readAll } from './state-mirror.ts';
import type { TopicQueues } from './topic-queues.ts';

/** Where the exchanges of a client began, by packet id. */
type Known = Map<number, QueueId>;

/**
 * The exchanges of QoS 2 that clients have begun: a broker stores each with its message, in the data queue of the message, and
 * with the exchange's key stores no other. They are removed when the client releases them.
 */
export class InboundExchanges {
  readonly #client: LogClient;
  readonly #topics: TopicQueues;
  readonly #clients = new Map<string, Known>();
  /** Clients of which not every queue could be asked. */
  readonly #incomplete = new Set<string>();
  readonly #states = new Map<string, KeyedState>();

  constructor(client: LogClient, topics: TopicQueues) {
    this.#client = client;
    this.#topics = topics;
  }

  /** An exchange was stored. */
  began(clientId: string, packetId: number, queue: QueueId): void {
    const known = this.#clients.get(clientId) ?? new Map();
    this.#clients.set(clientId, known.set(packetId, queue));
  }

  /** Ends an exchange. @returns whether there was one. @throws QanatError: it is not known what became of it. */
  async forget(clientId: string, packetId: number): Promise<boolean> {
    let queue = this.#clients.get(clientId)?.get(packetId);
    if (queue === undefined && this.#incomplete.has(clientId)) {
      await this.list(clientId);
      queue = this.#clients.get(clientId)?.get(packetId);
    }
    if (queue === undefined) return false;
    await this.removeKey(queue, inboundKey(clientId, packetId));
    this.#clients.get(clientId)?.delete(packetId);
    return true;
  }

  /** What is known of a client is not kept any longer: its session is another bridge's, or offline. */
  leave(clientId: string): void {
    this.#clients.delete(clientId);
    this.#incomplete.delete(clientId);
  }

  /** The packet ids of a client's exchanges. Queues that cannot be asked are asked again when their exchanges are released. */
  async list(clientId: string): Promise<number[]> {
    const known: Known = new Map();
    this.#clients.set(clientId, known);
    this.#incomplete.delete(clientId);
    const prefix = inboundPrefix(clientId);
    await this.#each(
      async (queue) => {
        for (const { key } of await readAll(this.#state(queue), queue, prefix)) {
          const packetId = Number(key.slice(prefix.length));
          if (Number.isInteger(packetId)) known.set(packetId, queue);
        }
      },
      () => this.#incomplete.add(clientId),
    );
    return [...known.keys()];
  }

  /** The session of this bridge ends: the exchanges that are known here end with it. @throws QanatError. */
  async endOf(clientId: string): Promise<void> {
    const known = this.#clients.get(clientId);
    if (this.#incomplete.has(clientId)) return this.clear(clientId);
    this.leave(clientId);
    for (const [packetId, queue] of known ?? []) await this.removeKey(queue, inboundKey(clientId, packetId));
  }

  /** The session ends: so do its exchanges. @throws QanatError where a queue cannot be asked. */
  async clear(clientId: string): Promise<void> {
    this.leave(clientId);
    let failure: unknown;
    await this.#each(
      async (queue) => {
        const entries = await readAll(this.#state(queue), queue, inboundPrefix(clientId));
        const removals = entries.map(({ key }) => ({ key, value: undefined }));
        if (removals.length > 0) await this.#state(queue).write(queue, removals);
      },
      (error) => {
        failure = error;
      },
    );
    if (failure !== undefined) throw failure;
  }

  /** Removes what remembers that a will was stored: its record is gone. @throws QanatError. */
  forgetWill(queue: QueueId, clientId: string, claim: number): Promise<void> {
    return this.removeKey(queue, willKey(clientId, claim));
  }

  /** @throws QanatError. */
  async removeKey(queue: QueueId, key: string): Promise<void> {
    await this.#state(queue).write(queue, [{ key, value: undefined }]);
  }

  async #each(ask: (queue: QueueId) => Promise<void>, onFailure: (error: unknown) => void): Promise<void> {
    await Promise.all(this.#topics.all().map((queue) => ask(queue).catch(onFailure)));
  }

  #state({ topic }: QueueId): KeyedState {
    const state = this.#states.get(topic) ?? this.#client.keyedState(topic);
    this.#states.set(topic, state);
    return state;
  }
}
