import { canonicalFilter, LIMITS } from '@qanat/core';
import type { Header } from '../../history/view.ts';
import { type Beat, isName, isRefused } from './told.ts';

/** `GroupKind` and `Strategy` by number. */
export const ASSIGNED = 0;
export const SHARED = 2;
const STRATEGIES = ['AVERAGELY', 'CIRCLE', 'STICKY'] as const;
const AT_OFFSET = 3;

export const strategyOf = (subscription: Header): (typeof STRATEGIES)[number] =>
  STRATEGIES[subscription.strategy as number] ?? 'AVERAGELY';

/** The set of tags of a filter, in one form; undefined for what is no filter. */
export function tagsOf(filter: string): string | undefined {
  try {
    canonicalFilter(filter);
  } catch {
    return undefined;
  }
  const tags = filter.split('||').map((tag) => tag.replace(/^ +| +$/g, ''));
  return tags.length === 1 && (tags[0] === '' || tags[0] === '*') ? '*' : [...new Set(tags)].sort().join('||');
}

/** What the members of a group have to agree on, in one form. */
export function textOf(subscription: Header): string {
  const topics = subscription.topics.map(({ topic, filter }: Header) => `${topic}: ${tagsOf(filter)}`);
  return `${topics.sort().join(', ')}; ${strategyOf(subscription)}`;
}

export const topicsOf = (subscription: Header): string[] => subscription.topics.map(({ topic }: Header) => topic);

/** With which codes a subscription has to be refused for what it says; empty when it has to be taken. */
export function faultsOf(subscription: Header): Set<string> {
  const faults = new Set<string>();
  const topics = topicsOf(subscription);
  if (subscription.kind === SHARED) faults.add('UNSUPPORTED_FEATURE');
  if (subscription.from === AT_OFFSET || new Set(topics).size < topics.length || topics.length === 0)
    faults.add('INVALID_ARGUMENT');
  if (topics.some((topic) => !isName(topic, LIMITS.TOPIC_NAME_BYTES_MAX))) faults.add('INVALID_NAME');
  if (subscription.topics.some(({ filter }: Header) => tagsOf(filter) === undefined)) faults.add('INVALID_ARGUMENT');
  return faults;
}

/** Whether everything of a heartbeat but what its subscription says is as it should be. */
export function isSoundBeat({ exchange: { header }, subscription }: Beat): boolean {
  const { group, member, sessionMs } = header;
  if (!isName(group) || member === '' || !isSession(sessionMs)) return false;
  if (subscription === undefined) return true;
  const { kind, strategy, from } = subscription;
  return kind <= SHARED && strategy < STRATEGIES.length && from <= AT_OFFSET;
}

export const isSession = (ms: number): boolean =>
  ms === 0 || (ms >= LIMITS.MEMBER_SESSION_MS_MIN && ms <= LIMITS.MEMBER_SESSION_MS_MAX);

/** The durable subscription of a group, while it is certain. */
export interface GroupRecord {
  /** Place of the request and of the answer that made it the record. */
  readonly at: number;
  readonly answeredAt: number;
  readonly subscription: Header;
  readonly text: string;
}

type Entry = { readonly from: number; readonly to: number; readonly record: GroupRecord | undefined };

/** Follows the record of a group through its heartbeats. */
export class Records {
  readonly #entries: Entry[] = [];

  /** @param beats of one group, in the order of their requests. */
  constructor(beats: readonly Beat[]) {
    let record: GroupRecord | undefined;
    for (const beat of beats) {
      const { subscription, at, answeredAt } = beat;
      if (subscription === undefined || !isSoundBeat(beat) || faultsOf(subscription).size > 0 || isRefused(beat)) continue;
      const text = textOf(subscription);
      const replaces = record === undefined || subscription.version > record.subscription.version;
      if (!replaces && (text === record?.text || !beat.accepted)) continue;
      // Without an answer, or taken against the rule: nobody knows what it is now.
      record = beat.accepted && replaces ? { at, answeredAt, subscription, text } : undefined;
      this.#entries.push({ from: at, to: answeredAt, record });
      if (record === undefined) return;
    }
  }

  /** The record at a place; undefined when there is none or it is not certain. */
  at(index: number): GroupRecord | undefined {
    let record: GroupRecord | undefined;
    for (const entry of this.#entries) {
      if (entry.from >= index) break;
      if (entry.to > index) return undefined;
      record = entry.record;
    }
    return record;
  }

  /** Whether no other heartbeat than the one that was sent at `from` can have replaced the record meanwhile. */
  isSteady(from: number, to: number): boolean {
    return this.#entries.every((entry) => entry.from === from || entry.to < from || entry.from > to);
  }

  /** Every record that there was, in order. */
  all(): GroupRecord[] {
    return this.#entries.flatMap(({ record }) => record ?? []);
  }
}
