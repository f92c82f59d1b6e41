import type { RequestInit, Response } from '../../connection/request.ts';
import { QanatError } from '../../errors.ts';
import { readUtf8, utf8 } from '../../wire/bytes.ts';
import { KEYED_STATE_REQUESTS } from '../../wire/gen/keyed-state-messages.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { encodeStateEntries, readStateEntries, type StateEntry, StateEntryFlag } from '../../wire/state-entry.ts';
import type { ClientHost, QueueId } from '../host.ts';
import { requestWithRetries } from '../retried-request.ts';
import { TopicQueues } from './topic-queues.ts';

/** One change that a write makes. Its bytes are copied before the call returns. */
export interface StateChange {
  /** 1 to STATE_KEY_BYTES_MAX bytes of UTF-8. */
  readonly key: string;
  /** At most STATE_VALUE_BYTES_MAX bytes; undefined removes the key. */
  readonly value: Uint8Array | undefined;
  /** The write is refused when the key has another version; 0: it must not be there. Default: whatever it has. */
  readonly expectedVersion?: number;
}

/** What a key has; the bytes are the caller's. */
export interface StateValue {
  readonly version: number;
  readonly value: Uint8Array;
}

export interface StateScanEntry extends StateValue {
  readonly key: string;
}

/** What has become of a key; `value` is undefined where it was removed. */
export interface StateChanged {
  readonly key: string;
  readonly version: number;
  readonly value: Uint8Array | undefined;
}

export interface StateScanOptions {
  /** Keys that begin with this text. */
  readonly prefix: string;
  /** Only keys behind this one. Default: from the first on. */
  readonly after?: string;
  /** Entries at most. Default: as many as fit an answer. */
  readonly limit?: number;
}

export interface StateScanResult {
  /** In the order of the UTF-8 bytes of their keys. */
  readonly entries: readonly StateScanEntry[];
  /** There are more behind the last one. */
  readonly more: boolean;
  /** Of the queue, when it was read: where to watch from. */
  readonly version: number;
}

export type StateChangesResult =
  | {
      readonly kind: 'changes';
      /** Each key once, as its last change left it; none when the time was up. */
      readonly entries: readonly StateChanged[];
      /** All changes up to here are told. */
      readonly version: number;
    }
  /** The broker remembers the changes since that version no longer: scan again. */
  | { readonly kind: 'reset' };

export type StateDone<Result> = (error: QanatError | undefined, result: Result) => void;

const NO_VALUE = new Uint8Array(0);
const NO_ENTRIES: readonly never[] = [];

/** The keyed state of a topic's queues, over all brokers. */
export class KeyedStateClient {
  readonly topic: string;
  readonly #host: ClientHost;
  readonly #queues: TopicQueues;

  constructor(host: ClientHost, topic: string) {
    this.#host = host;
    this.topic = topic;
    this.#queues = new TopicQueues(host, topic);
  }

  /** The queue that a text belongs to, by rendezvous hashing as for keys of messages. Errors: TOPIC_NOT_FOUND, TIMEOUT. */
  queueOf(text: string, timeoutMs: number, done: StateDone<QueueId>): void {
    this.#queues.queueOf(text, timeoutMs, done);
  }

  /** All queues of the topic, by broker, then number. Errors: TOPIC_NOT_FOUND, TIMEOUT. */
  queues(timeoutMs: number, done: StateDone<readonly QueueId[]>): void {
    this.#queues.all(timeoutMs, done);
  }

  /**
   * Makes all changes or none; the result is the version that the keys have now. Errors: VERSION_CONFLICT, INVALID_ARGUMENT,
   * LIMIT_EXCEEDED, DISK_FULL, TOPIC_NOT_FOUND, UNSUPPORTED_FRAME of a broker before version 1.2. With outcome `unknown` the
   * changes may be made.
   */
  write(queue: QueueId, changes: readonly StateChange[], timeoutMs: number, done: StateDone<number>): void {
    let payload: Uint8Array;
    try {
      payload = encodeStateEntries(changes.map(entryOf));
    } catch (error) {
      return done(error as QanatError, 0);
    }
    this.#ask(queue, 'STATE_WRITE', {}, { payload, timeoutMs, idempotent: false }, (error, response) =>
      done(error, error === undefined ? response.header.version : 0),
    );
  }

  /** What the keys have, in their order; undefined for one that is not there. In as many requests as it takes. */
  get(queue: QueueId, keys: readonly string[], timeoutMs: number, done: StateDone<readonly (StateValue | undefined)[]>): void {
    const { engine } = this.#host;
    const dueMs = engine.nowMs() + timeoutMs;
    const found: (StateValue | undefined)[] = [];
    const next = (): void => {
      if (found.length >= keys.length) return done(undefined, found);
      const asked = keys.slice(found.length, found.length + LIMITS.STATE_CHANGES_MAX);
      let payload: Uint8Array;
      try {
        payload = encodeStateEntries(asked.map((key) => ({ key: keyBytes(key), flags: 0, version: 0, value: NO_VALUE })));
      } catch (error) {
        return done(error as QanatError, NO_ENTRIES);
      }
      const options = { payload, timeoutMs: dueMs - engine.nowMs(), idempotent: true };
      return this.#ask(queue, 'STATE_GET', {}, options, (error, response) => {
        const entries = error === undefined ? readEntries(queue, response.payload) : error;
        if (QanatError.is(entries)) return done(entries, NO_ENTRIES);
        if (entries.length === 0 || entries.length > asked.length)
          return done(malformed(queue, `${entries.length} entries for ${asked.length} keys`), NO_ENTRIES);
        for (const entry of entries) found.push(isRemoved(entry) ? undefined : entry);
        return next();
      });
    };
    next();
  }

  /** Entries in the order of their keys, as many as fit an answer. */
  scan(queue: QueueId, scan: StateScanOptions, timeoutMs: number, done: StateDone<StateScanResult>): void {
    const { prefix, after = '', limit = 0 } = scan;
    const header = { prefix: utf8(prefix), after: utf8(after), limit };
    this.#ask(queue, 'STATE_SCAN', header, { timeoutMs, idempotent: true }, (error, response) => {
      const entries = error === undefined ? readEntries(queue, response.payload) : error;
      if (QanatError.is(entries)) return done(entries, { entries: NO_ENTRIES, more: false, version: 0 });
      const { version, more } = response.header;
      return done(undefined, { entries: entries.map(withText), more, version });
    });
  }

  /** What has changed since a version; waits up to `waitMs`, at most PULL_WAIT_MS_MAX, for the first change. */
  changes(
    queue: QueueId,
    { prefix, since, waitMs }: { readonly prefix: string; readonly since: number; readonly waitMs: number },
    timeoutMs: number,
    done: StateDone<StateChangesResult>,
  ): void {
    const header = { prefix: utf8(prefix), changes: true, since, waitMs };
    this.#ask(queue, 'STATE_SCAN', header, { timeoutMs, idempotent: true, waitMs }, (error, response) => {
      const entries = error === undefined ? readEntries(queue, response.payload) : error;
      if (QanatError.is(entries)) return done(entries, { kind: 'reset' });
      const { version, reset } = response.header;
      if (reset) return done(undefined, { kind: 'reset' });
      return done(undefined, { kind: 'changes', entries: entries.map(asChanged), version });
    });
  }

  #ask<N extends 'STATE_WRITE' | 'STATE_GET' | 'STATE_SCAN'>(
    { topic, broker, queue }: QueueId,
    name: N,
    header: RequestInit<N>,
    options: {
      readonly payload?: Uint8Array;
      readonly timeoutMs: number;
      readonly idempotent: boolean;
      readonly waitMs?: number;
    },
    done: (error: QanatError | undefined, response: Response<N>) => void,
  ): void {
    const { payload, ...rest } = options;
    const parts = payload === undefined ? {} : { payload: [payload] };
    requestWithRetries(
      this.#host,
      {
        topic,
        broker,
        name,
        header: { topic, queue, ...(header as object) } as RequestInit<N>,
        codec: KEYED_STATE_REQUESTS[name],
        ...parts,
        ...rest,
      },
      done,
    );
  }
}

const isRemoved = ({ flags }: StateEntry): boolean => (flags & StateEntryFlag.REMOVED) !== 0;

const withText = ({ key, version, value }: StateEntry): StateScanEntry => ({ key: readUtf8(key, 0, key.length), version, value });

const asChanged = (entry: StateEntry): StateChanged => {
  const { key, version, value } = withText(entry);
  return { key, version, value: isRemoved(entry) ? undefined : value };
};

const malformed = ({ topic, broker, queue }: QueueId, why: string): QanatError =>
  new QanatError('MALFORMED_FRAME', `queue ${queue} of topic "${topic}" at broker ${broker}: ${why}`);

/** What a broker sends that cannot be read is the broker's fault. */
function readEntries(queue: QueueId, payload: Uint8Array): readonly StateEntry[] | QanatError {
  try {
    return readStateEntries(payload);
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return malformed(queue, error.message);
  }
}

function entryOf({ key, value, expectedVersion }: StateChange): StateEntry {
  const removed = value === undefined ? StateEntryFlag.REMOVED : 0;
  const expected = expectedVersion === undefined ? 0 : StateEntryFlag.EXPECTED;
  if (value !== undefined && value.length > LIMITS.STATE_VALUE_BYTES_MAX)
    throw notSent(`a value has ${value.length} bytes, at most ${LIMITS.STATE_VALUE_BYTES_MAX} are taken (STATE_VALUE_BYTES_MAX)`);
  return { key: keyBytes(key), flags: removed | expected, version: expectedVersion ?? 0, value: value ?? NO_VALUE };
}

function keyBytes(key: string): Uint8Array {
  const bytes = utf8(key);
  if (bytes.length > 0 && bytes.length <= LIMITS.STATE_KEY_BYTES_MAX) return bytes;
  throw notSent(`a key has ${bytes.length} bytes, 1 to ${LIMITS.STATE_KEY_BYTES_MAX} are taken (STATE_KEY_BYTES_MAX)`);
}

const notSent = (why: string): QanatError => new QanatError('INVALID_ARGUMENT', why, { outcome: 'not-sent' });
