import { QanatError } from '@qanat/core';
import type { QoS } from '../codec/packet.ts';
import { isShared, isTopicFilter, isTopicName, matches } from '../filters/topic-filter.ts';

/** `in`: from the other broker to the cluster. `out`: the other way. */
export type UpstreamDirection = 'in' | 'out' | 'both';

/** What is exchanged with another MQTT broker: topics whose rest, behind the prefix of each side, the pattern selects. */
export interface UpstreamTopic {
  /** A topic filter. */
  readonly pattern: string;
  readonly direction: UpstreamDirection;
  /** The highest quality of service. */
  readonly qos: QoS;
  /** In front of the rest here; may be empty. */
  readonly localPrefix: string;
  /** In front of the rest there; may be empty. */
  readonly remotePrefix: string;
}

const FORM = 'write PATTERN [in|out|both [QOS [LOCALPREFIX [REMOTEPREFIX]]]], "" for a prefix that is empty';
const DIRECTIONS: readonly string[] = ['in', 'out', 'both'];
const WORD = /"([^"]*)"|(\S+)/g;

const bad = (text: string, why: string): QanatError =>
  new QanatError('BAD_CONFIG', `the upstream topic '${text}' cannot be used: ${why}`, { outcome: 'not-sent', hint: FORM });

/**
 * Reads the line of a bridge as mosquitto has it: `PATTERN in|out|both QOS LOCALPREFIX REMOTEPREFIX`. Default `out`, 1, no
 * prefixes.
 * @throws QanatError BAD_CONFIG.
 */
export function parseUpstreamTopic(text: string): UpstreamTopic {
  const words = Array.from(text.matchAll(WORD), ([, quoted, word]) => quoted ?? (word as string));
  const [pattern = '', direction = 'out', qos = '1', localPrefix = '', remotePrefix = '', ...more] = words;
  if (more.length > 0) throw bad(text, `there are ${words.length} words`);
  if (!DIRECTIONS.includes(direction)) throw bad(text, `"${direction}" is no direction`);
  if (!/^[012]$/.test(qos)) throw bad(text, `"${qos}" is no quality of service`);
  for (const prefix of [localPrefix, remotePrefix]) {
    if (prefix !== '' && !isTopicName(prefix)) throw bad(text, `the prefix "${prefix}" has a wildcard`);
    const filter = prefix + pattern;
    if (!isTopicFilter(filter) || isShared(filter)) throw bad(text, `"${filter}" is no topic filter`);
  }
  return { pattern, direction: direction as UpstreamDirection, qos: Number(qos) as QoS, localPrefix, remotePrefix };
}

/** Where a topic here goes there; undefined: nowhere. The first that selects it decides. */
export function outwards(topics: readonly UpstreamTopic[], local: string): { topic: string; qos: QoS } | undefined {
  const found = topics.find(({ direction, localPrefix, pattern }) => direction !== 'in' && matches(localPrefix + pattern, local));
  return found && { topic: found.remotePrefix + local.slice(found.localPrefix.length), qos: found.qos };
}

/** Where a topic there goes here; undefined: nowhere. */
export function inwards(topics: readonly UpstreamTopic[], remote: string): string | undefined {
  const found = topics.find(
    ({ direction, remotePrefix, pattern }) => direction !== 'out' && matches(remotePrefix + pattern, remote),
  );
  return found && found.localPrefix + remote.slice(found.remotePrefix.length);
}
