import { type Clock, QanatError, type QueueId } from '@qanat/core';
import type { OutboundExchange, Place, SentPlace } from '../ports.ts';
import { RETRY_MS, STATE_PAGE } from './limits.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import { decodePointers, decodeSent, type Pointers, type SentPointers } from './pointers.ts';
import type { QueueTable } from './queue-table.ts';
import { decodeSession, encodeSession, type SessionRecord } from './session-record.ts';
import { exchangeKey, exchangesPrefix, fenceKey, finishedKey, pointersPrefix, sentKey, sessionKey } from './state-keys.ts';
import { readAll } from './state-mirror.ts';
import { StoredReader, StoredWriter } from './stored-bytes.ts';
import { pause } from './waiting.ts';

const FORMAT = 1;

/** A record and the version of its entry. */
export interface Versioned {
  readonly record: SessionRecord;
  readonly version: number;
}

/** What lies beside the record of a session. */
export interface SessionEntries {
  readonly pointers: readonly { readonly key: string; readonly pointers: Pointers }[];
  /** What may have been sent, in the order in which it was. */
  readonly sent: readonly SentPlace[];
  readonly exchanges: readonly OutboundExchange[];
  /** Places of exchanges that have ended. */
  readonly finished: readonly Place[];
  /** Of the exchanges of this claim: they are all of them, as long as it has this version. */
  readonly fence: { readonly key: string; readonly version: number } | undefined;
  /** All their keys. */
  readonly keys: readonly string[];
}

export const NO_ENTRIES: SessionEntries = { pointers: [], sent: [], exchanges: [], finished: [], fence: undefined, keys: [] };

export function encodeExchange(claim: number, { queue, offset, released }: OutboundExchange, queues: QueueTable): Uint8Array {
  return new StoredWriter(FORMAT)
    .number(claim)
    .text(queues.nameOf(queue))
    .number(offset)
    .byte(released ? 1 : 0)
    .end();
}

/** @param mark tells the writes of a bridge from each other. */
export const encodeFence = (claim: number, mark: number): Uint8Array => new StoredWriter(FORMAT).number(claim).number(mark).end();

export function encodeFinished(claim: number, places: readonly Place[], queues: QueueTable): Uint8Array {
  const w = new StoredWriter(FORMAT).number(claim);
  const numbers = [...new Set(places.map(({ queue }) => queue))];
  w.list(numbers, (number) => {
    const offsets = places.filter(({ queue }) => queue === number);
    w.text(queues.nameOf(number)).list(offsets, ({ offset }) => w.number(offset));
  });
  return w.end();
}

const placesIn = (queue: number, r: StoredReader): Place[] => r.list(() => ({ queue, offset: r.number() }));

/** Another bridge has the session. */
export const isConflict = (error: unknown): boolean => QanatError.is(error) && (error.code as string) === 'VERSION_CONFLICT';

export const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Errors that another try may cure. */
const mayPass = (error: unknown): boolean => QanatError.is(error) && error.retryable;

const always = (): boolean => true;

/** The entries of sessions in the state topic. */
export class SessionStore {
  readonly #state: KeyedState;
  readonly #clock: Clock;
  readonly #queues: QueueTable;
  #closed = false;

  constructor(state: KeyedState, clock: Clock, queues: QueueTable) {
    this.#state = state;
    this.#clock = clock;
    this.#queues = queues;
  }

  queueOf(clientId: string): Promise<QueueId> {
    return this.#state.queueOf(clientId);
  }

  /** What is tried again is not tried any more. */
  close(): void {
    this.#closed = true;
  }

  /** The record as it is now. @throws QanatError. */
  async read(queue: QueueId, clientId: string): Promise<Versioned | undefined> {
    const [entry] = await this.#state.get(queue, [sessionKey(clientId)]);
    return entry && { record: decodeSession(entry.value), version: entry.version };
  }

  /** What lies beside a record; what an earlier claim left does not count. @throws QanatError. */
  async entriesOf(queue: QueueId, record: SessionRecord): Promise<SessionEntries> {
    const { clientId, claim, pointersFrom } = record;
    const [p, o] = await Promise.all([
      readAll(this.#state, queue, pointersPrefix(clientId)),
      readAll(this.#state, queue, exchangesPrefix(clientId)),
    ]);
    const sentEntry = p.find(({ key }) => key === sentKey(clientId));
    const sent = sentEntry === undefined ? undefined : decodeSent(sentEntry.value);
    const pointers = p
      .filter((entry) => entry !== sentEntry)
      .map(({ key, value }) => ({ key, pointers: decodePointers(value) }))
      .filter(({ pointers }) => pointers.claim >= pointersFrom);
    const exchanges: OutboundExchange[] = [];
    let finished: readonly Place[] = [];
    const fence = o.find(({ key }) => key === fenceKey(clientId, claim));
    for (const { key, value } of o.filter((entry) => !entry.key.endsWith('/fence'))) {
      const r = new StoredReader(value, FORMAT);
      if (r.number() !== claim) continue;
      const queue = (): number => this.#queues.numberOfName(r.text());
      if (key === finishedKey(clientId, claim)) finished = r.list(() => placesIn(queue(), r)).flat();
      else {
        const packetId = Number(key.slice(key.lastIndexOf('/') + 1));
        exchanges.push({ packetId, queue: queue(), offset: r.number(), released: r.byte() === 1 });
      }
    }
    const sentPlaces = sent === undefined || sent.claim < pointersFrom ? [] : sent.places.map((place) => this.#sentPlace(place));
    return { pointers, sent: sentPlaces, exchanges, finished, fence, keys: [...p, ...o].map(({ key }) => key) };
  }

  /**
   * Writes a record in the place of the version that was read, and other entries with it; tries again until it is known what
   * became of it.
   * @param version 0: there must be none. @param wanted otherwise it is not tried again. @returns the new version.
   * @throws QanatError VERSION_CONFLICT: it is another bridge's; LIMIT_EXCEEDED; CLOSED; what the last try said where it is
   *   wanted no more: then it may have been written all the same.
   */
  async replace(
    queue: QueueId,
    record: SessionRecord,
    version: number,
    others: readonly StateWrite[] = [],
    wanted: () => boolean = always,
  ): Promise<number> {
    const key = sessionKey(record.clientId);
    const value = encodeSession(record);
    const conditions = others.filter((change) => change.expectedVersion !== undefined);
    const puts = others.filter((change) => change.value !== undefined && change.expectedVersion === undefined);
    const removals = others.filter((change) => change.value === undefined && change.expectedVersion === undefined);
    const room = STATE_PAGE - 1 - conditions.length;
    // What does not fit beside the record is there before it: it means nothing without.
    await this.#writeAll(queue, puts.slice(room), wanted);
    const beside = [...puts.slice(0, room), ...removals].slice(0, room);
    const first = [{ key, value, expectedVersion: version }, ...conditions, ...beside];
    const written = await this.#persist(() => this.#write(queue, first, key, value), wanted);
    await this.#writeAll(queue, removals.slice(Math.max(0, room - puts.length)), wanted);
    return written;
  }

  /**
   * Removes a session, if it still has this version, with all that lies beside it.
   * @throws QanatError VERSION_CONFLICT, CLOSED.
   */
  async end(queue: QueueId, clientId: string, version: number, keys: readonly string[]): Promise<void> {
    const removals = keys.map((key) => ({ key, value: undefined }));
    const record = { key: sessionKey(clientId), value: undefined, expectedVersion: version };
    await this.#persist(() => this.#state.write(queue, [record, ...removals.slice(0, STATE_PAGE - 1)]));
    await this.#writeAll(queue, removals.slice(STATE_PAGE - 1));
  }

  /** From now on the claim writes no exchanges any more. @throws QanatError. */
  async shut(queue: QueueId, { clientId, claim }: SessionRecord): Promise<void> {
    await this.#state.write(queue, [{ key: fenceKey(clientId, claim), value: undefined }]);
  }

  /** The entries of exchanges that are under way. */
  exchangeWrites(clientId: string, claim: number, exchanges: readonly OutboundExchange[]): StateWrite[] {
    return exchanges.map((exchange) => ({
      key: exchangeKey(clientId, claim, exchange.packetId),
      value: encodeExchange(claim, exchange, this.#queues),
    }));
  }

  /** The exchanges of a claim, as entries of the next one. */
  restamped(clientId: string, claim: number, { exchanges, finished, fence, keys }: SessionEntries): StateWrite[] {
    const writes = this.exchangeWrites(clientId, claim, exchanges);
    if (finished.length > 0)
      writes.push({ key: finishedKey(clientId, claim), value: encodeFinished(claim, finished, this.#queues) });
    for (const key of keys) {
      if (key === fence?.key) writes.push({ key, value: undefined, expectedVersion: fence.version });
      else if (key.startsWith(exchangesPrefix(clientId))) writes.push({ key, value: undefined });
    }
    return writes;
  }

  #sentPlace({ queue, offset, packetId }: SentPointers['places'][number]): SentPlace {
    return { queue: this.#queues.numberOfName(queue), offset, packetId };
  }

  async #writeAll(queue: QueueId, changes: readonly StateWrite[], wanted: () => boolean = always): Promise<void> {
    for (let at = 0; at < changes.length; at += STATE_PAGE) {
      await this.#persist(() => this.#state.write(queue, changes.slice(at, at + STATE_PAGE)), wanted);
    }
  }

  /** A conflict may be with an earlier try of the same write, of which nothing was heard. */
  async #write(queue: QueueId, changes: readonly StateWrite[], key: string, value: Uint8Array): Promise<number> {
    try {
      return await this.#state.write(queue, changes);
    } catch (error) {
      if (!isConflict(error)) throw error;
      const [entry] = await this.#state.get(queue, [key]);
      if (entry !== undefined && same(entry.value, value)) return entry.version;
      throw error;
    }
  }

  async #persist<Result>(attempt: () => Promise<Result>, wanted: () => boolean = always): Promise<Result> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (this.#closed || isConflict(error) || !mayPass(error) || !wanted()) throw error;
        await pause(this.#clock, RETRY_MS);
      }
    }
  }
}
