import type { Request, ServerSession } from '../connection/server-session.ts';
import type { EngineHost } from '../context.ts';
import { QanatError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { SmallSet } from '../small-set.ts';
import type { Timer } from '../timers.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import type { CommitLog } from './log/commit-log.ts';
import { Poll, type PollQueue } from './poll.ts';
import { PollFilters } from './poll-filters.ts';
import { type LeaseCheck, PollReader } from './poll-reader.ts';
import type { Topic, TopicQueue } from './topic.ts';
import type { Topics } from './topics.ts';

/** What a connection gets in one burst before we hear whether it is blocked: half of what may wait for it. */
const BURST_BYTES_MAX = LIMITS.PENDING_RESPONSE_BYTES_MAX / 2;

/** Queues that the waiting polls of one connection name. */
export const POLLED_QUEUES_PER_CONNECTION_MAX = 65_536;
/** Queues that all waiting polls name. */
export const POLLED_QUEUES_MAX = 1_048_576;

/** Groups whose next poll is waited for. */
const GROUPS_KEPT_MAX = 1_024;

/** The polls of one connection. */
interface SessionPolls {
  readonly all: SmallSet<Poll>;
  /** Where the next poll begins, so that a long queue does not starve the others. */
  rotation: number;
  burstBytes: number;
  /** Queues that they name. */
  queues: number;
  timer: Timer | undefined;
  timerMs: number;
}

export interface PullParts {
  readonly host: EngineHost;
  readonly platform: Platform;
  readonly log: CommitLog;
  readonly topics: Topics;
  readonly leaseError: LeaseCheck;
  readonly isSlave: () => boolean;
}

/**
 * Serves PULL (spec, chapter of pull). A poll that finds nothing waits at its queues, so that a commit wakes those polls only
 * that asked for the queue.
 */
export class Pulls {
  readonly #host: EngineHost;
  readonly #topics: Topics;
  readonly #filters: PollFilters;
  readonly #reader: PollReader;
  readonly #sessions = new Map<ServerSession, SessionPolls>();
  readonly #byGroup = new Map<string, SmallSet<Poll>>();
  /** Queues whose high watermark moved since the last flush. */
  #moved: TopicQueue[] = [];
  /** Groups of which leases ended since the last flush. */
  #fencedGroups = new Set<string>();
  /** Polls that wait for the end of a burst. */
  #deferred: Poll[] = [];
  #burst: SessionPolls[] = [];
  /** Queues that all polls name. */
  #queues = 0;
  readonly #lookAt = (poll: Poll): void => this.#look(poll);

  constructor({ host, platform, log, topics, leaseError, isSlave }: PullParts) {
    this.#host = host;
    this.#topics = topics;
    this.#filters = new PollFilters(platform);
    this.#reader = new PollReader(log, topics, leaseError, isSlave);
  }

  /** Requests that are not answered. */
  get size(): number {
    let size = 0;
    for (const polls of this.#sessions.values()) size += polls.all.size;
    return size;
  }

  /** Messages of the batches that were handed out. */
  get messagesOut(): number {
    return this.#reader.messages;
  }

  /** PULL. @throws QanatError INVALID_ARGUMENT, TOO_MANY_REQUESTS. */
  pull(request: Request<'PULL'>): void {
    const { waitMs, maxBytes, poll: number } = request.header;
    if (request.oneWay) return;
    if (waitMs > LIMITS.PULL_WAIT_MS_MAX)
      throw new QanatError('INVALID_ARGUMENT', `wait_ms is above ${LIMITS.PULL_WAIT_MS_MAX} (PULL_WAIT_MS_MAX)`);
    // A PULL that is refused for its filters ends none.
    const queues = this.#resolve(request);
    const polls = this.#pollsOf(request.session);
    for (const poll of polls.all) if (poll.number === number) this.#endNow(poll);
    this.#checkQueues(request, polls);
    if (polls.all.size >= LIMITS.POLLS_PER_CONNECTION_MAX) {
      throw new QanatError('TOO_MANY_REQUESTS', `${polls.all.size} polls wait on this connection (POLLS_PER_CONNECTION_MAX)`);
    }
    const bytesMax = Math.min(maxBytes === 0 ? LIMITS.PULL_BYTES_MAX : maxBytes, LIMITS.PULL_BYTES_MAX);
    const poll = new Poll(request, queues, this.#host.nowMs() + waitMs, bytesMax, this.#lookAt);
    polls.queues += queues.length;
    this.#queues += queues.length;
    polls.all.add(poll);
    if (poll.group !== '') this.#groupPolls(poll.group).add(poll);
    this.#look(poll);
  }

  /** The high watermark of a queue moved, or its topic went. */
  moved(queue: TopicQueue): void {
    if (queue.moved || queue.waiting === undefined || queue.waiting.size === 0) return;
    queue.moved = true;
    this.#moved.push(queue);
  }

  /** Looks at the polls for which something may have come. To be called once after each burst of inputs. */
  flush(): void {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const poll of deferred) this.#look(poll);
    const groups = this.#fencedGroups;
    if (groups.size > 0) this.#fencedGroups = new Set();
    for (const group of groups) for (const poll of this.#byGroup.get(group) ?? []) this.#look(poll);
    const moved = this.#moved;
    this.#moved = [];
    for (const queue of moved) {
      queue.moved = false;
      for (const poll of queue.waiting ?? []) poll.look();
    }
  }

  /** What was answered is on its way; whether a connection is blocked by it is heard before the next burst. */
  burstEnded(): void {
    for (const polls of this.#burst) polls.burstBytes = 0;
    this.#burst = [];
  }

  topicRemoved(topic: Topic): void {
    for (const queue of topic.queues) this.moved(queue);
  }

  /** Leases of the group ended: polls that wait under them are answered. */
  leasesEnded(group: string): void {
    const polls = this.#byGroup.get(group);
    if (polls === undefined) return;
    for (const poll of polls) if (poll.reading) poll.fenced = true;
    this.#fencedGroups.add(group);
  }

  sessionDrained(session: ServerSession): void {
    for (const poll of this.#sessions.get(session)?.all ?? []) if (poll.held) this.#look(poll);
  }

  sessionClosed(session: ServerSession): void {
    const polls = this.#sessions.get(session);
    if (polls === undefined) return;
    polls.timer?.cancel();
    for (const poll of polls.all) this.#remove(poll, polls);
    this.#sessions.delete(session);
  }

  /** Answers every poll with what it has: the broker stops. */
  endAll(): void {
    for (const polls of this.#sessions.values()) for (const poll of polls.all) this.#endNow(poll);
  }

  // ---- one poll ----

  /** @throws QanatError TOO_MANY_REQUESTS: a header of 64 KiB can name thousands of queues, and a thousand polls may wait. */
  #checkQueues(request: Request<'PULL'>, polls: SessionPolls): void {
    let queues = 0;
    for (const topic of request.header.topics) queues += topic.queues.length;
    if (polls.queues + queues > POLLED_QUEUES_PER_CONNECTION_MAX)
      throw new QanatError(
        'TOO_MANY_REQUESTS',
        `polls of this connection wait for ${polls.queues} queues (POLLED_QUEUES_PER_CONNECTION_MAX)`,
      );
    if (this.#queues + queues > POLLED_QUEUES_MAX)
      throw new QanatError('TOO_MANY_REQUESTS', `polls wait for ${this.#queues} queues (POLLED_QUEUES_MAX)`);
  }

  #resolve(request: Request<'PULL'>): PollQueue[] {
    const queues: PollQueue[] = [];
    for (const { topic: topicName, filter: text, queues: wanted } of request.header.topics) {
      const filter = this.#filters.sums(text);
      const topic = this.#topics.get(topicName);
      for (const { queue, offset, leaseEpoch, maxBytes } of wanted) {
        queues.push({
          topicName,
          topic,
          place: topic?.queues[queue],
          queue,
          leaseEpoch,
          bytesMax: maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes,
          filter,
          from: offset,
          offset,
          answered: false,
        });
      }
    }
    return queues;
  }

  #look(poll: Poll): void {
    if (poll.done) return;
    const polls = this.#pollsOf(poll.request.session);
    if (poll.reading) {
      poll.again = true;
    } else if (poll.request.session.blocked) {
      poll.held = true;
      if (!poll.parked) this.#park(poll, polls);
    } else if (polls.burstBytes >= BURST_BYTES_MAX) {
      this.#defer(poll);
    } else {
      poll.held = false;
      poll.reading = true;
      poll.again = false;
      this.#reader.read(poll, polls.rotation++ % poll.queues.length, (error) => this.#looked(poll, polls, error));
    }
  }

  #looked(poll: Poll, polls: SessionPolls, error: QanatError | undefined): void {
    poll.reading = false;
    if (poll.done) return;
    if (error !== undefined) return this.#fail(poll, polls, error);
    if (poll.fenced) {
      poll.fenced = false;
      poll.rewind();
      return this.#look(poll);
    }
    if (poll.results.length > 0 || poll.final || poll.dueMs <= this.#host.nowMs()) return this.#answer(poll, polls);
    if (poll.again) return this.#look(poll);
    if (!poll.parked) this.#park(poll, polls);
  }

  /** What comes in one burst is answered in one; how the connection takes it is not known before it is over. */
  #defer(poll: Poll): void {
    if (this.#deferred.length === 0) this.#host.timers.at(this.#host.nowMs(), () => {});
    this.#deferred.push(poll);
  }

  #answer(poll: Poll, polls: SessionPolls): void {
    this.#reader.addProgress(poll);
    this.#remove(poll, polls);
    if (poll.payloadBytes > 0) {
      if (polls.burstBytes === 0) this.#burst.push(polls);
      polls.burstBytes += poll.payloadBytes;
    }
    poll.request.respond({ results: poll.results }, poll.parts);
  }

  #fail(poll: Poll, polls: SessionPolls, error: QanatError): void {
    this.#remove(poll, polls);
    poll.request.fail(error);
  }

  /** Answers a waiting poll at once. One that is being read is answered when that has ended. */
  #endNow(poll: Poll): void {
    poll.final = true;
    if (poll.reading || poll.done) return;
    poll.begin(0);
    this.#answer(poll, this.#pollsOf(poll.request.session));
  }

  // ---- where polls wait ----

  #park(poll: Poll, polls: SessionPolls): void {
    poll.parked = true;
    for (const { place } of poll.queues) {
      if (place === undefined) continue;
      place.waiting ??= new SmallSet();
      place.waiting.add(poll);
    }
    this.#arm(polls, poll.dueMs);
  }

  #remove(poll: Poll, polls: SessionPolls): void {
    poll.done = true;
    polls.queues -= poll.queues.length;
    this.#queues -= poll.queues.length;
    polls.all.delete(poll);
    if (poll.group !== '') this.#leaveGroup(poll);
    if (!poll.parked) return;
    for (const { place } of poll.queues) place?.waiting?.delete(poll);
  }

  #pollsOf(session: ServerSession): SessionPolls {
    let polls = this.#sessions.get(session);
    if (polls === undefined) {
      polls = {
        all: new SmallSet(),
        rotation: 0,
        burstBytes: 0,
        queues: 0,
        timer: undefined,
        timerMs: Number.POSITIVE_INFINITY,
      };
      this.#sessions.set(session, polls);
    }
    return polls;
  }

  #groupPolls(group: string): SmallSet<Poll> {
    let polls = this.#byGroup.get(group);
    if (polls === undefined) {
      polls = new SmallSet();
      this.#byGroup.set(group, polls);
    }
    return polls;
  }

  #leaveGroup(poll: Poll): void {
    const polls = this.#byGroup.get(poll.group);
    polls?.delete(poll);
    if (polls?.size === 0 && this.#byGroup.size > GROUPS_KEPT_MAX) this.#byGroup.delete(poll.group);
  }

  /** One timer for the polls of a connection: most are answered long before they are due. */
  #arm(polls: SessionPolls, dueMs: number): void {
    if (dueMs >= polls.timerMs) return;
    polls.timer?.cancel();
    polls.timerMs = dueMs;
    polls.timer = this.#host.timers.at(dueMs, () => this.#expire(polls));
  }

  #expire(polls: SessionPolls): void {
    const nowMs = this.#host.nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    polls.timerMs = nextMs;
    for (const poll of polls.all) {
      // One that is held has not been looked at: it may have messages, and says so when its connection is drained.
      if (poll.dueMs <= nowMs && poll.held) poll.final = true;
      else if (poll.dueMs <= nowMs) this.#endNow(poll);
      else if (poll.parked) nextMs = Math.min(nextMs, poll.dueMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(polls, nextMs);
  }
}
