import type { Request } from '../connection/server-session.ts';
import { QanatError } from '../errors.ts';
import { checkName } from '../model/names.ts';
import { compareTexts } from '../model/text-order.ts';
import type { StateRecordInit, TopicShareInit } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';
import type { BrokerSettings } from './broker-options.ts';
import type { CommitLog } from './log/commit-log.ts';
import { topicPages } from './topic-pages.ts';
import type { Topics } from './topics.ts';

/** Queues of all topics of a broker. */
export const QUEUES_PER_BROKER_MAX = 262_144;

/** Creates, alters, removes, lists and describes topics (spec, chapter of administration). */
export class TopicAdmin {
  readonly #settings: BrokerSettings;
  readonly #log: CommitLog;
  readonly #topics: Topics;
  /** Topics with a change on its way, and the requests that wait for its end. */
  readonly #changing = new Map<string, (() => void)[]>();
  #creating = 0;
  /** Queues that topics with a change on its way will have more. */
  #growing = 0;

  constructor(settings: BrokerSettings, log: CommitLog, topics: Topics) {
    this.#settings = settings;
    this.#log = log;
    this.#topics = topics;
  }

  /** @returns whether the request was about topics. */
  handle(request: Request): boolean {
    switch (request.name) {
      case 'TOPIC_CREATE':
        this.#create(request as Request<'TOPIC_CREATE'>);
        return true;
      case 'TOPIC_ALTER':
        this.#alter(request as Request<'TOPIC_ALTER'>);
        return true;
      case 'TOPIC_REMOVE':
        this.#remove(request as Request<'TOPIC_REMOVE'>);
        return true;
      case 'TOPIC_LIST':
        this.#list(request as Request<'TOPIC_LIST'>);
        return true;
      case 'TOPIC_DESCRIBE':
        this.#describe(request as Request<'TOPIC_DESCRIBE'>);
        return true;
      default:
        return false;
    }
  }

  #create(request: Request<'TOPIC_CREATE'>): void {
    const { topic: name, queues: asked, onDemand } = request.header;
    checkName('topic', name);
    if (this.#waits(name, request, () => this.#create(request))) return;
    const known = this.#topics.get(name);
    if (known !== undefined) {
      const has = known.queues.length;
      if (asked !== 0 && asked !== has) throw new QanatError('TOPIC_EXISTS', `topic ${name} has ${has} queues, not ${asked}`);
      request.respond({ queues: has, existed: true });
      return;
    }
    if (onDemand && !this.#settings.createsTopics) {
      throw new QanatError('CREATION_DISABLED', `broker ${this.#settings.name} does not create topics on demand`);
    }
    const queues = asked === 0 ? this.#settings.defaultQueues : asked;
    checkQueues(name, queues);
    const topicsMax = this.#settings.limits.topicsMax;
    if (this.#topics.size + this.#creating >= topicsMax) {
      throw new QanatError('LIMIT_EXCEEDED', `the broker has ${topicsMax} topics (TOPICS_PER_BROKER_MAX)`);
    }
    this.#checkGrowth(queues);
    const record = { topicChanged: { topicId: this.#topics.drawId(), topic: name, queues } };
    this.#creating++;
    this.#growing += queues;
    this.#change(
      name,
      record,
      request,
      () => request.respond({ queues }),
      () => {
        this.#creating--;
        this.#growing -= queues;
      },
    );
  }

  #alter(request: Request<'TOPIC_ALTER'>): void {
    const { topic: name, queues } = request.header;
    if (this.#waits(name, request, () => this.#alter(request))) return;
    const topic = this.#topics.need(name);
    const has = topic.queues.length;
    if (queues < has) throw new QanatError('INVALID_ARGUMENT', `topic ${name} has ${has} queues and cannot have ${queues}`);
    checkQueues(name, queues);
    if (queues === has) return request.respond({ queues });
    this.#checkGrowth(queues - has);
    this.#growing += queues - has;
    const record = { topicChanged: { topicId: topic.id, topic: name, queues } };
    this.#change(
      name,
      record,
      request,
      () => request.respond({ queues }),
      () => {
        this.#growing -= queues - has;
      },
    );
  }

  #remove(request: Request<'TOPIC_REMOVE'>): void {
    const { topic: name } = request.header;
    if (this.#waits(name, request, () => this.#remove(request))) return;
    const topic = this.#topics.need(name);
    // From here on nothing may be staged for the topic: it would stand in the log behind the removal.
    topic.removed = true;
    this.#change(name, { topicRemoved: { topicId: topic.id } }, request, () => request.respond({}));
  }

  #list(request: Request<'TOPIC_LIST'>): void {
    const shares: TopicShareInit[] = [];
    for (const topic of this.#topics.all()) {
      if (!topic.removed) shares.push({ topic: topic.name, queues: topic.queues.length });
    }
    shares.sort((a, b) => compareTexts(a.topic as string, b.topic as string));
    request.respondInPages(topicPages(shares, LIMITS.LIST_ITEMS_MAX).map((topics) => ({ topics })));
  }

  #describe(request: Request<'TOPIC_DESCRIBE'>): void {
    const topic = this.#topics.need(request.header.topic);
    request.respond({
      queues: topic.queues.map((queue) => ({
        queue: queue.queue,
        oldestOffset: this.#topics.oldest(queue),
        highWatermark: queue.highWatermark,
        lastStoreTimeMs: queue.lastStoreTimeMs,
      })),
    });
  }

  #checkGrowth(queues: number): void {
    if (this.#topics.queueCount + this.#growing + queues <= QUEUES_PER_BROKER_MAX) return;
    const has = `the broker has ${this.#topics.queueCount} queues, at most ${QUEUES_PER_BROKER_MAX} are allowed`;
    throw new QanatError('LIMIT_EXCEEDED', `${has} (QUEUES_PER_BROKER_MAX)`);
  }

  /** Changes of one topic come one after the other, so that each sees what the one before has made. */
  #waits(name: string, request: Request, again: () => void): boolean {
    const waiting = this.#changing.get(name);
    waiting?.push(() => {
      try {
        again();
      } catch (error) {
        if (!QanatError.is(error)) throw error;
        request.fail(error);
      }
    });
    return waiting !== undefined;
  }

  #change(name: string, record: StateRecordInit, request: Request, done: () => void, ended: () => void = () => {}): void {
    const waiting: (() => void)[] = [];
    this.#changing.set(name, waiting);
    this.#log.appendState(record, (error) => {
      this.#changing.delete(name);
      ended();
      if (error === undefined) done();
      else request.fail(error);
      for (const again of waiting) again();
    });
  }
}

function checkQueues(name: string, queues: number): void {
  if (queues <= LIMITS.QUEUES_PER_TOPIC_MAX) return;
  throw new QanatError(
    'LIMIT_EXCEEDED',
    `topic ${name} cannot have ${queues} queues (QUEUES_PER_TOPIC_MAX ${LIMITS.QUEUES_PER_TOPIC_MAX})`,
  );
}
