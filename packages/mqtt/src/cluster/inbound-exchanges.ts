import type { StateScanEntry } from '@qanat/client';
import { type Clock, QanatError, type QueueId, readUint53, writeUint53At } from '@qanat/core';
import type { InboundKnowledge, InboundState, KnownId } from './inbound-knowledge.ts';
import { INBOUND_ASK_MS, INBOUND_ENDS_MAX, INBOUND_FENCE_MS, INBOUND_STILL_MS, INBOUND_WAIT_MS, RETRY_MS } from './limits.ts';
import type { LocalSession } from './local-session.ts';
import type { KeyedState, LogClient } from './log-client.ts';
import type { SessionRecord } from './session-record.ts';
import { inboundKey, inboundPrefix, onceGroup, onceName, oncePrefix, queueName, willKey, willsPrefix } from './state-keys.ts';
import { readAll } from './state-mirror.ts';
import type { TopicQueues } from './topic-queues.ts';
import { pause } from './waiting.ts';

/** What has the sessions. */
export interface InboundOwner {
  has(session: LocalSession): boolean;
  /** Writes the name into the session's record. @returns whether the session is still this bridge's. */
  name(session: LocalSession, name: string): Promise<boolean>;
  /** Asks the cluster whether a session is still this bridge's. @throws QanatError. */
  confirm(session: LocalSession): Promise<boolean>;
}

export interface InboundOptions {
  readonly client: LogClient;
  readonly clock: Clock;
  /** Of messages. */
  readonly topics: TopicQueues;
  readonly stateTopic: string;
  /** Name of this life of the bridge. */
  readonly instance: string;
  readonly onTrouble: (error: unknown) => void;
}

/** Length of the value of a released exchange; the broker writes 8 bytes. */
const RELEASED_BYTES = 9;

function releasedValue(atMs: number): Uint8Array {
  const value = new Uint8Array(RELEASED_BYTES);
  writeUint53At(value, 1, Math.max(0, Math.floor(atMs)));
  return value;
}

const newKnowledge = (): InboundKnowledge => ({
  prefix: '',
  ids: new Map(),
  asked: undefined,
  fencedUntilMs: 0,
  complete: false,
  asOfMs: 0,
  waiting: [],
  ended: false,
});

/**
 * The exchanges of QoS 2 that clients have begun: a broker stores each with its message, in the data queue of the message, and
 * with the exchange's key stores no other. When the client releases it the key goes.
 *
 * A session's record names its exchanges before the first one begins, and no two sessions have one name: whatever an ended
 * session has left, or a bridge still stores for it, a message of the next one is never taken for it.
 *
 * But a bridge that had the session before may still be trying to store the very message: it must find the key. So for a while
 * after a session came here the key of a released exchange stays, marked, and the packet id's next exchange has another key, of
 * the next generation. Which one follows from the keys that are there, for every bridge alike: so nothing is done before the
 * keys of every queue are known.
 */
export class InboundExchanges {
  /** Begins the names of exchanges of this bridge and of those that it shares sessions with. */
  readonly group: string;
  readonly #options: InboundOptions;
  readonly #states = new Map<string, KeyedState>();
  #ends = 0;
  /** When this bridge last did something, and since when it has done so without standing still, ms. */
  #ranMs: number;
  #awakeMs = 0;
  #owner: InboundOwner | undefined;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#ranMs = options.clock.nowMs();
    this.group = onceGroup(options.stateTopic);
  }

  ownedBy(owner: InboundOwner): void {
    this.#owner = owner;
  }

  /** To be called each second: otherwise this bridge stands still, and others may have its sessions. */
  runs(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#ranMs > INBOUND_STILL_MS) this.#awakeMs = nowMs;
    this.#ranMs = nowMs;
  }

  /** Whether the exchanges of a session of this bridge are known now. */
  isKnown({ inbound }: LocalSession): boolean {
    this.runs();
    return inbound?.complete === true && inbound.asOfMs >= this.#awakeMs;
  }

  /**
   * Calls back when the exchanges of a session of this bridge are known: at once where they are, else in the order of the calls.
   * Queues that cannot be asked are asked again, for INBOUND_WAIT_MS, and by the next call.
   */
  whenKnown(session: LocalSession, run: (state: InboundState) => void): void {
    session.inbound ??= newKnowledge();
    const known = session.inbound;
    if (this.isKnown(session)) return run('known');
    known.waiting.push(run);
    if (known.waiting.length === 1) void this.#learn(session, known);
  }

  /** The name under which the next message of a session, whose exchanges are known, and packet id is stored once. */
  dedupId({ inbound }: LocalSession, packetId: number): string {
    const { prefix, ids } = inbound as InboundKnowledge;
    const id = ids.get(packetId);
    return inboundKey(prefix, packetId, id === undefined ? 0 : nextGeneration(id));
  }

  /** The exchange of this name was stored. */
  began({ inbound }: LocalSession, packetId: number, dedupId: string, queue: QueueId): void {
    if (inbound === undefined) return;
    // What is not removed now the sweep finds.
    if (inbound.ended) return void this.#write(queue, dedupId, undefined).catch(() => {});
    const generation = Number(dedupId.slice(dedupId.lastIndexOf('.') + 1));
    idOf(inbound, packetId).begun = { generation, queue };
  }

  /** Ends an exchange. @returns whether there was one. @throws QanatError: it is not known what became of it. */
  async forget(session: LocalSession, packetId: number): Promise<boolean> {
    const known = await this.#known(session);
    const id = known?.ids.get(packetId);
    const begun = id?.begun;
    if (known === undefined || id === undefined || begun === undefined) return false;
    const { clock } = this.#options;
    const { prefix } = known;
    const { queue, generation } = begun;
    if (clock.nowMs() < known.fencedUntilMs) {
      const nowMs = clock.wallMs();
      await this.#write(queue, inboundKey(prefix, packetId, generation), releasedValue(nowMs));
      await this.#removeOld(prefix, packetId, id, nowMs);
      id.released.push({ ...begun, atMs: nowMs });
    } else {
      await this.#write(queue, inboundKey(prefix, packetId, generation), undefined);
      for (const old of id.released) await this.#write(old.queue, inboundKey(prefix, packetId, old.generation), undefined);
      known.ids.delete(packetId);
    }
    id.begun = undefined;
    return true;
  }

  /** The packet ids of the exchanges of a session that are not released. @throws QanatError: they are not known. */
  async list(session: LocalSession): Promise<number[]> {
    const known = await this.#known(session);
    return [...(known?.ids ?? [])].filter(([, { begun }]) => begun !== undefined).map(([packetId]) => packetId);
  }

  /** A session of this bridge is over, and so are its exchanges. What cannot be removed now the sweep finds. */
  ended({ record, inbound }: LocalSession): void {
    if (inbound !== undefined) inbound.ended = true;
    if (inbound?.complete === true) void this.#removeAll(inbound);
    else if (record.inbound !== undefined) void this.clear(record);
  }

  /**
   * A session is over: so are its exchanges, and what remembers wills of it. Resolves when what can be asked now is removed; the
   * rest the sweep finds.
   */
  async clear(record: SessionRecord): Promise<void> {
    if (this.#ends >= INBOUND_ENDS_MAX) return;
    this.#ends++;
    await Promise.all(this.#options.topics.all().map((queue) => this.#clearQueue(queue, record).catch(() => {})));
    this.#ends--;
  }

  /** The name under which a will is stored once. */
  willKey(clientId: string, claim: number): string {
    return willKey(this.group, clientId, claim);
  }

  /** Removes what remembers that a will was stored: its record is gone. @throws QanatError. */
  forgetWill(queue: QueueId, clientId: string, claim: number): Promise<void> {
    return this.#write(queue, this.willKey(clientId, claim), undefined);
  }

  /** @returns undefined: the session is not this bridge's any more. @throws QanatError: they are not known. */
  async #known(session: LocalSession): Promise<InboundKnowledge | undefined> {
    // Who has the session now is asked for the same by the device.
    if (this.#owner?.has(session) !== true) return undefined;
    if (session.record.inbound === undefined && session.inbound === undefined) return undefined; // it has begun none
    const state = await new Promise<InboundState>((resolve) => this.whenKnown(session, resolve));
    if (state === 'unknown') throw new QanatError('TIMEOUT', `the exchanges of ${session.clientId} are not known`);
    return state === 'known' ? session.inbound : undefined;
  }

  async #learn(session: LocalSession, known: InboundKnowledge): Promise<void> {
    let state: InboundState;
    let asOfMs: number;
    do {
      asOfMs = this.#options.clock.nowMs();
      state = session.record.inbound === undefined ? await this.#name(session) : await this.#ask(session, known);
      this.runs();
    } while (state === 'known' && asOfMs < this.#awakeMs);
    // In one turn: what comes from now on is not before those that have waited.
    if (state === 'known') {
      known.prefix = inboundPrefix(session.clientId, session.record.inbound as string);
      known.asOfMs = asOfMs;
      known.complete = true;
      known.asked = undefined;
    }
    const { waiting } = known;
    known.waiting = [];
    for (const run of waiting) run(state);
  }

  /** The first one of all: there are none yet. */
  #name(session: LocalSession): Promise<InboundState> {
    const { clock, instance } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.at(clock.nowMs() + INBOUND_WAIT_MS, () => resolve('unknown'));
      const end = (ours: boolean): void => {
        cancel();
        resolve(ours ? 'known' : 'lost');
      };
      this.#owner?.name(session, onceName(this.group, instance, session.epoch)).then(end, () => end(false));
    });
  }

  async #ask(session: LocalSession, known: InboundKnowledge): Promise<InboundState> {
    const { clock, onTrouble } = this.#options;
    const owner = this.#owner as InboundOwner;
    const untilMs = clock.nowMs() + INBOUND_WAIT_MS;
    if (!known.complete) known.fencedUntilMs = clock.nowMs() + INBOUND_FENCE_MS;
    for (;;) {
      try {
        if (!known.complete) await this.#askQueues(session, known);
        // What was read counts only then: another bridge may have released some of them.
        return (await owner.confirm(session)) ? 'known' : 'lost';
      } catch (error) {
        if (!owner.has(session)) return 'lost';
        if (clock.nowMs() >= untilMs) {
          onTrouble(error);
          return 'unknown';
        }
      }
      await pause(clock, RETRY_MS);
    }
  }

  /** Asks the queues that have not answered yet. @throws QanatError where one does not now. */
  async #askQueues({ clientId, record }: LocalSession, known: InboundKnowledge): Promise<void> {
    const prefix = inboundPrefix(clientId, record.inbound as string);
    known.asked ??= new Set();
    const { asked } = known;
    const askOne = async (queue: QueueId): Promise<void> => {
      for (const { key, value } of await this.#read(queue, prefix)) {
        const [packetId = Number.NaN, generation = 0] = key.slice(prefix.length).split('.').map(Number);
        if (Number.isInteger(packetId)) found(idOf(known, packetId), generation, queue, value);
      }
      asked.add(queueName(queue));
    };
    const rest = this.#options.topics.all().filter((queue) => !asked.has(queueName(queue)));
    const failures: unknown[] = [];
    await Promise.all(rest.map((queue) => askOne(queue).catch((error) => failures.push(error))));
    if (failures.length > 0) throw failures[0];
  }

  async #clearQueue(queue: QueueId, { clientId, claim, inbound }: SessionRecord): Promise<void> {
    const exchanges = inbound === undefined ? undefined : inboundPrefix(clientId, inbound);
    const wills = willsPrefix(this.group, clientId);
    const isOver = (key: string): boolean =>
      key.startsWith(wills) ? Number(key.slice(wills.length)) <= claim : exchanges !== undefined && key.startsWith(exchanges);
    const entries = await this.#read(queue, oncePrefix(clientId));
    for (const { key } of entries) if (isOver(key)) await this.#write(queue, key, undefined);
  }

  async #removeAll({ prefix, ids }: InboundKnowledge): Promise<void> {
    for (const [packetId, { begun, released }] of ids)
      for (const { generation, queue } of begun === undefined ? released : [begun, ...released])
        await this.#write(queue, inboundKey(prefix, packetId, generation), undefined).catch(() => {});
  }

  /** Those that nothing can be under way for any more; the one that is released now stays, and counts on. */
  async #removeOld(prefix: string, packetId: number, id: KnownId, nowMs: number): Promise<void> {
    const old = id.released.filter(({ atMs }) => nowMs - atMs > INBOUND_FENCE_MS);
    for (const { generation, queue } of old) await this.#write(queue, inboundKey(prefix, packetId, generation), undefined);
    id.released = id.released.filter((one) => !old.includes(one));
  }

  #read(queue: QueueId, prefix: string): Promise<StateScanEntry[]> {
    return readAll(this.#state(queue), queue, prefix, { timeoutMs: INBOUND_ASK_MS });
  }

  async #write(queue: QueueId, key: string, value: Uint8Array | undefined): Promise<void> {
    await this.#state(queue).write(queue, [{ key, value }]);
  }

  #state({ topic }: QueueId): KeyedState {
    const state = this.#states.get(topic) ?? this.#options.client.keyedState(topic);
    this.#states.set(topic, state);
    return state;
  }
}

const nextGeneration = ({ begun, released }: KnownId): number =>
  begun?.generation ?? Math.max(-1, ...released.map(({ generation }) => generation)) + 1;

function idOf({ ids }: InboundKnowledge, packetId: number): KnownId {
  const id = ids.get(packetId) ?? { begun: undefined, released: [] };
  ids.set(packetId, id);
  return id;
}

function found(id: KnownId, generation: number, queue: QueueId, value: Uint8Array): void {
  if (value.length !== RELEASED_BYTES) id.begun = { generation, queue };
  else if (!id.released.some((one) => one.generation === generation))
    id.released.push({ generation, queue, atMs: readUint53(value, 1) });
}
