import { type Clock, type QueueId, readUint53, writeUint53At } from '@qanat/core';
import { INBOUND_ASK_MS, INBOUND_FENCE_MS } from './limits.ts';
import type { KeyedState, LogClient } from './log-client.ts';
import { inboundKey, inboundPrefix, willKey } from './state-keys.ts';
import { readAll } from './state-mirror.ts';
import type { TopicQueues } from './topic-queues.ts';

/** An exchange that was released, and is remembered against what may still be under way. */
interface Released {
  readonly generation: number;
  readonly queue: QueueId;
  readonly atMs: number;
}

/** What is known of one packet id of a client. */
interface KnownId {
  /** Where the exchange that is not released began. */
  begun: { readonly generation: number; readonly queue: QueueId } | undefined;
  released: Released[];
}

interface KnownClient {
  ids: Map<number, KnownId>;
  /** Until then another bridge may still be storing what it was given, ms of this bridge's clock. */
  fencedUntilMs: number;
  /** Every queue was asked. */
  complete: boolean;
  /** While the queues are asked. */
  loading: Promise<boolean> | undefined;
}

/** Of the many that never use QoS 2. Nothing is put into it. */
const NO_IDS: Map<number, KnownId> = new Map();

const newClient = (): KnownClient => ({ ids: NO_IDS, fencedUntilMs: 0, complete: false, loading: undefined });

/** The many that never use QoS 2 share it: who changes anything makes one of its own. */
const FRESH: KnownClient = Object.freeze({ ...newClient(), complete: true });

/** Length of the value of a released exchange; the broker writes 8 bytes. */
const RELEASED_BYTES = 9;

function releasedValue(atMs: number): Uint8Array {
  const value = new Uint8Array(RELEASED_BYTES);
  writeUint53At(value, 1, Math.max(0, Math.floor(atMs)));
  return value;
}

/**
 * The exchanges of QoS 2 that clients have begun: a broker stores each with its message, in the data queue of the message, and
 * with the exchange's key stores no other. When the client releases it the key goes.
 *
 * But a bridge that had the client before may still be trying to store the very message: it must find the key. So for a while
 * after a session came here the key of a released exchange stays, marked, and the packet id's next exchange has another key, of
 * the next generation. Which one follows from the keys that are there, for every bridge alike.
 */
export class InboundExchanges {
  readonly #client: LogClient;
  readonly #clock: Clock;
  readonly #topics: TopicQueues;
  readonly #clients = new Map<string, KnownClient>();
  readonly #states = new Map<string, KeyedState>();
  #confirm: (clientId: string) => Promise<boolean> = async () => true;

  constructor(client: LogClient, clock: Clock, topics: TopicQueues) {
    this.#client = client;
    this.#clock = clock;
    this.#topics = topics;
  }

  /**
   * @param confirm asks the cluster whether the session of a client is still this bridge's. What was read of the exchanges
   *   before counts only then: another bridge may have released some of them.
   */
  ownedBy(confirm: (clientId: string) => Promise<boolean>): void {
    this.#confirm = confirm;
  }

  /** A session begins, or goes on, here: `fresh` has no exchanges, of others the queues are asked when they use QoS 2. */
  joined(clientId: string, fresh: boolean): void {
    this.#clients.delete(clientId);
    if (fresh) this.#clients.set(clientId, FRESH);
  }

  /**
   * Calls back when the exchanges of a client are known: at once where they are, else in the order of the calls. Queues that
   * cannot be asked are asked again by the next call.
   * @param run `false`: the session is not this bridge's any more.
   */
  whenKnown(clientId: string, run: (ours: boolean) => void): void {
    const client = this.#clientOf(clientId);
    if (client.complete && client.loading === undefined) return run(true);
    const loading =
      client.loading ??
      this.#load(clientId, client).finally(() => {
        client.loading = undefined;
      });
    client.loading = loading;
    void loading.then(run);
  }

  /** The name under which the next message of a client and packet id is stored once. */
  dedupId(clientId: string, packetId: number): string {
    return inboundKey(clientId, packetId, this.#next(clientId, packetId));
  }

  /** The exchange of this name was stored. */
  began(clientId: string, packetId: number, dedupId: string, queue: QueueId): void {
    const generation = Number(dedupId.slice(dedupId.lastIndexOf('.') + 1));
    this.#idOf(this.#clientOf(clientId), packetId).begun = { generation, queue };
  }

  /** Ends an exchange. @returns whether there was one. @throws QanatError: it is not known what became of it. */
  async forget(clientId: string, packetId: number): Promise<boolean> {
    if (!(await new Promise<boolean>((resolve) => this.whenKnown(clientId, resolve)))) return false;
    const client = this.#clients.get(clientId);
    const id = client?.ids.get(packetId);
    const begun = id?.begun;
    if (client === undefined || id === undefined || begun === undefined) return false;
    const nowMs = this.#clock.wallMs();
    if (this.#clock.nowMs() < client.fencedUntilMs) {
      const { generation, queue } = begun;
      await this.#write(queue, inboundKey(clientId, packetId, generation), releasedValue(nowMs));
      await this.#removeOld(clientId, packetId, id, nowMs);
      id.released.push({ ...begun, atMs: nowMs });
    } else {
      await this.#write(begun.queue, inboundKey(clientId, packetId, begun.generation), undefined);
      for (const { generation, queue } of id.released)
        await this.#write(queue, inboundKey(clientId, packetId, generation), undefined);
      id.released = [];
    }
    id.begun = undefined;
    return true;
  }

  /** What is known of a client is not kept any longer: its session is another bridge's, or offline. */
  leave(clientId: string): void {
    this.#clients.delete(clientId);
  }

  /** The packet ids of the exchanges of a client that are not released. */
  async list(clientId: string): Promise<number[]> {
    if (!(await new Promise<boolean>((resolve) => this.whenKnown(clientId, resolve)))) return [];
    const { ids } = this.#clientOf(clientId);
    return [...ids].filter(([, { begun }]) => begun !== undefined).map(([packetId]) => packetId);
  }

  /** The session of this bridge ends: the exchanges that are known here end with it. @throws QanatError. */
  async endOf(clientId: string): Promise<void> {
    const client = this.#clients.get(clientId);
    this.leave(clientId);
    for (const [packetId, { begun, released }] of client?.ids ?? []) {
      for (const { generation, queue } of begun === undefined ? released : [begun, ...released])
        await this.#write(queue, inboundKey(clientId, packetId, generation), undefined);
    }
  }

  /**
   * The session ends: so do its exchanges, and what remembers wills of it but that of its last claim: its record still has that
   * one, and would bring it again. @throws QanatError where a queue cannot be asked.
   */
  async clear(clientId: string, claim: number): Promise<void> {
    this.leave(clientId);
    const last = willKey(clientId, claim);
    let failure: unknown;
    await this.#each(
      async (queue) => {
        const entries = await readAll(this.#state(queue), queue, inboundPrefix(clientId), { timeoutMs: INBOUND_ASK_MS });
        for (const { key } of entries) if (key !== last) await this.#write(queue, key, undefined);
      },
      (error) => {
        failure = error;
      },
    );
    if (failure !== undefined) throw failure;
  }

  /** Removes what remembers that a will was stored: its record is gone. @throws QanatError. */
  forgetWill(queue: QueueId, clientId: string, claim: number): Promise<void> {
    return this.#write(queue, willKey(clientId, claim), undefined);
  }

  async #load(clientId: string, client: KnownClient): Promise<boolean> {
    client.fencedUntilMs = this.#clock.nowMs() + INBOUND_FENCE_MS;
    client.complete = true;
    const prefix = inboundPrefix(clientId);
    await this.#each(
      async (queue) => {
        for (const { key, value } of await readAll(this.#state(queue), queue, prefix, { timeoutMs: INBOUND_ASK_MS })) {
          const [packetId = Number.NaN, generation = 0] = key.slice(prefix.length).split('.').map(Number);
          if (Number.isInteger(packetId)) this.#found(this.#idOf(client, packetId), generation, queue, value);
        }
      },
      () => {
        client.complete = false;
      },
    );
    const ours = await this.#confirm(clientId);
    if (!ours && this.#clients.get(clientId) === client) this.leave(clientId);
    return ours;
  }

  #found(id: KnownId, generation: number, queue: QueueId, value: Uint8Array): void {
    if (value.length !== RELEASED_BYTES) id.begun = { generation, queue };
    else if (!id.released.some((one) => one.generation === generation))
      id.released.push({ generation, queue, atMs: readUint53(value, 1) });
  }

  #next(clientId: string, packetId: number): number {
    const id = this.#clients.get(clientId)?.ids.get(packetId);
    if (id?.begun !== undefined) return id.begun.generation;
    return id === undefined ? 0 : Math.max(-1, ...id.released.map(({ generation }) => generation)) + 1;
  }

  /** Those that nothing can be under way for any more; the one that is released now stays, and counts on. */
  async #removeOld(clientId: string, packetId: number, id: KnownId, nowMs: number): Promise<void> {
    const old = id.released.filter(({ atMs }) => nowMs - atMs > INBOUND_FENCE_MS);
    for (const { generation, queue } of old) await this.#write(queue, inboundKey(clientId, packetId, generation), undefined);
    id.released = id.released.filter((one) => !old.includes(one));
  }

  #clientOf(clientId: string): KnownClient {
    const known = this.#clients.get(clientId) ?? newClient();
    const client = known === FRESH ? { ...FRESH } : known;
    this.#clients.set(clientId, client);
    return client;
  }

  #idOf(client: KnownClient, packetId: number): KnownId {
    if (client.ids === NO_IDS) client.ids = new Map();
    const id = client.ids.get(packetId) ?? { begun: undefined, released: [] };
    client.ids.set(packetId, id);
    return id;
  }

  async #write(queue: QueueId, key: string, value: Uint8Array | undefined): Promise<void> {
    await this.#state(queue).write(queue, [{ key, value }]);
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
