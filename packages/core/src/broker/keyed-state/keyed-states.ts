import type { Request, ServerSession } from '../../connection/server-session.ts';
import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import { readUint53, utf8, writeUint53At } from '../../wire/bytes.ts';
import type { KeyedState, StateRecordInit, StateWritten } from '../../wire/gen/messages.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { encodeStateEntries, readStateEntries } from '../../wire/state-entry.ts';
import type { BrokerLimits } from '../broker-options.ts';
import type { BrokerFigures } from '../figures.ts';
import type { CommitLog } from '../log/commit-log.ts';
import { UNKNOWN_OFFSET } from '../sequence-window.ts';
import type { Term } from '../term.ts';
import type { TopicQueue } from '../topic.ts';
import type { Topics } from '../topics.ts';
import { keyOfBytes } from './key-text.ts';
import { answered, type KeyChange, QueueState } from './queue-state.ts';
import type { Chunk } from './sorted-entries.ts';
import { type AskedChange, checkScan, readChanges, readKeys } from './state-requests.ts';
import { StateScans } from './state-scans.ts';
import { bareQueue, type StatePart } from './state-section.ts';

/** When a broker that is busy is asked again. */
const BUSY_RETRY_MS = 50;
/** Versions that one term has: whatever a power cut took of a log that is not flushed, the next term begins above it. */
const VERSIONS_PER_TERM = 2 ** 32;
/** An offset as a value. */
const OFFSET_BYTES = 8;

/** What is known of a dedup id. */
export type DedupVerdict =
  | { readonly kind: 'new' }
  | { readonly kind: 'stored'; readonly baseOffset: number }
  /** Its write is staged: `decided` is called when it took effect, with its offset, or never will. */
  | {
      readonly kind: 'staged';
      whenDecided(decided: (error: QanatError | undefined, baseOffset: number) => void): void;
    };

export interface KeyedStateParts {
  readonly host: EngineHost;
  readonly limits: BrokerLimits;
  readonly log: CommitLog;
  readonly term: Term;
  readonly topics: Topics;
}

/** The keyed state of all queues (spec, chapter of keyed state). */
export class KeyedStates {
  readonly #parts: KeyedStateParts;
  readonly #scans: StateScans;
  readonly #states = new Map<number, QueueState>();
  /** Of all queues, with everything staged. */
  #bytes = 0;
  /** The highest version that was drawn. */
  #drawn = 0;
  /** The highest version that took effect. */
  #applied = 0;

  constructor(parts: KeyedStateParts) {
    this.#parts = parts;
    this.#scans = new StateScans(parts.host);
  }

  // ---- requests ----

  /** @returns whether the request was about keyed state. @throws QanatError. */
  handle(request: Request): boolean {
    switch (request.name) {
      case 'STATE_WRITE':
        this.#write(request as Request<'STATE_WRITE'>);
        return true;
      case 'STATE_GET':
        this.#get(request as Request<'STATE_GET'>);
        return true;
      case 'STATE_SCAN':
        this.#scan(request as Request<'STATE_SCAN'>);
        return true;
      default:
        return false;
    }
  }

  /** In the decode order of the specification: the first of these that holds is the answer. */
  #write(request: Request<'STATE_WRITE'>): void {
    if (request.oneWay) return;
    const place = this.#place(request.header);
    const changes = readChanges(request.payload);
    const state = this.#stateOf(place);
    for (const change of changes) checkVersion(state, change);
    this.#checkRoom(state, changes, request.payload.length);
    const version = this.#draw();
    const { topicId, queue } = state;
    this.#counted(state, () => state.stage(version, changes));
    const record = { stateWritten: { topicId, queue, version, entries: request.payload } };
    this.#parts.log.appendState(record, (error) => {
      if (error === undefined) request.respond({ version });
      else request.fail(error);
    });
  }

  #get(request: Request<'STATE_GET'>): void {
    if (request.oneWay) return;
    const place = this.#place(request.header);
    this.#scans.get(request, this.#stateOf(place), readKeys(request.payload));
  }

  #scan(request: Request<'STATE_SCAN'>): void {
    if (request.oneWay) return;
    const place = this.#place(request.header);
    checkScan(request);
    this.#scans.scan(request, this.#stateOf(place));
  }

  /** @throws QanatError TOPIC_NOT_FOUND, QUEUE_NOT_FOUND. */
  #place({ topic, queue }: { readonly topic: string; readonly queue: number }): TopicQueue {
    const { topics } = this.#parts;
    return topics.needQueue(topics.need(topic), queue);
  }

  /** @throws QanatError LIMIT_EXCEEDED, DISK_FULL, BROKER_BUSY. */
  #checkRoom(state: QueueState, changes: readonly KeyChange[], payloadBytes: number): void {
    const { log, limits } = this.#parts;
    // What only removes is taken whatever there is: it makes room.
    const adds = changes.some(({ value }) => value !== undefined);
    const bytes = state.bytesWith(changes);
    if (adds && bytes > limits.stateQueueBytesMax) throw tooMuch('the queue', limits.stateQueueBytesMax, 'STATE_QUEUE_BYTES_MAX');
    if (adds && this.#bytes - state.bytes + bytes > limits.stateBytesMax)
      throw tooMuch('all queues of the broker', limits.stateBytesMax, 'STATE_BYTES_TOTAL_MAX');
    if (adds && log.diskFull) throw new QanatError('DISK_FULL', 'free space is below the reserve');
    if (log.stagedBytes + payloadBytes > limits.stagedBytesMax)
      throw new QanatError('BROKER_BUSY', `${log.stagedBytes} bytes wait to be stored`, { retryAfterMs: BUSY_RETRY_MS });
  }

  #draw(): number {
    this.#drawn = Math.max(this.#drawn + 1, this.#parts.term.current * VERSIONS_PER_TERM);
    return this.#drawn;
  }

  // ---- SEND with a dedup id ----

  /** Whether a batch with this dedup id is stored already, or on its way. */
  dedup(place: TopicQueue, dedupId: string): DedupVerdict {
    const state = this.#stateOf(place);
    const key = keyOfBytes(utf8(dedupId));
    const staged = state.stagedWriteOf(key);
    if (staged !== undefined) {
      const whenDecided = (decided: (error: QanatError | undefined, baseOffset: number) => void): void => {
        staged.waiting.push((error) => decided(error, offsetOf(state.get(key)?.value)));
      };
      return { kind: 'staged', whenDecided };
    }
    if (state.stagedVersion(key) === 0) return NEW;
    return { kind: 'stored', baseOffset: offsetOf(state.get(key)?.value) };
  }

  /**
   * Stages the entry of a batch's dedup id. @returns the record that stands before the batch in the log.
   * @throws QanatError LIMIT_EXCEEDED.
   */
  stageDedup(place: TopicQueue, dedupId: string, baseOffset: number): StateRecordInit {
    const state = this.#stateOf(place);
    const value = new Uint8Array(OFFSET_BYTES);
    writeUint53At(value, 0, baseOffset);
    const changes = [{ key: keyOfBytes(utf8(dedupId)), value }];
    this.#checkRoom(state, changes, 0);
    const version = this.#draw();
    this.#counted(state, () => state.stage(version, changes));
    const entries = encodeStateEntries(changes.map(({ key }) => answered(key, { version: 0, value })));
    const { topicId, queue } = state;
    return { stateWritten: { topicId, queue, version, entries, withBatch: true } };
  }

  // ---- what the log says ----

  restore(states: readonly KeyedState[], version: number): void {
    this.#saw(version);
    for (const { topicId, queue, version: own, entries } of states) {
      const state = this.#stateAt(topicId, queue);
      this.#counted(state, () => state.restore(own, readStateEntries(entries)));
    }
  }

  /** @param touch is called before a chunk is changed. */
  apply({ topicId, queue, version, entries }: StateWritten, touch: (chunk: Chunk) => void): void {
    this.#saw(version);
    if (this.#parts.topics.byId(topicId)?.queues[queue] === undefined) return;
    const state = this.#stateAt(topicId, queue);
    this.#counted(state, () => state.apply(version, readStateEntries(entries), touch));
    this.#scans.moved(state);
  }

  topicRemoved(topicId: number, queues: number): void {
    for (let queue = 0; queue < queues; queue++) {
      const key = keyOf(topicId, queue);
      const state = this.#states.get(key);
      if (state === undefined) continue;
      this.#states.delete(key);
      this.#bytes -= state.bytes;
      this.#scans.removed(state);
    }
  }

  rolledBack(): void {
    this.#cut(new QanatError('STORAGE_REJECTED', 'the write failed and was cut off the log'));
  }

  /** The store failed: nobody knows what became of what was staged. */
  storeFailed(): void {
    this.#cut(new QanatError('OUTCOME_UNKNOWN', 'the store failed before the original was decided'));
  }

  /** What operators hear of it. */
  figures(): Pick<BrokerFigures, 'stateEntries' | 'stateBytes'> {
    let stateEntries = 0;
    for (const { entries } of this.#states.values()) stateEntries += entries.size;
    return { stateEntries, stateBytes: this.#bytes };
  }

  /** The highest version that took effect: a part of the snapshot, like what `parts` tells. */
  get version(): number {
    return this.#applied;
  }

  parts(): StatePart[] {
    const parts: StatePart[] = [];
    for (const { topicId, queue, version, entries } of this.#states.values()) {
      if (version === 0) continue;
      parts.push(bareQueue(topicId, queue, version));
      for (const chunk of entries.chunks()) parts.push({ topicId, queue, version, chunk });
    }
    return parts;
  }

  // ---- turns of the engine ----

  flush(): void {
    this.#scans.flush();
  }

  burstEnded(): void {
    this.#scans.burstEnded();
  }

  sessionClosed(session: ServerSession): void {
    this.#scans.sessionClosed(session);
  }

  endAll(): void {
    this.#scans.endAll();
  }

  #cut(error: QanatError): void {
    for (const state of this.#states.values()) this.#counted(state, () => state.cut(error));
  }

  /** A change of a queue's state, and of what all have together. */
  #counted(state: QueueState, change: () => void): void {
    const before = state.bytes;
    change();
    this.#bytes += state.bytes - before;
  }

  #saw(version: number): void {
    this.#applied = Math.max(this.#applied, version);
    this.#drawn = Math.max(this.#drawn, version);
  }

  #stateOf({ topic, queue }: TopicQueue): QueueState {
    return this.#stateAt(topic.id, queue);
  }

  #stateAt(topicId: number, queue: number): QueueState {
    const key = keyOf(topicId, queue);
    let state = this.#states.get(key);
    if (state === undefined) {
      state = new QueueState(topicId, queue);
      this.#states.set(key, state);
    }
    return state;
  }
}

const NEW: DedupVerdict = { kind: 'new' };

const keyOf = (topicId: number, queue: number): number => topicId * LIMITS.QUEUES_PER_TOPIC_MAX + queue;

const tooMuch = (whose: string, bytesMax: number, name: string): QanatError =>
  new QanatError('LIMIT_EXCEEDED', `the keyed state of ${whose} would pass ${bytesMax} bytes (${name})`);

/** An entry that no SEND made tells no offset. */
function offsetOf(value: Uint8Array | undefined): number {
  const offset = value?.length === OFFSET_BYTES ? readUint53(value, 0) : Number.NaN;
  return Number.isNaN(offset) ? UNKNOWN_OFFSET : offset;
}

/** @throws QanatError VERSION_CONFLICT. */
function checkVersion(state: QueueState, { key, expectedVersion }: AskedChange): void {
  if (expectedVersion === undefined) return;
  const version = state.stagedVersion(key);
  if (version === expectedVersion) return;
  const has = version === 0 ? 'is not there' : `has version ${version}`;
  throw new QanatError('VERSION_CONFLICT', `key ${JSON.stringify(key)} ${has}, and not version ${expectedVersion}`);
}
