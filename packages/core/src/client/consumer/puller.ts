import type { Response } from '../../connection/request.ts';
import { codeOfWireNumber, errorClass, QanatError } from '../../errors.ts';
import { AWAY_AFTER_MS } from '../../timers.ts';
import type { PullResult, PullTopicInit } from '../../wire/gen/consuming-messages.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { LIMITS } from '../../wire/gen/registry.ts';
import { pullFits } from './frame-budget.ts';
import type { QueueStream } from './queue-stream.ts';
import type { ConsumerScope } from './scope.ts';

const WAIT_MS = Math.min(15_000, LIMITS.PULL_WAIT_MS_MAX);
/** When not all queues fit in one PULL, the next ones have their turn soon. */
const PARTIAL_WAIT_MS = 500;
/** A PULL that brought nothing and did not wait: a peer that answers so must not make us spin. */
const NO_PROGRESS_MS = 100;
const BACK_OFF_FIRST_MS = 100;
const BACK_OFF_MAX_MS = 5_000;
/** When to ask again for a queue that the broker cannot serve. */
const QUEUE_BACK_OFF_MS = 1_000;
/** When to ask a slave again that does not know enough of a queue yet. */
const NOT_YET_BACK_OFF_MS = 200;
/** What is no trouble worth telling of. */
const QUIET: ReadonlySet<string> = new Set(['TIMEOUT', 'NOT_YET']);
/** The class of errors that say that another server is to be asked. */
const REROUTE = 2;
/** With less room than half of the budget only queues that hold nothing are pulled, and little of them. */
const SCARCE_BYTES = 65_536;

export interface PullerOwner {
  readonly broker: string;
  /** The peer that is pulled: the broker, or a slave of it. */
  readonly source: string;
  readonly streams: ReadonlyMap<string, QueueStream>;
  /** Whether the source is there and, with leases, we are confirmed. */
  readonly ready: boolean;
  /** The broker said that a lease is not ours (any more). */
  onFenced(stream: QueueStream): void;
  onUnknownMember(): void;
  /** The queue ends below the offset asked for: it is read from there on. */
  onAboveEnd(stream: QueueStream, offset: number): void;
  /** The broker does not have the queue. */
  onQueueMissing(stream: QueueStream): void;
}

interface Poll {
  /** Who was asked. */
  readonly peer: string;
  /** The offset asked for, by the key of the queue. */
  readonly asked: ReadonlyMap<string, { readonly stream: QueueStream; readonly offset: number }>;
  readonly sentMs: number;
  readonly waitMs: number;
  /** More queues are wanted than fit. */
  readonly partial: boolean;
}

interface Arrival {
  readonly stream: QueueStream;
  readonly bytes: Uint8Array;
  readonly nextOffset: number;
}

export const queueKey = (topic: string, queue: number): string => `${topic}/${queue}`;

/** Keeps one PULL waiting at a broker, over all its queues that have room; a new one of the same number replaces it. */
export class Puller {
  readonly #scope: ConsumerScope;
  readonly #owner: PullerOwner;
  #current: Poll | undefined;
  #turn = 0;
  #failures = 0;
  #restUntilMs = 0;
  #stopped = false;

  constructor(scope: ConsumerScope, owner: PullerOwner) {
    this.#scope = scope;
    this.#owner = owner;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** The connection is new. What waits on an old one that is about to close may still bring something, but holds nothing up. */
  onOpen(): void {
    this.#current = undefined;
    this.#failures = 0;
    this.#restUntilMs = 0;
    this.refresh();
  }

  /** Sends a PULL when a queue is wanted that the waiting one does not name. */
  refresh(): void {
    const nowMs = this.#scope.host.engine.nowMs();
    if (this.#stopped || this.#scope.closing || !this.#owner.ready || nowMs < this.#restUntilMs) return;
    const wanted = this.#wanted(nowMs);
    if (wanted.length > 0 && !this.#covered(wanted)) this.#send(wanted, nowMs);
  }

  #wanted(nowMs: number): QueueStream[] {
    const room = this.#scope.prefetch.hasRoom;
    const wanted: QueueStream[] = [];
    for (const stream of this.#owner.streams.values())
      if (stream.canPull(nowMs) && (room || stream.heldBytes === 0)) wanted.push(stream);
    return wanted;
  }

  #covered(wanted: readonly QueueStream[]): boolean {
    const poll = this.#current;
    if (poll === undefined) return false;
    if (poll.partial) return true;
    return wanted.every((stream) => {
      const asked = poll.asked.get(queueKey(stream.id.topic, stream.id.queue));
      return asked?.stream === stream && asked.offset === stream.pullOffset;
    });
  }

  /** The queues begin in turn, since the first ones may fill the answer. */
  #send(wanted: readonly QueueStream[], nowMs: number): void {
    const asked = new Map<string, { stream: QueueStream; offset: number }>();
    const topics = new Map<string, PullTopicInit & { queues: { queue: number; offset: number; leaseEpoch: number }[] }>();
    let textBytes = 0;
    this.#turn = (this.#turn + 1) % wanted.length;
    for (let i = 0; i < wanted.length; i++) {
      const stream = wanted[(this.#turn + i) % wanted.length] as QueueStream;
      const { topic, queue } = stream.id;
      const { filterText } = stream.subscription;
      let entry = topics.get(topic);
      if (entry === undefined) textBytes += topic.length + filterText.length * 3;
      if (i > 0 && !pullFits(i + 1, topics.size + 1, textBytes)) break;
      if (entry === undefined) {
        entry = { topic, filter: filterText, queues: [] };
        topics.set(topic, entry);
      }
      entry.queues.push({ queue, offset: stream.pullOffset, leaseEpoch: stream.epoch });
      asked.set(queueKey(topic, queue), { stream, offset: stream.pullOffset });
    }
    const partial = asked.size < wanted.length;
    if (partial) this.#turn += asked.size - 1;
    const peer = this.#owner.source;
    this.#request({ peer, asked, sentMs: nowMs, waitMs: partial ? PARTIAL_WAIT_MS : WAIT_MS, partial }, [...topics.values()]);
  }

  #request(poll: Poll, topics: readonly PullTopicInit[]): void {
    const { host, settings, prefetch, id, brokerCount } = this.#scope;
    this.#current = poll;
    const header = {
      group: settings.group,
      member: settings.group === '' ? '' : settings.instanceId,
      poll: id,
      waitMs: poll.waitMs,
      maxBytes: prefetch.hasRoom ? prefetch.pullBytes(brokerCount) : SCARCE_BYTES,
      topics,
    };
    const options = { timeoutMs: this.#timeoutMs(poll), codec: CONSUMING_REQUESTS.PULL };
    host.request(poll.peer, 'PULL', header, options, (error, response) => this.#answered(poll, error, response));
  }

  #timeoutMs(poll: Poll): number {
    return poll.waitMs + this.#scope.host.settings.attemptMs;
  }

  #answered(poll: Poll, error: QanatError | undefined, response: Response<'PULL'>): void {
    const latest = poll === this.#current;
    if (latest) this.#current = undefined;
    if (this.#stopped) return;
    if (error !== undefined) {
      // What a replaced PULL says of the broker, its successor says as well.
      if (latest) this.#failed(error, poll);
      return;
    }
    this.#failures = 0;
    const { results } = response.header;
    const arrivals = this.#admit(poll, results, response.payload);
    const nowMs = this.#scope.host.engine.nowMs();
    const quick = nowMs - poll.sentMs < poll.waitMs / 2;
    if (latest && quick && arrivals.length === 0 && !results.some((result) => isUnwanted(poll, result)))
      this.#rest(NO_PROGRESS_MS);
    this.refresh();
    for (const { stream, bytes, nextOffset } of arrivals) {
      // Handlers that ran meanwhile may have ended the queue, or sent it elsewhere.
      if (stream.state !== 'active') continue;
      stream.append(bytes, nextOffset);
      this.#scope.dispatcher.wake(stream);
    }
    this.#scope.dispatcher.pump();
  }

  /** Moves the offsets by what the headers say, so that the next PULL can leave before the batches are looked at. */
  #admit(poll: Poll, results: readonly PullResult[], payload: Uint8Array): Arrival[] {
    const arrivals: Arrival[] = [];
    const fault = answerFault(poll, results, payload);
    if (fault !== undefined) {
      const { peer } = poll;
      this.#scope.host.suspect(peer, new QanatError('MALFORMED_FRAME', `${peer}: a PULL answer ${fault}`));
      return arrivals;
    }
    let at = 0;
    for (const result of results) {
      const bytes = payload.subarray(at, at + result.bytes);
      at += result.bytes;
      const asked = poll.asked.get(queueKey(result.topic, result.queue));
      if (asked === undefined || isUnwanted(poll, result)) continue;
      if (result.code !== 0) this.#refusedQueue(poll, asked.stream, asked.offset, result, arrivals);
      else this.#admitQueue(asked.stream, asked.offset, result, bytes, arrivals);
    }
    return arrivals;
  }

  #admitQueue(stream: QueueStream, askedOffset: number, result: PullResult, bytes: Uint8Array, arrivals: Arrival[]): void {
    stream.pullCode = 0;
    stream.highWatermark = result.highWatermark;
    // A replaced PULL may bring what another has brought; one from before the buffer was dropped may leave a gap.
    if (askedOffset > stream.pullOffset || result.nextOffset <= stream.pullOffset) return;
    stream.pullOffset = result.nextOffset;
    stream.hold(bytes.length);
    arrivals.push({ stream, bytes, nextOffset: result.nextOffset });
  }

  #refusedQueue({ peer }: Poll, stream: QueueStream, askedOffset: number, result: PullResult, arrivals: Arrival[]): void {
    const code = codeOfWireNumber(result.code);
    if (code === 'LEASE_FENCED') return this.#owner.onFenced(stream);
    if (code === 'UNKNOWN_MEMBER') return this.#owner.onUnknownMember();
    if (askedOffset !== stream.pullOffset) return;
    if (code === 'NOT_YET') return this.#askAgainIn(stream, NOT_YET_BACK_OFF_MS);
    const { topic, broker, queue } = stream.id;
    const where = `topic ${topic}, queue ${broker}/${queue}, offset ${askedOffset}`;
    // A slave may have less than its master, at both ends: only a master moves a position (QNT-RPL-084).
    const isSure = peer === broker;
    if (code === 'OFFSET_OUT_OF_RANGE' && isSure && askedOffset < result.oldestOffset) {
      this.#scope.trouble(
        new QanatError(code, `${where}: gone by retention; goes on at the oldest message, ${result.oldestOffset}`),
      );
      stream.pullOffset = result.oldestOffset;
      arrivals.push({ stream, bytes: payloadOfNothing, nextOffset: result.oldestOffset });
      return;
    }
    if (code === 'OFFSET_OUT_OF_RANGE' && isSure && result.nextOffset < askedOffset) {
      this.#scope.trouble(new QanatError(code, `${where}: above the high watermark; goes on at it, ${result.nextOffset}`));
      return this.#owner.onAboveEnd(stream, result.nextOffset);
    }
    if (stream.pullCode !== result.code)
      this.#scope.trouble(new QanatError(code, `${where}: ${refusal(code, result)}`, { wireNumber: result.code }));
    stream.pullCode = result.code;
    this.#askAgainIn(stream, QUEUE_BACK_OFF_MS);
    if (code === 'TOPIC_NOT_FOUND' || code === 'QUEUE_NOT_FOUND') this.#owner.onQueueMissing(stream);
  }

  #askAgainIn(stream: QueueStream, ms: number): void {
    stream.pullAfterMs = this.#scope.host.engine.nowMs() + ms;
    this.#refreshAt(stream.pullAfterMs);
  }

  #failed(error: QanatError, poll: Poll): void {
    if (error.code === 'UNKNOWN_MEMBER' || error.code === 'LEASE_FENCED') {
      this.#rest(NO_PROGRESS_MS);
      return this.#owner.onUnknownMember();
    }
    if (error.code === 'FORBIDDEN') return this.#scope.refused(error);
    const broken = error.code === 'CONNECTION_LOST' || error.code === 'CONNECTION_FAILED' || error.code === 'CLOSED';
    // A time-out that comes late means that this process was stopped, not the broker.
    const lateMs = this.#scope.host.engine.nowMs() - poll.sentMs - this.#timeoutMs(poll);
    if (error.code === 'TIMEOUT' && lateMs <= AWAY_AFTER_MS) this.#scope.host.suspect(poll.peer, error);
    else if (!broken && !QUIET.has(error.code) && this.#failures === 0) this.#scope.trouble(error);
    if (errorClass(error.wireNumber) === REROUTE) this.#askForRoutes(poll);
    this.#rest(error.retryAfterMs ?? Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** this.#failures));
    this.#failures = Math.min(this.#failures + 1, 10);
  }

  #askForRoutes({ asked }: Poll): void {
    for (const topic of new Set([...asked.values()].map(({ stream }) => stream.id.topic))) this.#scope.host.refreshRoute(topic);
  }

  #rest(ms: number): void {
    this.#restUntilMs = this.#scope.host.engine.nowMs() + ms;
    this.#refreshAt(this.#restUntilMs);
  }

  #refreshAt(atMs: number): void {
    this.#scope.host.engine.timers.at(atMs, () => this.refresh());
  }
}

/** The queue was given back or paused since it was asked for; the next PULL does not name it. */
function isUnwanted(poll: Poll, result: PullResult): boolean {
  const stream = poll.asked.get(queueKey(result.topic, result.queue))?.stream;
  return stream !== undefined && (stream.state !== 'active' || stream.paused);
}

/** What makes an answer a broken one (QNT-PUL-031). */
function answerFault(poll: Poll, results: readonly PullResult[], payload: Uint8Array): string | undefined {
  let bytes = 0;
  for (const result of results) {
    bytes += result.bytes;
    if (!poll.asked.has(queueKey(result.topic, result.queue))) return 'names a queue that was not asked for';
  }
  return bytes === payload.length ? undefined : `has ${payload.length} bytes, and says ${bytes}`;
}

const payloadOfNothing = new Uint8Array(0);

function refusal(code: string, result: PullResult): string {
  return code === 'OFFSET_OUT_OF_RANGE' ? `above the high watermark, ${result.highWatermark}; asks again` : `${code}; asks again`;
}
