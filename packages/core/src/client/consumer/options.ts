import { QanatError } from '../../errors.ts';
import { canonicalFilter, parseFilter, type TagFilter } from '../../model/filter.ts';
import { checkName } from '../../model/names.ts';
import { utf8Length } from '../../wire/bytes.ts';
import { LIMITS, type Strategy, StrategyNames } from '../../wire/gen/registry.ts';
import { textChecksum } from '../../wire/record.ts';
import type { ClientEvent, ClientHost, QueueId } from '../host.ts';
import type { DeadLetterSettings } from './dead-letters.ts';
import type { Delivery } from './delivery.ts';

/**
 * Where to begin in a queue: at its oldest message, behind its newest, or at the first one stored at or after a time (ms since
 * 1970).
 */
export type StartPosition = 'first' | 'last' | { readonly timeMs: number };

/**
 * `averagely`: runs of neighbouring queues. `circle`: dealt out in turn. `sticky`: as many as `averagely` gives, but whoever has
 * a queue keeps it where that is possible.
 */
export type StrategyName = 'averagely' | 'circle' | 'sticky';

/** How far a consumer has come in a queue. */
export interface QueuePosition {
  readonly queue: QueueId;
  /** Of the next message. */
  readonly offset: number;
}

export interface ConsumerOptions {
  /**
   * `clustering`: the brokers divide the queues among the members of the group and keep its offsets. `broadcasting` and
   * `groupless`: every queue of every broker, no lease, no offset at a broker; `broadcasting` is for those who keep their
   * positions themselves.
   */
  readonly mode: 'clustering' | 'broadcasting' | 'groupless';
  /** Needed by `clustering`, refused by `groupless`. */
  readonly group?: string;
  /** One to SUBSCRIPTIONS_PER_GROUP_MAX topics, each with a filter: tags joined by `||`; default: everything. */
  readonly subscriptions: readonly { readonly topic: string; readonly filter?: string }[];
  /** Only `assigned` is served. */
  readonly kind?: 'assigned';
  /** Where to begin in a queue without an offset. Default: `first` with a group's offsets, `last` without. */
  readonly from?: StartPosition;
  /**
   * Without leases: where to go on, from the caller's own store. Queues of these topics that it does not name begin at their
   * oldest message.
   */
  readonly offsets?: readonly QueuePosition[];
  /** What the operator calls this member; members sort by it. Default: the client's label. */
  readonly label?: string;
  /** The member's id. Default: drawn at random. */
  readonly instanceId?: string;
  /** One delivery at a time per queue, whatever `concurrency` says. Default false. */
  readonly ordered?: boolean;
  /**
   * Deliveries under way at once over all queues. Above 1 and without `ordered`, several of one queue: their order is not
   * kept. Default: one per queue.
   */
  readonly concurrency?: number;
  /** Hand out arrays of at most `recordsMax` messages of one queue. Default: one message at a time. */
  readonly batch?: { readonly recordsMax: number };
  /** Bytes of batches held ahead over all queues; pulled again below half of it. Default 8 MiB. */
  readonly prefetchBytes?: number;
  /**
   * Silence after which a broker counts the member as gone: MEMBER_SESSION_MS_MIN to MEMBER_SESSION_MS_MAX. Default: the
   * broker's.
   */
  readonly sessionMs?: number;
  /** How long started handlers may take when a queue is given back or the consumer closes. Default RELEASE_MS. */
  readonly releaseMs?: number;
  /** How often offsets are committed. Default 1000. */
  readonly commitMs?: number;
  /** How the brokers divide the queues; all members say the same. Default `averagely`. */
  readonly strategy?: StrategyName;
  /** The group's record is replaced by a member whose version is higher. Default 0. */
  readonly subscriptionVersion?: number;
  /** Back-off before a failed delivery is handed out again: doubles from `first` to `max`. Default 100 ms to 30 s. */
  readonly retryMs?: { readonly first: number; readonly max: number };
  /**
   * Where a delivery goes that has failed `maxAttempts` times: copies of its messages, with the properties `qnt.origin` and
   * `qnt.attempt`. Refused without leases. Default: none; what fails is tried until it succeeds.
   */
  readonly deadLetterTopic?: string;
  /** How many times a delivery is tried before. Default 16. Attempts are counted anew when a queue changes hands. */
  readonly maxAttempts?: number;
  /** Messages of a queue that are not handled, from which on a consumer that falls behind says so (`lagging`). Default 1000. */
  readonly lagMessages?: number;
  /** Without leases: end by itself once every queue was read up to the high watermark that it had at the start. */
  readonly untilEnd?: boolean;
  /**
   * Which replica of a broker group is read. `slave`: one that is live, where there is one, for instance to spare the master; it
   * may be a moment behind. A zone: a replica that stands there, where there is one. Commits go to masters in any case. Default
   * `master`: slaves only while the master does not answer.
   */
  readonly readFrom?: ReadFrom;
}

/** The master, any slave, or whoever stands in a zone: see `--zone` of brokers. */
export type ReadFrom = 'master' | 'slave' | { readonly zone: string };

export interface ConsumerHandler {
  /** Takes a delivery; `delivery.done` ends it, now or later. Must not throw. */
  onDelivery(delivery: Delivery): void;
  /** What this consumer has to say; the client's stream of events has it too. */
  onEvent(event: ClientEvent): void;
  /** Comes once, last: the consumer was closed, has read to the end, or was refused (`error`). */
  onEnd(error?: QanatError): void;
}

/** A subscription, ready for use. */
export interface TopicSubscription {
  readonly topic: string;
  /** The canonical text. */
  readonly filterText: string;
  readonly filter: TagFilter;
  /** The checksums of the filter's tags, as the tag column of a batch has them. */
  readonly tagSums: ReadonlySet<number>;
}

export interface ConsumerSettings {
  readonly mode: ConsumerOptions['mode'];
  /** Empty without leases. */
  readonly group: string;
  /** Sorted by topic. */
  readonly subscriptions: ReadonlyMap<string, TopicSubscription>;
  readonly from: StartPosition;
  readonly offsets: readonly QueuePosition[];
  readonly label: string;
  readonly instanceId: string;
  /** Deliveries under way at once, over all queues and per queue. */
  readonly deliveriesMax: number;
  readonly deliveriesPerQueueMax: number;
  /** Undefined: single messages. */
  readonly recordsMax: number | undefined;
  readonly prefetchBytes: number;
  readonly sessionMs: number;
  readonly releaseMs: number;
  readonly commitMs: number;
  readonly strategy: Strategy;
  readonly subscriptionVersion: number;
  readonly retryFirstMs: number;
  readonly retryMaxMs: number;
  /** Undefined: what fails is tried until it succeeds. */
  readonly deadLetter: DeadLetterSettings | undefined;
  readonly lagMessages: number;
  readonly untilEnd: boolean;
  readonly readFrom: ReadFrom;
}

/** Deliveries of one queue that are under way or wait to be tried again. */
export const DELIVERIES_PER_QUEUE_MAX = 1_024;
const PREFETCH_BYTES = 8 * 1_024 * 1_024;
const COMMIT_MS = 1_000;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 30_000;
const MAX_ATTEMPTS = 16;
const LAG_MESSAGES = 1_000;
/** A subscription travels in one control header, beside a few other fields. */
const SUBSCRIPTION_BYTES_MAX = LIMITS.CONTROL_HEADER_BYTES_MAX - 4_096;

const refuse = (why: string): never => {
  throw new QanatError('BAD_CONFIG', why);
};

function whole(name: string, value: number | undefined, fallback: number, least: number, most?: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= least && value <= (most ?? value)) return value;
  const range = most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
  return refuse(`${name} is ${value}; it has to be a whole number ${range}`);
}

function readSubscriptions(host: ClientHost, options: ConsumerOptions): ReadonlyMap<string, TopicSubscription> {
  const { subscriptions } = options;
  if (subscriptions.length < 1 || subscriptions.length > LIMITS.SUBSCRIPTIONS_PER_GROUP_MAX) {
    refuse(`a consumer has 1 to ${LIMITS.SUBSCRIPTIONS_PER_GROUP_MAX} subscriptions, not ${subscriptions.length}`);
  }
  const byTopic = new Map<string, TopicSubscription>();
  let bytes = 0;
  for (const { topic, filter: text = '*' } of subscriptions.toSorted((a, b) => (a.topic < b.topic ? -1 : 1))) {
    checkName('topic', topic);
    if (byTopic.has(topic)) refuse(`topic ${topic} is subscribed to twice: join the tags by ||`);
    const filter = parseFilter(text);
    const filterText = canonicalFilter(text);
    bytes += topic.length + utf8Length(filterText) + 16;
    byTopic.set(topic, {
      topic,
      filterText,
      filter,
      tagSums: new Set([...(filter ?? [])].map((tag) => textChecksum(host.platform, tag))),
    });
  }
  if (bytes > SUBSCRIPTION_BYTES_MAX)
    refuse(`topics and filters have ${bytes} bytes together, at most ${SUBSCRIPTION_BYTES_MAX} are allowed`);
  return byTopic;
}

function readGroup(options: ConsumerOptions): string {
  if (options.mode === 'groupless' && options.group !== undefined) refuse('a consumer without a group has no group name');
  if (options.mode !== 'clustering') return '';
  if (options.group === undefined) return refuse('a clustering consumer needs a group');
  if (options.untilEnd === true) refuse('untilEnd is for consumers without leases');
  if (options.offsets !== undefined) refuse('the brokers keep the offsets of a clustering group: reset them there');
  checkName('group', options.group);
  return options.group;
}

function readReadFrom(readFrom: ReadFrom = 'master'): ReadFrom {
  if (readFrom === 'master' || readFrom === 'slave') return readFrom;
  const { zone } = readFrom;
  if (typeof zone === 'string' && zone !== '' && utf8Length(zone) <= LIMITS.LABEL_BYTES_MAX) return { zone };
  return refuse(`readFrom has to be master, slave, or a zone of 1 to ${LIMITS.LABEL_BYTES_MAX} bytes`);
}

function readStrategy(name: StrategyName = 'averagely'): Strategy {
  const strategy = StrategyNames.indexOf(name.toUpperCase());
  return strategy < 0 ? refuse(`strategy is ${name}; it has to be averagely, circle or sticky`) : (strategy as Strategy);
}

function readDeadLetter({ deadLetterTopic: topic, maxAttempts, ...options }: ConsumerOptions): DeadLetterSettings | undefined {
  if (topic === undefined)
    return maxAttempts === undefined ? undefined : refuse('maxAttempts needs a deadLetterTopic: nothing is skipped without one');
  checkName('topic', topic);
  if (options.mode !== 'clustering') refuse('a deadLetterTopic is for members of a group: every other reader would send a copy');
  if (options.subscriptions.some((subscription) => subscription.topic === topic))
    refuse(`the deadLetterTopic ${topic} is subscribed to: what fails would go round for ever`);
  return { topic, maxAttempts: whole('maxAttempts', maxAttempts, MAX_ATTEMPTS, 1) };
}

/** Checks the options and fills in the defaults. @throws QanatError BAD_CONFIG, INVALID_NAME or INVALID_ARGUMENT (a filter). */
export function readOptions(host: ClientHost, options: ConsumerOptions): ConsumerSettings {
  const group = readGroup(options);
  const concurrency = options.concurrency === undefined ? undefined : whole('concurrency', options.concurrency, 1, 1);
  const inOrder = options.ordered === true || concurrency === undefined || concurrency === 1;
  const retryFirstMs = whole('retryMs.first', options.retryMs?.first, RETRY_FIRST_MS, 1);
  const from = options.from ?? (options.mode === 'clustering' ? 'first' : 'last');
  if (typeof from === 'object') whole('from.timeMs', from.timeMs, 0, 0);
  return {
    mode: options.mode,
    group,
    subscriptions: readSubscriptions(host, options),
    from,
    offsets: options.offsets ?? [],
    label: options.label ?? host.settings.label,
    instanceId: options.instanceId ?? host.engine.random.id(),
    deliveriesMax: concurrency ?? Number.POSITIVE_INFINITY,
    deliveriesPerQueueMax: inOrder ? 1 : DELIVERIES_PER_QUEUE_MAX,
    recordsMax: options.batch === undefined ? undefined : whole('batch.recordsMax', options.batch.recordsMax, 1, 1),
    prefetchBytes: whole('prefetchBytes', options.prefetchBytes, PREFETCH_BYTES, 1),
    sessionMs: whole('sessionMs', options.sessionMs, 0, LIMITS.MEMBER_SESSION_MS_MIN, LIMITS.MEMBER_SESSION_MS_MAX),
    releaseMs: whole('releaseMs', options.releaseMs, LIMITS.RELEASE_MS, 0),
    commitMs: whole('commitMs', options.commitMs, COMMIT_MS, 1),
    strategy: readStrategy(options.strategy),
    subscriptionVersion: whole('subscriptionVersion', options.subscriptionVersion, 0, 0),
    retryFirstMs,
    retryMaxMs: Math.max(retryFirstMs, whole('retryMs.max', options.retryMs?.max, RETRY_MAX_MS, 1)),
    deadLetter: readDeadLetter(options),
    lagMessages: whole('lagMessages', options.lagMessages, LAG_MESSAGES, 1),
    untilEnd: options.untilEnd ?? false,
    readFrom: readReadFrom(options.readFrom),
  };
}
