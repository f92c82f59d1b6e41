import { brokerOf, type EventOf, type QueueKey, topicOf } from '../history/index.ts';
import type { Checker, Report } from './checker.ts';
import { type Facts, mayHaveLost, passes } from './facts.ts';
import { orNew } from './or-new.ts';

type Joined = EventOf<'member'> & { readonly index: number };

/** What one group did. */
interface Seen {
  readonly joined: Joined;
  readonly handled: ReadonlyMap<QueueKey, ReadonlySet<number>>;
  /** By broker: when LAST begins there at the latest. */
  readonly beginMs: ReadonlyMap<string, number>;
}

/** G6 of the fault model. */
export const atLeastOnce: Checker = {
  name: 'at-least-once',
  rule: 'at the end every group has handled every message of its topics that passes its filter, from where it began',
  begin: (facts, report) => {
    const handled = new Map<string, Map<QueueKey, Set<number>>>();
    const first = new Map<string, Joined>();
    const joining = new Joining();
    return {
      see(event, index) {
        if (event.kind === 'member') {
          if (event.state !== 'joined') return;
          joining.joined(event);
          if (!first.has(event.group)) first.set(event.group, { ...event, index });
        } else if (event.kind === 'handled' && event.ok) {
          const queues = orNew(handled, event.group, () => new Map());
          orNew(queues, event.queue, () => new Set()).add(event.offset);
        } else if (event.kind === 'subscribed' || event.kind === 'leases') joining.see(event);
      },
      end() {
        const settledAt = facts.events.findIndex(({ kind }) => kind === 'settled');
        for (const [group, declared] of facts.groups) {
          const joined = first.get(group);
          if (joined === undefined || facts.movedForward.has(group)) continue;
          if (declared.mode === 'broadcasting' && leftEarly(facts, group, settledAt)) continue;
          // It waits for the queues of a broker that never comes back, and for nothing that came after its start.
          if (declared.untilEnd === true && facts.refused.size > 0) continue;
          const beginMs = joining.beginMs(joined);
          look(facts, declared, { joined, handled: handled.get(group) ?? new Map(), beginMs }, report);
        }
      },
    };
  },
};

/** `joined_ago_ms` is whole milliseconds. */
const ROUNDED_MS = 1;

/**
 * A member says how long ago it joined. What it says ages on its way to the broker, and nobody there can tell by how much: for so
 * long LAST may begin too late (spec, chapter of offsets). How long it lies there does not count.
 */
class Joining {
  readonly #sentMs = new Map<string, number>();
  /** By group and member, then broker: the longest that a heartbeat was on its way. */
  readonly #wayMs = new Map<string, Map<string, number>>();
  /** By group and broker: to which of its lives members came last. */
  readonly #lives = new Map<string, string | undefined>();
  /** By group and member. */
  readonly #joined = new Map<string, EventOf<'member'>>();
  /** Groups and brokers where it is decided. */
  readonly #decided = new Set<string>();

  joined(event: EventOf<'member'>): void {
    this.#joined.set(`${event.group} ${event.member}`, event);
  }

  see(event: EventOf<'subscribed'> | EventOf<'leases'>): void {
    if (event.kind === 'leases') {
      if (event.leases.length > 0) this.#decided.add(`${event.group} ${event.broker}`);
      return;
    }
    const { phase, node, life, group, member, joinedAgoMs, atMs } = event;
    const who = `${group} ${member}`;
    const key = `${who} ${joinedAgoMs}`;
    if (phase === 'sent') {
      this.#sentMs.set(key, atMs);
      return;
    }
    const place = `${group} ${node}`;
    if (this.#decided.has(place)) return;
    // Members are not in the log: the broker, or the replica that is master now, knows those only that came to it.
    if (this.#lives.get(place) !== life) this.#forget(group, node);
    this.#lives.set(place, life);
    const ways = orNew(this.#wayMs, who, () => new Map());
    ways.set(node, Math.max(ways.get(node) ?? 0, atMs - (this.#sentMs.get(key) ?? atMs)));
  }

  #forget(group: string, broker: string): void {
    for (const [who, ways] of this.#wayMs) if (this.#joined.get(who)?.group === group) ways.delete(broker);
  }

  /** A broker to which the first member never came, since it was down, knows of those only that came. */
  beginMs({ group, member }: Joined): ReadonlyMap<string, number> {
    const first = `${group} ${member}`;
    const begin = new Map<string, number>();
    for (const [who, ways] of this.#wayMs) {
      const joined = this.#joined.get(who);
      if (joined === undefined || joined.group !== group) continue;
      for (const [broker, wayMs] of ways) {
        if (who !== first && this.#wayMs.get(first)?.has(broker)) continue;
        const atMs = joined.atMs + wayMs + ROUNDED_MS;
        begin.set(broker, Math.min(atMs, begin.get(broker) ?? atMs));
      }
    }
    return begin;
  }
}

/** A reader of its own that went before everything had settled owes nothing. */
const leftEarly = ({ events }: Facts, group: string, settledAt: number): boolean =>
  events.some((event, i) => i < settledAt && event.kind === 'member' && event.group === group && event.state !== 'joined');

function look(facts: Facts, declared: EventOf<'group'>, { joined, handled, beginMs }: Seen, report: Report): void {
  const { group, from, mode } = declared;
  let told = 0;
  for (const [queue, log] of facts.log) {
    if (!(topicOf(queue) in declared.filters) || mayHaveLost(facts, queue)) continue;
    const mine = handled.get(queue);
    const begin = from === 'first' ? 0 : firstOf(facts, mode, group, queue, mine);
    for (const [offset, value] of log) {
      const send = facts.sends.get(value);
      if (send === undefined || mine?.has(offset) || !passes(declared, topicOf(queue), send.invoked.tag)) continue;
      const owed =
        from === 'first' ||
        offset >= begin ||
        (mode === 'clustering' &&
          owedToLast(facts, joined, send.invokedAt) &&
          send.invoked.atMs >= (beginMs.get(brokerOf(queue)) ?? joined.atMs));
      if (!owed || ++told > 3) continue;
      report(`${group} never handled ${value} at ${queue} ${offset}`, send.invoked, joined);
    }
  }
}

/** LAST means the first message stored since the member joined, by the clocks of both: no step of a clock may be between. */
const owedToLast = ({ struck }: Facts, joined: Joined, invokedAt: number): boolean =>
  invokedAt > joined.index && ![...struck].some((name) => name.startsWith('clockStep '));

function firstOf(
  facts: Facts,
  mode: EventOf<'group'>['mode'],
  group: string,
  queue: QueueKey,
  mine?: ReadonlySet<number>,
): number {
  if (mode === 'broadcasting') return mine === undefined ? Number.POSITIVE_INFINITY : Math.min(...mine);
  for (const event of facts.events) {
    if (event.kind !== 'leases' || event.group !== group) continue;
    const lease = event.leases.find((one) => one.queue === queue);
    if (lease !== undefined) return lease.start;
  }
  return Number.POSITIVE_INFINITY;
}
