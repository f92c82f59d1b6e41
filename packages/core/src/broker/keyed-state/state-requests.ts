// What requests for keyed state say, checked (spec, chapter of keyed state).
import type { Request } from '../../connection/server-session.ts';
import { QanatError } from '../../errors.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { readStateEntries, type StateEntry, StateEntryFlag, stateEntryBytes } from '../../wire/state-entry.ts';
import { keyOfBytes } from './key-text.ts';
import type { KeyChange } from './queue-state.ts';

/** What the control header of an answer may take. */
const ANSWER_HEADER_BYTES = 64;

/** One change that a write asks for. */
export interface AskedChange extends KeyChange {
  /** Undefined: whatever the key has. */
  readonly expectedVersion: number | undefined;
}

function invalid(why: string): never {
  throw new QanatError('INVALID_ARGUMENT', why);
}

function readCounted(payload: Uint8Array, what: string): StateEntry[] {
  const entries = readStateEntries(payload);
  if (entries.length === 0 || entries.length > LIMITS.STATE_CHANGES_MAX)
    invalid(`${entries.length} ${what}, 1 to ${LIMITS.STATE_CHANGES_MAX} are taken at once (STATE_CHANGES_MAX)`);
  return entries;
}

/** The changes of a STATE_WRITE; values are views of its payload. @throws QanatError INVALID_ARGUMENT. */
export function readChanges(payload: Uint8Array): AskedChange[] {
  if (payload.length > LIMITS.STATE_WRITE_BYTES_MAX)
    invalid(`${payload.length} bytes, a write has at most ${LIMITS.STATE_WRITE_BYTES_MAX} (STATE_WRITE_BYTES_MAX)`);
  const keys = new Set<string>();
  return readCounted(payload, 'changes').map(({ key: bytes, flags, version, value }, i) => {
    const key = keyOfBytes(bytes);
    if (keys.has(key)) invalid(`the key of state entry ${i} came before: a write changes a key once`);
    keys.add(key);
    const expected = (flags & StateEntryFlag.EXPECTED) !== 0;
    if (!expected && version !== 0) invalid(`state entry ${i} has a version, and does not expect it`);
    const removed = (flags & StateEntryFlag.REMOVED) !== 0;
    return { key, value: removed ? undefined : value, expectedVersion: expected ? version : undefined };
  });
}

/** The keys of a STATE_GET. @throws QanatError INVALID_ARGUMENT. */
export function readKeys(payload: Uint8Array): string[] {
  return readCounted(payload, 'keys').map(({ key, flags, version, value }, i) => {
    if (flags !== 0 || version !== 0 || value.length > 0) invalid(`state entry ${i} of a question is more than a key`);
    return keyOfBytes(key);
  });
}

/** @throws QanatError INVALID_ARGUMENT where fields do not go together. */
export function checkScan({ header }: Request<'STATE_SCAN'>): void {
  const { changes, after, limit, since, waitMs } = header;
  if (changes && (after.length > 0 || limit > 0)) invalid('a scan of changes has neither after nor limit');
  if (!changes && (since > 0 || waitMs > 0)) invalid('only a scan of changes has since and wait_ms');
  if (waitMs > LIMITS.PULL_WAIT_MS_MAX) invalid(`wait_ms is above ${LIMITS.PULL_WAIT_MS_MAX} (PULL_WAIT_MS_MAX)`);
}

/** Gathers the entries of one answer while there is room: STATE_WRITE_BYTES_MAX, or what the client takes. */
export class AnswerEntries {
  readonly entries: StateEntry[] = [];
  readonly #frameBytes: number;
  #bytes = 0;

  constructor(controlBytesMax: number) {
    this.#frameBytes = controlBytesMax - ANSWER_HEADER_BYTES;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the entries, all or none: the first ones always, since an answer has to go on.
   * @returns false when they have no room. @throws QanatError LIMIT_EXCEEDED where the client takes no such frame.
   */
  add(...entries: readonly StateEntry[]): boolean {
    let bytes = this.#bytes;
    for (const { key, value } of entries) bytes += stateEntryBytes(key.length, value.length);
    if (this.entries.length > 0 && bytes > Math.min(LIMITS.STATE_WRITE_BYTES_MAX, this.#frameBytes)) return false;
    if (bytes > this.#frameBytes)
      throw new QanatError('LIMIT_EXCEEDED', `entries of ${bytes} bytes pass frame_bytes_max of the client`);
    this.entries.push(...entries);
    this.#bytes = bytes;
    return true;
  }
}
