import { createHash } from 'node:crypto';
import { type QueueId, utf8Length } from '@qanat/core';
import { CLIENT_KEY_BYTES_MAX } from './limits.ts';

const QUEUE_KEY_BYTES_MAX = 80;
const TOPIC_KEY_BYTES_MAX = 400;
const HASH_BYTES = 16;

/** Hex digits of the names of exchanges: of the state topic, and of a life of a bridge. */
const GROUP_DIGITS = 8;
const LIFE_DIGITS = 12;
const WILL = 'will';

const digest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
const hashed = (text: string): string => `#${digest(text).slice(0, HASH_BYTES * 2)}`;

/** The name of a queue in records: `topic/broker/queue`. */
export const queueName = ({ topic, broker, queue }: QueueId): string => `${topic}/${broker}/${queue}`;

/** The client id as one level of a key: `/` ends the level, so that no session's prefix is the begin of another's. */
export function clientKey(clientId: string): string {
  const escaped = clientId.replace(/[%/#]/g, encodeURIComponent);
  return utf8Length(escaped) <= CLIENT_KEY_BYTES_MAX ? escaped : hashed(clientId);
}

const queueKey = (name: string): string => (name.length <= QUEUE_KEY_BYTES_MAX ? name.replaceAll('/', '~') : hashed(name));
const offsetKey = (offset: number): string => offset.toString(16).padStart(14, '0');

export const SESSIONS = 's/';
export const BRIDGES = 'b/';
export const INDEXES = 'i/';
export const RETAINED = 'r/';

export const sessionKey = (clientId: string): string => SESSIONS + clientKey(clientId);
export const bridgeKey = (instance: string): string => BRIDGES + instance;
export const indexKey = (queue: string): string => INDEXES + queueKey(queue);
/** The long name of a topic does not fit: then its hash does. */
export const retainedKey = (topic: string): string =>
  RETAINED + (utf8Length(topic) <= TOPIC_KEY_BYTES_MAX && !topic.startsWith('#') ? topic : hashed(topic));
export const pointersPrefix = (clientId: string): string => `p/${clientKey(clientId)}/`;
/** @param spanEnd end of what was indexed: two indexers that are not equally far write different entries. */
export const pointersKey = (clientId: string, claim: number, queue: string, first: number, spanEnd: number): string =>
  `${pointersPrefix(clientId)}${claim}/${queueKey(queue)}/${offsetKey(first)}-${offsetKey(spanEnd)}`;
/** What may have been sent before, of all queues. */
export const sentKey = (clientId: string): string => `${pointersPrefix(clientId)}sent`;
export const exchangesPrefix = (clientId: string): string => `o/${clientKey(clientId)}/`;
/** By claim: what an earlier bridge still writes meets nothing of the later one. */
export const exchangeKey = (clientId: string, claim: number, packetId: number): string =>
  `${exchangesPrefix(clientId)}${claim}/${packetId}`;
/** Is replaced with each write of exchanges, and removed by the next claim. */
export const fenceKey = (clientId: string, claim: number): string => `${exchangesPrefix(clientId)}${claim}/fence`;
/** Exchanges that have ended since the session was saved. */
export const finishedKey = (clientId: string, claim: number): string => `${exchangesPrefix(clientId)}${claim}/done`;
export const handedPrefix = (group: string, queue: string): string => `h/${group}/${queueKey(queue)}/`;
/** A message of a shared subscription that was handed to a session. */
export const handedKey = (group: string, queue: string, offset: number): string => handedPrefix(group, queue) + offsetKey(offset);
/** Is replaced with each write of such messages, and by whoever goes on with the queue. */
export const handedFenceKey = (group: string, queue: string): string => `${handedPrefix(group, queue)}fence`;
/** The offset in a `handedKey`; undefined: it is the fence's. */
export function handedOffset(key: string): number | undefined {
  const last = key.slice(key.lastIndexOf('/') + 1);
  return last === 'fence' ? undefined : Number.parseInt(last, 16);
}
/** Of what remembers messages that are stored once, in the queues of messages. */
export const ONCE = 'd/';

/**
 * Begins the names that bridges with one state topic give to the exchanges of their sessions: other bridges may write the same
 * queues.
 */
export const onceGroup = (stateTopic: string): string => `${digest(stateTopic).slice(0, GROUP_DIGITS)}.`;
/** A name for the exchanges of one session, that no other one ever has. @param epoch of the bridge's claims. */
export const onceName = (group: string, instance: string, epoch: number): string =>
  `${group}${digest(instance).slice(0, LIFE_DIGITS)}.${epoch.toString(36)}`;
export const oncePrefix = (clientId: string): string => `${ONCE}${clientKey(clientId)}/`;
export const inboundPrefix = (clientId: string, name: string): string => `${oncePrefix(clientId)}${name}/`;
export const inboundKey = (prefix: string, packetId: number, generation: number): string => `${prefix}${packetId}.${generation}`;
export const willsPrefix = (group: string, clientId: string): string => `${oncePrefix(clientId)}${group}${WILL}/`;
/** Of a will, so that it is stored once. */
export const willKey = (group: string, clientId: string, claim: number): string => willsPrefix(group, clientId) + claim;

/**
 * Whether the session of an entry under ONCE is over, or past the claim whose will it remembers: nobody will ask for it again.
 * @param record of its client, undefined: there is none. Entries of other bridges than the group's are never left.
 */
export function isLeft(
  group: string,
  key: string,
  record: { readonly claim: number; readonly inbound: string | undefined } | undefined,
): boolean {
  const [, , name = '', rest] = key.split('/');
  if (!name.startsWith(group)) return false;
  if (name === group + WILL) return record === undefined || record.claim > Number(rest);
  return record?.inbound !== name;
}

/** The session of an entry under ONCE. */
export const sessionKeyOfOnce = (key: string): string => SESSIONS + key.slice(ONCE.length, key.indexOf('/', ONCE.length));
/** What a bridge has subscribed to at another broker. */
export const upstreamKey = (clientId: string, server: string): string => `u/${clientKey(clientId)}/${hashed(server)}`;
