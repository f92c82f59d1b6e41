import type { QueueId } from '@qanat/core';
import { FilterTree } from '../filters/filter-tree.ts';
import type { SessionSubscription, StoredPublication } from '../ports.ts';
import { isKept, keeps } from './selector.ts';
import type { KnownSession, SessionMirror } from './session-mirror.ts';
import { queueName } from './state-keys.ts';

/** A session without a connection that has subscriptions to remember messages for. */
export class OfflineSession {
  readonly key: string;
  /** Of the entry when it went offline. */
  readonly version: number;
  readonly queue: QueueId;
  readonly clientId: string;
  readonly claim: number;
  /** Its subscriptions that keep messages. */
  readonly kept: readonly SessionSubscription[];
  readonly #cursor: ReadonlyMap<string, number>;

  /** @param before as it was known before: what changes while it stays offline does not make it one that went offline now. */
  constructor(key: string, { record, version, queue }: KnownSession, before: OfflineSession | undefined) {
    this.key = key;
    this.version = before?.claim === record.claim ? before.version : version;
    this.queue = queue;
    this.clientId = record.clientId;
    this.claim = record.claim;
    this.kept = record.subscriptions.filter(isKept);
    this.#cursor = record.cursor;
  }

  /** From where on messages of a data queue are to be remembered. */
  cursorOf(queue: string): number {
    return this.#cursor.get(queue) ?? 0;
  }
}

/** The offline sessions of the whole cluster under their filters: what the indexers match messages with. */
export class OfflineSessions {
  readonly #tree = new FilterTree<{ readonly session: OfflineSession; readonly subscription: SessionSubscription }>();
  readonly #sessions = new Map<string, OfflineSession>();
  /** By state queue, in the order of their versions but for those in `#unsorted`; with some that are offline no more. */
  readonly #byVersion = new Map<string, OfflineSession[]>();
  readonly #unsorted = new Set<string>();
  readonly #versions = new Map<string, number>();

  constructor(mirror: SessionMirror) {
    mirror.listen((key, now) => this.#changed(key, now));
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Everything up to this version of a state queue is known. */
  upTo(queue: QueueId, version: number): void {
    this.#versions.set(queueName(queue), version);
  }

  /** Up to which version of each state queue the sessions are known. */
  versions(): Map<string, number> {
    return new Map(this.#versions);
  }

  /** The sessions that went offline behind these versions. */
  since(seen: ReadonlyMap<string, number>): OfflineSession[] {
    const sessions: OfflineSession[] = [];
    for (const [queue, list] of this.#byVersion) {
      if (this.#unsorted.delete(queue)) list.sort((a, b) => a.version - b.version);
      const version = seen.get(queue) ?? 0;
      for (let i = list.length - 1; i >= 0 && (list[i] as OfflineSession).version > version; i--) {
        const session = list[i] as OfflineSession;
        if (this.#sessions.get(session.key) === session) sessions.push(session);
      }
    }
    return sessions;
  }

  match(message: StoredPublication, found: (session: OfflineSession) => void): void {
    if (message.qos === 0 || this.#sessions.size === 0) return;
    this.#tree.match(message.topic, ({ session, subscription }) => {
      if (keeps(subscription, message, session.clientId)) found(session);
    });
  }

  #changed(key: string, now: KnownSession | undefined): void {
    const before = this.#sessions.get(key);
    if (before !== undefined) {
      this.#sessions.delete(key);
      for (const { filter } of before.kept) this.#tree.delete(filter, key);
    }
    if (now === undefined || now.record.owner !== undefined) return;
    const session = new OfflineSession(key, now, before);
    if (session.kept.length === 0) return;
    this.#insert(session);
    this.#sessions.set(key, session);
    for (const subscription of session.kept) this.#tree.set(subscription.filter, key, { session, subscription });
  }

  #insert(session: OfflineSession): void {
    const name = queueName(session.queue);
    let list = this.#byVersion.get(name) ?? [];
    if (list.length > 1_024 && list.length > this.#sessions.size * 2) {
      list = list.filter((other) => this.#sessions.get(other.key) === other);
    }
    list.push(session);
    // They come in order, but for those that were there at the start.
    const last = list.at(-2);
    if (last !== undefined && last.version > session.version) this.#unsorted.add(name);
    this.#byVersion.set(name, list);
  }
}
