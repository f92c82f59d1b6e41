import type { QueueId } from '@qanat/core';
import { decodeSession, type SessionRecord } from './session-record.ts';

/** A session as the cluster knows it. */
export interface KnownSession {
  record: SessionRecord;
  readonly version: number;
  /** The state queue that it lives in. */
  readonly queue: QueueId;
}

type Listener = (key: string, now: KnownSession | undefined, version: number) => void;

/** The records of all sessions of the cluster, as the watches of the state topic tell them: a little late. */
export class SessionMirror {
  readonly #sessions = new Map<string, KnownSession>();
  readonly #listeners: Listener[] = [];

  /** By the key of the session's entry. */
  get sessions(): ReadonlyMap<string, KnownSession> {
    return this.#sessions;
  }

  /** @param listener is called for each change, in the order of a queue's versions. */
  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** What stands in an entry is at hand already: it need not be kept twice. */
  share(key: string, version: number, record: SessionRecord): void {
    const known = this.#sessions.get(key);
    if (known?.version === version) known.record = record;
  }

  /** Takes a change of an entry. @throws QanatError CORRUPT_LOG. */
  changed(key: string, value: Uint8Array | undefined, version: number, queue: QueueId): void {
    const before = this.#sessions.get(key);
    if (value !== undefined && before?.version === version) return;
    const now = value === undefined ? undefined : { record: decodeSession(value), version, queue };
    if (now === undefined) this.#sessions.delete(key);
    else this.#sessions.set(key, now);
    for (const listener of this.#listeners) listener(key, now, version);
  }
}
