import { QanatError } from '@qanat/core';
import type { Properties, QoS, RetainHandling, UserProperty, Will } from '../codec/packet.ts';
import type { SessionSubscription } from '../ports.ts';
import { SESSION_RECORD_BYTES_MAX } from './limits.ts';
import { StoredReader, StoredWriter } from './stored-bytes.ts';

const FORMAT = 1;

/** What the cluster keeps of a session, under `s/`. */
export interface SessionRecord {
  readonly clientId: string;
  /** Counts the claims: what an earlier claim wrote does not count. */
  readonly claim: number;
  /** The instance of the bridge that has it; undefined: it is offline. */
  readonly owner: string | undefined;
  /** ms since 1970; 0 while it is online. */
  readonly offlineSinceMs: number;
  /** Seconds from the disconnection; 0xFFFFFFFF: never. */
  readonly expiryInterval: number;
  readonly principal: string;
  readonly subscriptions: readonly SessionSubscription[];
  /** By the names of queues: what lies below was settled, or has a pointer. A queue that is not named begins at 0. */
  readonly cursor: ReadonlyMap<string, number>;
  /** Pointers of this claim and of later ones count. */
  readonly pointersFrom: number;
  /**
   * The first checkpoint of the owner from which on the session was settled at each: then the checkpoint's positions count in
   * place of cursor and pointers. 0: none.
   */
  readonly checkpointsFrom: number;
  /**
   * Name of its exchanges of QoS 2 that come, in the data queues; no other session ever has it. Undefined: it has published
   * nothing with QoS 2.
   */
  readonly inbound: string | undefined;
  readonly will: Will | undefined;
  /** When the will of an offline session is published, ms since 1970. 0: there is none to publish. */
  readonly willDueMs: number;
  /**
   * Messages that were stored until then, ms since 1970, may have been sent by a bridge that did not tell how far it came. 0: no
   * bridge has left it so.
   */
  readonly sentUntilMs: number;
}

/** An interval that never ends. */
export const NEVER = 0xffff_ffff;

/** When an offline session ends, ms since 1970. */
export const expiresAtMs = ({ owner, offlineSinceMs, expiryInterval }: SessionRecord): number =>
  owner !== undefined || expiryInterval === NEVER ? Number.POSITIVE_INFINITY : offlineSinceMs + expiryInterval * 1_000;

/** @throws QanatError LIMIT_EXCEEDED: beyond SESSION_RECORD_BYTES_MAX. */
export function encodeSession(record: SessionRecord): Uint8Array {
  const w = new StoredWriter(FORMAT).text(record.clientId).number(record.claim);
  w.maybe(record.owner, (owner) => w.text(owner));
  w.number(record.offlineSinceMs).number(record.expiryInterval).text(record.principal);
  w.list(record.subscriptions, (subscription) => writeSubscription(w, subscription));
  w.list([...record.cursor], ([queue, offset]) => w.text(queue).number(offset));
  w.number(record.pointersFrom).number(record.checkpointsFrom);
  w.maybe(record.inbound, (name) => w.text(name));
  w.maybe(record.will, (will) => writeWill(w, will));
  const bytes = w.number(record.willDueMs).number(record.sentUntilMs).end();
  if (bytes.length > SESSION_RECORD_BYTES_MAX)
    throw new QanatError('LIMIT_EXCEEDED', `the session's record has ${bytes.length} bytes, of ${SESSION_RECORD_BYTES_MAX}`);
  return bytes;
}

/** @returns what borrows the payload of its will. @throws QanatError CORRUPT_LOG. */
export function decodeSession(bytes: Uint8Array): SessionRecord {
  const r = new StoredReader(bytes, FORMAT);
  return {
    clientId: r.text(),
    claim: r.number(),
    owner: r.maybe(() => r.text()),
    offlineSinceMs: r.number(),
    expiryInterval: r.number(),
    principal: r.text(),
    subscriptions: r.list(() => readSubscription(r)),
    cursor: new Map(r.list(() => [r.text(), r.number()] as const)),
    pointersFrom: r.number(),
    checkpointsFrom: r.number(),
    inbound: r.maybe(() => r.text()),
    will: r.maybe(() => readWill(r)),
    willDueMs: r.number(),
    sentUntilMs: r.number(),
  };
}

function writeSubscription(w: StoredWriter, subscription: SessionSubscription): void {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier } = subscription;
  w.text(filter).byte(qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4));
  w.number(subscriptionIdentifier ?? 0);
}

function readSubscription(r: StoredReader): SessionSubscription {
  const filter = r.text();
  const bits = r.byte();
  const identifier = r.number();
  return {
    filter,
    qos: (bits & 3) as QoS,
    noLocal: (bits & 4) !== 0,
    retainAsPublished: (bits & 8) !== 0,
    retainHandling: ((bits >> 4) & 3) as RetainHandling,
    subscriptionIdentifier: identifier === 0 ? undefined : identifier,
  };
}

function writeWill(w: StoredWriter, { topic, payload, qos, retain, properties }: Will): void {
  w.text(topic)
    .bytes(payload)
    .byte(qos | (retain ? 4 : 0));
  w.maybe(properties, (given) => writeWillProperties(w, given));
}

function readWill(r: StoredReader): Will {
  const topic = r.text();
  const payload = r.bytes();
  const bits = r.byte();
  const properties = r.maybe(() => readWillProperties(r));
  const will: Will = { topic, payload, qos: (bits & 3) as QoS, retain: (bits & 4) !== 0 };
  return properties === undefined ? will : { ...will, properties };
}

/** The properties that a will may have (MQTT 5.0 section 3.1.3.2). */
function writeWillProperties(w: StoredWriter, properties: Properties): void {
  w.maybe(properties.willDelayInterval, (seconds) => w.number(seconds));
  w.maybe(properties.payloadFormatIndicator, (format) => w.byte(format));
  w.maybe(properties.messageExpiryInterval, (seconds) => w.number(seconds));
  w.maybe(properties.contentType, (text) => w.text(text));
  w.maybe(properties.responseTopic, (text) => w.text(text));
  w.maybe(properties.correlationData, (bytes) => w.bytes(bytes));
  w.list(properties.userProperties ?? [], ([name, value]) => w.text(name).text(value));
}

function readWillProperties(r: StoredReader): Properties {
  const properties = {
    willDelayInterval: r.maybe(() => r.number()),
    payloadFormatIndicator: r.maybe(() => (r.byte() === 1 ? 1 : 0) as 0 | 1),
    messageExpiryInterval: r.maybe(() => r.number()),
    contentType: r.maybe(() => r.text()),
    responseTopic: r.maybe(() => r.text()),
    correlationData: r.maybe(() => r.bytes()),
    userProperties: noneIfEmpty(r.list((): UserProperty => [r.text(), r.text()])),
  };
  return withoutUndefined(properties);
}

const noneIfEmpty = <Item>(items: readonly Item[]): readonly Item[] | undefined => (items.length === 0 ? undefined : items);

type Defined<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Leaves out what is undefined. */
export function withoutUndefined<T extends object>(object: T): Defined<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Defined<T>;
}
