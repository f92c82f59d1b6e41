import {
  type AssignmentInit,
  encodeBatch,
  type Lease,
  LeaseState,
  type LookupQueue,
  Position,
  type Pull,
  type PullResult,
  QanatError,
  type QueueOffset,
  type RecordInit,
  stampBatch,
  utf8,
  wireNumberOf,
} from '@qanat/core';
import { testPlatform } from '../platform.ts';
import type { FakeHost, Sent } from './fake-host.ts';

interface Stored {
  readonly base: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly tags: readonly string[];
}

interface FakeQueue {
  batches: Stored[];
  oldest: number;
  next: number;
}

interface Waiting {
  readonly sent: Sent<'PULL'>;
  readonly header: Pull;
}

/** A broker that serves one member as the specification says, and does nothing of its own accord. */
export class FakeBroker {
  readonly name: string;
  readonly queues = new Map<string, FakeQueue>();
  readonly committed = new Map<string, number>();
  /** Every commit, release or leave that was taken. */
  readonly commits: { readonly key: string; readonly offset: number; readonly by: string }[] = [];
  leases: Lease[] = [];
  generation = 1;
  idle = false;
  members = 1;
  knowsMember = false;
  wantSubscription = true;
  left = false;
  /** It copies another: it renews what members hold already, knows no more than it has, and takes no commits. */
  slave = false;
  /** Takes requests and answers none. */
  silent = false;
  /** Answers these requests by a test's own function; it returns whether it did. */
  intercept: ((sent: Sent<never>) => boolean) | undefined;
  /** Batches in one answer at most. */
  batchesPerPull = Number.POSITIVE_INFINITY;
  readonly #host: FakeHost;
  readonly #waiting = new Map<number, Waiting>();

  constructor(host: FakeHost, name: string) {
    this.#host = host;
    this.name = name;
    host.peers.set(name, (sent) => this.#take(sent));
  }

  queue(topic: string, number: number): FakeQueue {
    const key = `${topic}/${number}`;
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = { batches: [], oldest: 0, next: 0 };
      this.queues.set(key, queue);
    }
    return queue;
  }

  /** Stores one batch. */
  store(
    topic: string,
    number: number,
    records: readonly Partial<RecordInit>[],
    change?: (bytes: Uint8Array) => void,
    compress = false,
  ): void {
    const queue = this.queue(topic, number);
    const whole = records.map((record, i) => ({ body: utf8(`${number}:${queue.next + i}`), ...record }));
    const fields = { bornTimeMs: 1_000, producerId: 0, producerEpoch: 0, baseSequence: 0, compress };
    const bytes = encodeBatch(testPlatform, whole, fields);
    stampBatch(testPlatform, bytes, queue.next, 1, 2_000);
    change?.(bytes);
    queue.batches.push({ base: queue.next, end: queue.next + records.length, bytes, tags: whole.map(({ tag }) => tag ?? '') });
    queue.next += records.length;
    this.wake();
  }

  fill(topic: string, number: number, count: number): void {
    this.store(
      topic,
      number,
      Array.from({ length: count }, () => ({})),
    );
  }

  lease(topic: string, queue: number, epoch: number, startOffset = 0, state: LeaseState = LeaseState.HELD): Lease {
    return { topic, queue, epoch, startOffset, state };
  }

  /** Changes what the member holds, and pushes it. */
  assign(leases: readonly Lease[], push = true): void {
    this.leases = [...leases];
    this.generation++;
    if (push) this.pushAssignment();
  }

  pushAssignment(): void {
    const member = this.#host.requests('CLIENT_HEARTBEAT', this.name)[0]?.header;
    if (member === undefined) return;
    this.#host.push(this.name, 'ASSIGNMENT', [this.#assignment(member.group ?? '', member.member ?? '') as never]);
    this.wake();
  }

  /** Answers the PULLs that have something now. */
  wake(): void {
    for (const [poll, waiting] of [...this.#waiting]) this.#answerPull(poll, waiting, false);
  }

  /** The process was restarted, or the connection is new: nobody waits. */
  forget(): void {
    this.#waiting.clear();
  }

  #take(sent: Sent<never>): void {
    if (this.silent || this.intercept?.(sent) === true) return;
    const any = sent as Sent;
    switch (any.name) {
      case 'CLIENT_HEARTBEAT':
        return this.#heartbeat(any as Sent<'CLIENT_HEARTBEAT'>);
      case 'PULL':
        return this.#pull(any as Sent<'PULL'>);
      case 'OFFSET_COMMIT':
      case 'RELEASE':
      case 'LEAVE':
        if (this.slave) return any.fail(new QanatError('NOT_MASTER', `${this.name} is a slave`));
        return this.#commit(any as Sent<'RELEASE'>);
      case 'OFFSET_LOOKUP':
        return this.#lookup(any as Sent<'OFFSET_LOOKUP'>);
      case 'PING':
        return any.respond({} as never);
      default:
        throw new Error(`a consumer does not send ${any.name}`);
    }
  }

  #assignment(group: string, member: string): AssignmentInit {
    const queues = this.queues.size;
    return { group, member, generation: this.generation, members: this.members, queues, leases: this.leases, idle: this.idle };
  }

  #heartbeat(sent: Sent<'CLIENT_HEARTBEAT'>): void {
    const { header } = sent;
    if (this.slave) return sent.respond({ generation: header.generation, heartbeatMs: 3_000, sessionMs: 10_000 });
    if (header.subscription === undefined && !this.knowsMember) return sent.respond({ wantSubscription: true });
    this.knowsMember = true;
    const answer = { generation: this.generation, heartbeatMs: 3_000, sessionMs: 10_000 };
    if (header.generation === this.generation) return sent.respond(answer);
    sent.respond({ ...answer, assignment: this.#assignment(header.group ?? '', header.member ?? '') });
  }

  // ---- pull ----

  #pull(sent: Sent<'PULL'>): void {
    const header = sent.header as unknown as Pull;
    const replaced = this.#waiting.get(header.poll);
    if (replaced !== undefined) this.#answerPull(header.poll, replaced, true);
    const waiting = { sent, header };
    this.#waiting.set(header.poll, waiting);
    this.#answerPull(header.poll, waiting, false);
    this.#host.engine.timers.at(this.#host.engine.nowMs() + header.waitMs, () => {
      if (this.#waiting.get(header.poll) === waiting) this.#answerPull(header.poll, waiting, true);
    });
  }

  #answerPull(poll: number, { sent, header }: Waiting, now: boolean): void {
    const results: PullResult[] = [];
    const parts: Uint8Array[] = [];
    let room = header.maxBytes;
    let batches = this.batchesPerPull;
    for (const { topic, filter = '', queues } of header.topics) {
      for (const { queue: number, offset, leaseEpoch } of queues) {
        const queue = this.queue(topic, number);
        const bounds = {
          topic,
          queue: number,
          nextOffset: offset,
          highWatermark: queue.next,
          oldestOffset: queue.oldest,
          bytes: 0,
        };
        const code = this.#pullCode(header, topic, number, offset, leaseEpoch, queue);
        if (code !== 0) {
          const nearest = Math.min(Math.max(offset, queue.oldest), queue.next);
          const outside = code === wireNumberOf('OFFSET_OUT_OF_RANGE');
          results.push({ ...bounds, code, nextOffset: outside ? nearest : offset });
          continue;
        }
        let bytes = 0;
        let nextOffset = offset;
        for (const batch of queue.batches) {
          if (batch.end <= offset) continue;
          if (batches <= 0 || (room < batch.bytes.length && parts.length > 0)) break;
          nextOffset = batch.end;
          if (!matches(filter, batch.tags)) continue;
          parts.push(batch.bytes);
          bytes += batch.bytes.length;
          room -= batch.bytes.length;
          batches--;
        }
        if (nextOffset > offset) results.push({ ...bounds, code: 0, nextOffset, bytes });
      }
    }
    if (results.length === 0 && !now) return;
    this.#waiting.delete(poll);
    sent.respond({ results }, concat(parts));
  }

  #pullCode(header: Pull, topic: string, number: number, offset: number, leaseEpoch: number, queue: FakeQueue): number {
    if (this.slave) return this.#pullCodeAtSlave(topic, number, offset, leaseEpoch, queue);
    if (header.group !== '' && !this.knowsMember) return wireNumberOf('UNKNOWN_MEMBER');
    const lease = this.leases.find((item) => item.topic === topic && item.queue === number);
    if (header.group !== '' && lease?.epoch !== leaseEpoch) return wireNumberOf('LEASE_FENCED');
    return offset < queue.oldest || offset > queue.next ? wireNumberOf('OFFSET_OUT_OF_RANGE') : 0;
  }

  #pullCodeAtSlave(topic: string, number: number, offset: number, leaseEpoch: number, queue: FakeQueue): number {
    const lease = this.leases.find((item) => item.topic === topic && item.queue === number);
    if (leaseEpoch > (lease?.epoch ?? 0) || offset > queue.next) return wireNumberOf('NOT_YET');
    if (leaseEpoch !== 0 && lease?.epoch !== leaseEpoch) return wireNumberOf('LEASE_FENCED');
    return offset < queue.oldest ? wireNumberOf('OFFSET_OUT_OF_RANGE') : 0;
  }

  // ---- offsets ----

  #commit(sent: Sent<'OFFSET_COMMIT' | 'RELEASE' | 'LEAVE'>): void {
    const results: { topic: string; queue: number; code: number }[] = [];
    for (const { topic, queue, offset, leaseEpoch } of (sent.header.offsets ?? []) as readonly QueueOffset[]) {
      const lease = this.leases.find((item) => item.topic === topic && item.queue === queue && item.epoch === leaseEpoch);
      if (lease === undefined) {
        results.push({ topic, queue, code: wireNumberOf('LEASE_FENCED') });
        continue;
      }
      const key = `${topic}/${queue}`;
      this.commits.push({ key, offset, by: sent.name });
      this.committed.set(key, Math.max(offset, this.committed.get(key) ?? 0));
      if (sent.name === 'RELEASE') this.assign(this.leases.filter((item) => item !== lease));
    }
    if (sent.name === 'LEAVE') {
      this.left = true;
      this.leases = [];
      this.knowsMember = false;
    }
    (sent as Sent<'LEAVE'>).respond({ results });
  }

  #lookup(sent: Sent<'OFFSET_LOOKUP'>): void {
    const offsets = (sent.header.queues as unknown as readonly LookupQueue[]).map(({ topic, queue: number, position }) => {
      const queue = this.queue(topic, number);
      return { topic, queue: number, code: 0, offset: position === Position.FIRST ? queue.oldest : queue.next };
    });
    sent.respond({ offsets });
  }
}

const matches = (filter: string, tags: readonly string[]): boolean =>
  filter === '' || filter === '*' || tags.some((tag) => filter.split(' || ').includes(tag));

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
