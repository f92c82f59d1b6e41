import type { QueueId } from '@qanat/core';
import { type CountedSession, countedSession, type KeptState } from './kept-state.ts';
import { decodeSession, type SessionRecord } from './session-record.ts';

/** A session as the cluster knows it. */
export interface KnownSession {
  /** Without its will, unless it is online here: whoever publishes that reads the entry. */
  record: SessionRecord;
  readonly counted: CountedSession;
  readonly version: number;
  /** The state queue that it lives in. */
  readonly queue: QueueId;
}

type Listener = (key: string, now: KnownSession | undefined, version: number) => void;

/** The records of all sessions of the cluster, as the watches of the state topic tell them: a little late. */
export class SessionMirror {
  readonly #sessions = new Map<string, KnownSession>();
  readonly #listeners: Listener[] = [];
  readonly #state: KeptState;

  constructor(state: KeptState) {
    this.#state = state;
  }

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
    if (known?.version === version) known.record = record.owner === undefined ? { ...record, will: undefined } : record;
  }

  /** Takes a change of an entry. @throws QanatError CORRUPT_LOG. */
  changed(key: string, value: Uint8Array | undefined, version: number, queue: QueueId): void {
    const before = this.#sessions.get(key);
    if (value !== undefined && before?.version === version) return;
    const now = value === undefined ? undefined : known(value, version, queue);
    this.#state.sessionChanged(before?.counted, now?.counted);
    if (now === undefined) this.#sessions.delete(key);
    else this.#sessions.set(key, now);
    for (const listener of this.#listeners) listener(key, now, version);
  }
}

function known(value: Uint8Array, version: number, queue: QueueId): KnownSession {
  const record = decodeSession(value);
  return { record: { ...record, will: undefined }, counted: countedSession(record, value.length), version, queue };
}
