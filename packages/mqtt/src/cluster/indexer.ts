import type { Clock, QueueId } from '@qanat/core';
import { FilterTree } from '../filters/filter-tree.ts';
import type { SessionSubscription, StoredPublication } from '../ports.ts';
import { decodeIndex, encodeIndex, type IndexRecord } from './index-record.ts';
import { INDEX_IDLE_MS, INDEX_MS, INDEX_SPAN_MAX, RETRY_MS, STATE_PAGE } from './limits.ts';
import type { Liveness } from './liveness.ts';
import type { KeyedState, StateWrite } from './log-client.ts';
import type { LogReader } from './log-reader.ts';
import type { OfflineSession, OfflineSessions } from './offline-sessions.ts';
import { indexedEntries } from './pointers.ts';
import { QuietSpan } from './quiet-span.ts';
import { keeps } from './selector.ts';
import { isConflict } from './session-entries.ts';
import { indexKey, queueName } from './state-keys.ts';
import type { Tails } from './tails.ts';

export interface IndexerScope {
  readonly state: KeyedState;
  readonly clock: Clock;
  readonly liveness: Liveness;
  readonly tails: Tails;
  readonly reader: LogReader;
  readonly offline: OfflineSessions;
  /** Called for each message that is indexed. */
  readonly onMessage: (message: StoredPublication) => void;
  readonly onTrouble: (error: unknown) => void;
}

/** What was found for one session. */
interface Found {
  readonly session: OfflineSession;
  readonly offsets: Set<number>;
}

/**
 * Writes the pointers of offline sessions into one data queue, while this bridge is the one to do it. In this order: what was
 * found, then how far it has come; so that whoever dies between leaves work that is done again, and no gap. A bridge that
 * wrongly takes itself for the indexer writes pointers that are true as well, and is refused when it tells its position.
 */
export class Indexer {
  readonly #scope: IndexerScope;
  readonly #number: number;
  readonly #name: string;
  readonly #key: string;
  #home: QueueId | undefined;
  /** What is done, as far as this bridge knows; undefined: to be read. */
  #done: IndexRecord | undefined;
  /** As it stands in the cluster. */
  #told: IndexRecord | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #version = 0;
  #stopped = false;
  #scheduled = false;
  #again = false;
  #cancel: () => void = () => {};
  readonly #quiet = new QuietSpan();

  /** @param number of the data queue. @param name of it in records. */
  constructor(scope: IndexerScope, number: number, name: string) {
    this.#scope = scope;
    this.#number = number;
    this.#name = name;
    this.#key = indexKey(name);
  }

  /** Messages that are stored and not indexed; undefined where another bridge indexes. */
  get lag(): number | undefined {
    return this.#done && this.#scope.tails.position(this.#number) - this.#done.position;
  }

  /** Something was stored, a session went offline, or a bridge came or went. */
  wake(): void {
    this.#again = true;
    if (!this.#scheduled) this.#later(INDEX_MS);
  }

  /** A span was stored, with these messages to be retained: where no session is offline they are all that it needs. */
  passed(from: number, to: number, retained: readonly StoredPublication[]): void {
    this.#quiet.add(from, to, retained);
    this.wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #later(ms: number): void {
    if (this.#stopped) return;
    this.#scheduled = true;
    const { clock } = this.#scope;
    this.#cancel = clock.at(clock.nowMs() + ms, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    this.#again = false;
    let nextMs: number | undefined;
    try {
      if (this.#scope.liveness.isMine(this.#key)) nextMs = await this.#step();
      else this.#leave();
    } catch (error) {
      this.#done = undefined;
      nextMs = RETRY_MS;
      if (!isConflict(error) && !this.#stopped) this.#scope.onTrouble(error);
    }
    this.#scheduled = false;
    if (this.#again) this.#later(nextMs === RETRY_MS ? RETRY_MS : INDEX_MS);
    else if (nextMs !== undefined) this.#later(nextMs);
  }

  /** Another bridge indexes. */
  #leave(): void {
    this.#done = undefined;
    this.#quiet.forget(this.#scope.tails.position(this.#number));
  }

  /** @returns ms until there is more to do; undefined: nothing until `wake`. */
  async #step(): Promise<number | undefined> {
    const { tails, offline } = this.#scope;
    this.#done ??= await this.#read();
    const { position, seen } = this.#done;
    const versions = offline.versions();
    const end = tails.position(this.#number);
    const found = new Map<string, Found>();
    const late = offline.since(seen);
    await this.#lookBack(late, position, found);
    const to = await this.#goThrough(position, end, found);
    await this.#writePointers(found, to);
    this.#done = { queue: this.#name, position: to, seen: versions };
    const waitMs = await this.#tell(found.size > 0 || late.length > 0);
    return to < end ? 0 : waitMs;
  }

  /** @returns how far. */
  async #goThrough(position: number, end: number, found: Map<string, Found>): Promise<number> {
    const { reader, offline, onMessage } = this.#scope;
    const quietTo = offline.size === 0 ? this.#quiet.endFrom(position) : position;
    if (quietTo > position) {
      for (const message of this.#quiet.take(position)) onMessage(message);
      return quietTo;
    }
    const to = Math.min(end, position + INDEX_SPAN_MAX);
    await reader.walk(this.#number, position, to, (message) => {
      onMessage(message);
      offline.match(message, (session) => note(found, session, message));
      return true;
    });
    return to;
  }

  /** What was stored between the end of a session's connection and the time when this bridge heard of it. */
  async #lookBack(sessions: readonly OfflineSession[], to: number, found: Map<string, Found>): Promise<void> {
    const tree = new FilterTree<{ readonly session: OfflineSession; readonly subscription: SessionSubscription }>();
    let from = to;
    for (const session of sessions) {
      const cursor = session.cursorOf(this.#name);
      if (cursor >= to) continue;
      from = Math.min(from, cursor);
      for (const subscription of session.kept) tree.set(subscription.filter, session.key, { session, subscription });
    }
    await this.#scope.reader.walk(this.#number, from, to, (message) => {
      if (message.qos > 0)
        tree.match(message.topic, ({ session, subscription }) => {
          if (keeps(subscription, message, session.clientId)) note(found, session, message);
        });
      return true;
    });
  }

  async #writePointers(found: ReadonlyMap<string, Found>, spanEnd: number): Promise<void> {
    const byQueue = new Map<string, { readonly queue: QueueId; readonly writes: StateWrite[] }>();
    for (const { session, offsets } of found.values()) {
      const sorted = [...offsets].sort((a, b) => a - b).filter((offset) => offset >= session.cursorOf(this.#name));
      const name = queueName(session.queue);
      const group = byQueue.get(name) ?? { queue: session.queue, writes: [] };
      byQueue.set(name, group);
      group.writes.push(...indexedEntries(session.clientId, session.claim, this.#name, sorted, spanEnd));
    }
    await Promise.all([...byQueue.values()].map(({ queue, writes }) => this.#writeAll(queue, writes)));
  }

  async #writeAll(queue: QueueId, writes: readonly StateWrite[]): Promise<void> {
    for (let at = 0; at < writes.length; at += STATE_PAGE)
      await this.#scope.state.write(queue, writes.slice(at, at + STATE_PAGE));
  }

  /** Tells how far it is, at once where somebody waits for it, else now and then. @returns ms until it is to be told. */
  async #tell(urgent: boolean): Promise<number | undefined> {
    const done = this.#done as IndexRecord;
    if (this.#told !== undefined && equal(this.#told, done)) return undefined;
    const { clock, state } = this.#scope;
    const dueMs = this.#toldAtMs + INDEX_IDLE_MS - clock.nowMs();
    if (!urgent && dueMs > 0) return dueMs;
    const change = { key: this.#key, value: encodeIndex(done), expectedVersion: this.#version };
    this.#version = await state.write(await this.#homeQueue(), [change]);
    this.#told = done;
    this.#toldAtMs = clock.nowMs();
    return undefined;
  }

  async #read(): Promise<IndexRecord> {
    const [entry] = await this.#scope.state.get(await this.#homeQueue(), [this.#key]);
    this.#version = entry?.version ?? 0;
    this.#told = entry && decodeIndex(entry.value);
    if (this.#told !== undefined) return this.#told;
    return { queue: this.#name, position: this.#scope.tails.beginOf(this.#number), seen: new Map() };
  }

  async #homeQueue(): Promise<QueueId> {
    this.#home ??= await this.#scope.state.queueOf(this.#key);
    return this.#home;
  }
}

function note(found: Map<string, Found>, session: OfflineSession, { offset }: StoredPublication): void {
  const before = found.get(session.key);
  if (before === undefined) found.set(session.key, { session, offsets: new Set([offset]) });
  else before.offsets.add(offset);
}

const equal = (a: IndexRecord, b: IndexRecord): boolean =>
  a.position === b.position &&
  a.seen.size === b.seen.size &&
  [...a.seen].every(([name, version]) => b.seen.get(name) === version);
