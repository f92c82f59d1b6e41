import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  decodeFrame,
  type Frame,
  type Input,
  joinParts,
  type LiveFrame,
  type Output,
  Position,
  type RequestHeader,
  readBatchHeader,
} from '@qanat/core';
import { Durability } from './durability.ts';
import { type CommittedOffset, queueKeyOf, type ReadBatch, type ToldLease } from './events.ts';
import type { History } from './history.ts';
import type { EngineObserver } from './observed-engine.ts';
import { codeOf, errorCodeOf, frameNameOf, isResponse, requestOf, responseOf } from './wire-facts.ts';

type Assignment = NonNullable<ReturnType<typeof responseOf<'CLIENT_HEARTBEAT'>>['assignment']>;

/** A request that waits for its answer. */
interface Asked {
  readonly name: LiveFrame;
  /** Decoded at once: the bytes of a frame are used again when the engine is done with it. */
  readonly request: unknown;
  readonly batch: BatchHeader | undefined;
  readonly arrival: number;
  readonly poll: string;
}

/** Where a member was heard last. */
interface Heard {
  readonly connection: number;
  readonly atMs: number;
  readonly sessionMs: number;
}

const WATCHED: ReadonlySet<LiveFrame> = new Set([
  'SEND',
  'PULL',
  'OFFSET_COMMIT',
  'OFFSET_FETCH',
  'CLIENT_HEARTBEAT',
  'ASSIGNMENT',
  'RELEASE',
  'LEAVE',
  'GROUP_RESET',
]);

export interface BrokerObserverOptions {
  /** The host. */
  readonly node: string;
  /** What its queues are called by: the name of the group. */
  readonly broker: string;
  /**
   * It is one replica of its group. Of what readers are told only the newest master is then taken at its word: an older one, that
   * has not heard of it yet, and slaves tell what was so. What is stored is judged at the end of the run.
   */
  readonly replicated: boolean;
  readonly history: History;
  readonly nowMs: () => number;
  /** What the broker allows members that do not say how long their silence may last, and after a lost connection. */
  readonly sessionMs: number;
  readonly lostMs: number;
}

/** Writes down what one life of a broker is asked and what it answers. */
export class BrokerObserver implements EngineObserver {
  readonly #options: BrokerObserverOptions;
  readonly #asked = new Map<number, Map<number, Asked>>();
  readonly #durability: Durability;
  readonly #heard = new Map<string, Heard>();
  #readyAtMs: number | undefined;
  readonly #closedAtMs = new Map<number, number>();
  readonly #life: number;
  #polls = 0;

  /** @param life tells this life of the broker from its others. */
  constructor(options: BrokerObserverOptions, life: number) {
    this.#options = options;
    this.#life = life;
    this.#durability = new Durability(options.history.batchesOf(options.node));
  }

  input(input: Input): void {
    if (input.kind === 'frame') this.#received(input.connection, input.frame);
    else if (input.kind === 'stored') this.#durability.input(input);
    else if (input.kind === 'closed') {
      this.#asked.delete(input.connection);
      this.#closedAtMs.set(input.connection, this.#options.nowMs());
      this.#connection(input.connection, 'closed');
    } else if (input.kind === 'blocked' || input.kind === 'drained') this.#connection(input.connection, input.kind);
  }

  output(output: Output): void {
    if (output.kind === 'send') this.#sent(output.connection, output.parts);
    else if (output.kind === 'storage') this.#durability.output(output);
    else if (output.kind === 'ready') this.#readyAtMs = this.#options.nowMs();
    else if (output.kind === 'log' && output.event === 'replication.leads') this.#leads(Number(output.fields.term));
    else if (output.kind === 'log' && output.event === 'group.member.gone')
      this.#gone(String(output.fields.group), String(output.fields.member));
  }

  /** Members have their time from now on. */
  #leads(term: number): void {
    const { history, broker, nowMs } = this.#options;
    history.leads(broker, term, this.#name);
    this.#readyAtMs = nowMs();
  }

  get #name(): string {
    return `${this.#options.node}.${this.#life}`;
  }

  /** What it tells is the newest that there is. */
  get #isMaster(): boolean {
    return !this.#options.replicated || this.#options.history.masterOf(this.#options.broker) === this.#name;
  }

  #connection(connection: number, state: 'closed' | 'blocked' | 'drained'): void {
    this.#options.history.add({ kind: 'connection', node: this.#options.node, connection, state });
  }

  #queue(topic: string, queue: number): string {
    return queueKeyOf(topic, this.#options.broker, queue);
  }

  // ---- what comes ----

  #received(connection: number, bytes: Uint8Array): void {
    const name = frameNameOf(bytes);
    if (name === undefined || !WATCHED.has(name)) return;
    const frame = decodeFrame(bytes);
    if (isResponse(frame)) return;
    const batch = name === 'SEND' && frame.payload.length >= BATCH_HEADER_BYTES ? readBatchHeader(frame.payload) : undefined;
    const arrival = batch === undefined ? 0 : this.#durability.arrived(batch.bodyChecksum);
    const poll = name === 'PULL' ? `${this.#name}.${++this.#polls}` : '';
    let asked = this.#asked.get(connection);
    if (asked === undefined) {
      asked = new Map();
      this.#asked.set(connection, asked);
    }
    const request: unknown = requestOf(name, frame);
    asked.set(frame.correlation, { name, request, batch, arrival, poll });
    if (name === 'PULL') this.#polled(connection, poll, request as RequestHeader<'PULL'>);
    else if (name === 'CLIENT_HEARTBEAT') this.#heartbeat(connection, request as RequestHeader<'CLIENT_HEARTBEAT'>);
    else if (name === 'GROUP_RESET') this.#reset(request as RequestHeader<'GROUP_RESET'>, 'asked');
  }

  #polled(connection: number, poll: string, { group, member, waitMs, topics }: RequestHeader<'PULL'>): void {
    const queues = topics.flatMap(({ topic, filter, queues }) =>
      queues.map(({ queue, offset, leaseEpoch }) => ({
        queue: this.#queue(topic, queue),
        offset,
        epoch: leaseEpoch,
        filtered: filter !== '' && filter !== '*',
      })),
    );
    this.#options.history.add({
      kind: 'polled',
      node: this.#options.node,
      poll,
      connection,
      group,
      member,
      waitMs,
      queues,
    });
  }

  #heartbeat(connection: number, header: RequestHeader<'CLIENT_HEARTBEAT'>): void {
    const { group, member, sessionMs, joinedAgoMs, subscription } = header;
    // Who is not ready refuses it, and a slave knows no members.
    if (subscription !== undefined && this.#readyAtMs !== undefined && this.#isMaster) {
      const { broker: node, history } = this.#options;
      history.add({ kind: 'subscribed', phase: 'came', node, life: this.#name, group, member, joinedAgoMs });
    }
    const allowedMs = sessionMs === 0 ? this.#options.sessionMs : sessionMs;
    this.#heard.set(`${group}/${member}`, { connection, atMs: this.#options.nowMs(), sessionMs: allowedMs });
  }

  #reset({ group, dryRun, to }: RequestHeader<'GROUP_RESET'>, phase: 'asked' | 'answered'): void {
    if (dryRun) return;
    const forward = to !== Position.FIRST;
    this.#options.history.add({ kind: 'reset', phase, broker: this.#options.broker, group, forward });
  }

  // ---- what leaves ----

  #sent(connection: number, parts: readonly Uint8Array[]): void {
    const name = frameNameOf(parts[0] as Uint8Array);
    if (name === undefined || !WATCHED.has(name)) return;
    const frame = decodeFrame(joinParts(parts));
    if (name === 'ASSIGNMENT') return this.#told(requestOf('ASSIGNMENT', frame));
    if (!isResponse(frame)) return;
    const asked = this.#asked.get(connection)?.get(frame.correlation);
    if (asked === undefined) return;
    // An answer of several frames goes on under the same number; none of those watched is that long in a run but heartbeats.
    if (name !== 'CLIENT_HEARTBEAT') this.#asked.get(connection)?.delete(frame.correlation);
    if (name === 'SEND') this.#answeredSend(asked, frame);
    else if (name === 'PULL') this.#answeredPull(asked, frame);
    else if (name === 'OFFSET_COMMIT' || name === 'RELEASE' || name === 'LEAVE') this.#answeredCommit(name, asked, frame);
    else if (name === 'OFFSET_FETCH') this.#answeredFetch(asked, frame);
    else if (name === 'CLIENT_HEARTBEAT') this.#answeredHeartbeat(frame);
    else if (name === 'GROUP_RESET') this.#reset(asked.request as RequestHeader<'GROUP_RESET'>, 'answered');
  }

  #answeredSend({ request, batch, arrival }: Asked, frame: Frame): void {
    if (batch === undefined) return;
    const { topic, queue: number, dedupId } = request as RequestHeader<'SEND'>;
    const queue = this.#queue(topic, number);
    const { producerId, baseSequence: sequence, bodyChecksum: checksum, recordCount: count } = batch;
    const code = errorCodeOf(frame);
    if (code !== undefined) {
      this.#durability.refused(checksum);
      this.#options.history.add({ kind: 'sendRefused', queue, producerId, sequence, code });
      return;
    }
    const { baseOffset, duplicate } = responseOf('SEND', frame);
    // Another batch of its own was stored in its place.
    if (duplicate && dedupId !== '') return;
    this.#options.history.add({
      kind: 'stored',
      node: this.#options.node,
      queue,
      base: baseOffset === Number.MAX_SAFE_INTEGER ? undefined : baseOffset,
      count,
      producerId,
      sequence,
      checksum,
      duplicate,
      synced: this.#options.replicated || (duplicate ? this.#durability.coversBatch(checksum) : this.#durability.covers(arrival)),
    });
  }

  #answeredPull({ request, poll }: Asked, frame: Frame): void {
    const { group, member, topics } = request as RequestHeader<'PULL'>;
    const wanted = new Map(
      topics.flatMap(({ topic, queues }) => queues.map((queue) => [this.#queue(topic, queue.queue), queue] as const)),
    );
    const results = errorCodeOf(frame) === undefined ? responseOf('PULL', frame).results : [];
    let at = 0;
    const queues = results.map((result) => {
      const queue = this.#queue(result.topic, result.queue);
      const batches = this.#batches(frame.payload.subarray(at, at + result.bytes));
      at += result.bytes;
      const { offset: from = 0, leaseEpoch: epoch = 0 } = wanted.get(queue) ?? {};
      const { nextOffset: next, highWatermark, oldestOffset: oldest } = result;
      return { queue, code: codeOf(result.code), from, epoch, next, highWatermark, oldest, batches };
    });
    this.#options.history.add({ kind: 'read', poll, group, member, queues, stale: !this.#isMaster });
  }

  #batches(bytes: Uint8Array): ReadBatch[] {
    const batches: ReadBatch[] = [];
    for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
      const { baseOffset: base, recordCount: count, bodyChecksum: checksum, length } = readBatchHeader(bytes, at);
      batches.push({ base, count, checksum, synced: this.#options.replicated || this.#durability.coversBatch(checksum) });
      at += Math.max(length, BATCH_HEADER_BYTES);
    }
    return batches;
  }

  #answeredCommit(name: 'OFFSET_COMMIT' | 'RELEASE' | 'LEAVE', { request }: Asked, frame: Frame): void {
    const { group, member, offsets } = request as RequestHeader<'RELEASE'>;
    if (errorCodeOf(frame) !== undefined) return;
    const failed = new Map(
      responseOf(name, frame).results.map(({ topic, queue, code }) => [this.#queue(topic, queue), codeOf(code)] as const),
    );
    const taken = offsets.map(({ topic, queue: number, offset, leaseEpoch }): CommittedOffset => {
      const queue = this.#queue(topic, number);
      return { queue, offset, epoch: leaseEpoch, code: failed.get(queue) ?? 'OK' };
    });
    const via = name === 'OFFSET_COMMIT' ? 'commit' : name === 'RELEASE' ? 'release' : 'leave';
    this.#options.history.add({ kind: 'committed', via, broker: this.#options.broker, group, member, offsets: taken });
  }

  #answeredFetch({ request }: Asked, frame: Frame): void {
    if (errorCodeOf(frame) !== undefined || !this.#isMaster) return;
    const { group } = request as RequestHeader<'OFFSET_FETCH'>;
    for (const { topic, queue, code, committed, offset } of responseOf('OFFSET_FETCH', frame).offsets) {
      if (code !== 0) continue;
      this.#options.history.add({
        kind: 'fetched',
        group,
        queue: this.#queue(topic, queue),
        offset: committed ? offset : undefined,
      });
    }
  }

  #answeredHeartbeat(frame: Frame): void {
    if (errorCodeOf(frame) !== undefined) return;
    const { assignment } = responseOf('CLIENT_HEARTBEAT', frame);
    if (assignment !== undefined) this.#told(assignment);
  }

  #told({ group, member, leases: told }: Assignment): void {
    if (!this.#isMaster) return;
    const leases = told.map(
      ({ topic, queue, epoch, startOffset: start, state }): ToldLease => ({
        queue: this.#queue(topic, queue),
        epoch,
        start,
        releasing: state !== 0,
      }),
    );
    this.#options.history.add({ kind: 'leases', broker: this.#options.broker, group, member, leases });
  }

  #gone(group: string, member: string): void {
    const { history, node, sessionMs, lostMs } = this.#options;
    const last = this.#heard.get(`${group}/${member}`);
    // What came before the broker was ready was refused. A member that is known by its leases has its time from then on.
    const heard = last !== undefined && last.atMs >= (this.#readyAtMs ?? 0) ? last : undefined;
    history.add({
      kind: 'expired',
      node,
      group,
      who: member,
      allowedMs: heard?.sessionMs ?? sessionMs,
      lostAllowedMs: lostMs,
      heardAtMs: heard?.atMs ?? this.#readyAtMs,
      lostAtMs: heard === undefined ? undefined : this.#closedAtMs.get(heard.connection),
    });
  }
}
