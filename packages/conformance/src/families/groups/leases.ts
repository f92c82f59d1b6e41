import type { Exchange, Header } from '../../history/view.ts';
import { codeIn, type GroupFacts } from './facts.ts';
import { standingAt } from './standing.ts';
import { topicsOf } from './subscriptions.ts';
import { codeOf, type Give, hasLease, NEVER, queueName, type Telling } from './told.ts';

/** One lease, as far as its member was told of it. */
export interface LeaseSeen {
  readonly group: GroupFacts;
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly member: string;
  /** Every assignment of its member with this lease, in the order in which they came. */
  readonly told: readonly Telling[];
  /** Told otherwise to somebody else: no lease, but a mistake. */
  readonly strangers: readonly Telling[];
}

const cache = new WeakMap<GroupFacts, readonly LeaseSeen[]>();

/** Every lease of the group that was told, in the order of their first telling. */
export function leasesOf(group: GroupFacts): readonly LeaseSeen[] {
  const known = cache.get(group);
  if (known !== undefined) return known;
  const leases = new Map<
    string,
    { -readonly [K in keyof LeaseSeen]: LeaseSeen[K] } & { told: Telling[]; strangers: Telling[] }
  >();
  for (const telling of group.tellings) {
    for (const { topic, queue, epoch } of telling.leases) {
      const key = `${topic}/${queue}/${epoch}`;
      const lease = leases.get(key) ?? { group, topic, queue, epoch, member: telling.member, told: [], strangers: [] };
      leases.set(key, lease);
      (lease.member === telling.member ? lease.told : lease.strangers).push(telling);
    }
  }
  const list = [...leases.values()];
  cache.set(group, list);
  return list;
}

export const leaseName = ({ topic, queue, epoch, member }: LeaseSeen): string =>
  `the lease of ${queueName({ topic, queue })} with epoch ${epoch} of ${member}`;

export const firstTold = ({ told }: LeaseSeen): Telling => told[0] as Telling;

/** The first assignment that says RELEASING. */
export const releasingTold = (lease: LeaseSeen): Telling | undefined =>
  lease.told.find((telling) => hasLease(telling, lease.topic, lease.queue, lease.epoch)?.releasing);

/** The first assignment of its member without it, behind one with it, in the same life. */
export function goneTold({ group, told, member }: LeaseSeen, life: number): Telling | undefined {
  const generations = told.filter((one) => one.life === life).map(({ generation }) => generation);
  if (generations.length === 0) return undefined;
  const last = Math.max(...generations);
  return group.tellings.find((one) => one.member === member && one.life === life && one.generation > last);
}

const names = (give: Give, { topic, queue, epoch, member }: LeaseSeen): boolean =>
  give.member === member &&
  (give.kind === 'LEAVE' || give.offsets.some((one) => one.topic === topic && one.queue === queue && one.leaseEpoch === epoch));

/** A RELEASE or LEAVE by its member, or a reset of its queue, that was sent before a place. */
export const wasGiven = (lease: LeaseSeen, index: number): boolean =>
  lease.group.gives.some((give) => give.at < index && names(give, lease)) ||
  lease.group.resets.some((reset) => reset.request.index < index && movesQueue(reset, lease));

function movesQueue({ header }: Exchange, { topic, queue }: LeaseSeen): boolean {
  const chosen = header.queues.filter((one: Header) => one.topic === topic);
  if (header.queues.length === 0) return true;
  return chosen.some(({ queues }: Header) => queues.length === 0 || queues.includes(queue));
}

/** Its topic was removed, or made anew, or is under way. */
const wasRemoved = ({ group, topic }: LeaseSeen, index: number): boolean =>
  group.facts.view
    .requests('TOPIC_REMOVE', 'kit')
    .some(({ request, header }) => request.index < index && header?.topic === topic);

/** RELEASE_MS may have passed; where RELEASING came late, nobody knows since when. */
export function mayBeOverdue(lease: LeaseSeen, index: number): boolean {
  const { facts } = lease.group;
  const releasing = releasingTold(lease);
  if (releasing === undefined || releasing.frame.index > index) return false;
  if (!releasing.pushed || !facts.timed) return true;
  return facts.msAt(index) >= releasing.frame.atMs + facts.settings.releaseMs - facts.view.slackMs;
}

/** The member's topics may no longer be those of the record: then all that it holds is to be released. */
const isOutdated = ({ group, topic }: LeaseSeen, index: number): boolean => {
  const record = group.records.at(index);
  return record === undefined || !topicsOf(record.subscription).includes(topic);
};

/** Whether the lease may have ended before a place, by any event of the table. */
export function mayHaveEnded(lease: LeaseSeen, index: number): boolean {
  if (wasGiven(lease, index) || wasRemoved(lease, index) || mayBeOverdue(lease, index)) return true;
  const { group, member } = lease;
  const life = firstTold(lease).life;
  if (group.facts.lifeAt(index).number !== life) return true;
  return !stayedAlive(group, member, firstTold(lease).frame.index, index) || isOutdated(lease, index);
}

/** Alive at a place, and at each heartbeat on the way there. */
export function stayedAlive(group: GroupFacts, member: string, from: number, to: number): boolean {
  const between = group.beatsOf(member).filter(({ at }) => at > from && at < to);
  return [...between.map(({ at }) => at), to].every((index) => standingAt(group, member, index) === 'alive');
}

/** From where on the kit knows that it is dead, and how. */
export interface Death {
  readonly at: number;
  readonly how: 'given' | 'told' | 'reset' | 'superseded';
}

/** Every reason for which the lease is dead, the first place of each. */
export function deathsOf(lease: LeaseSeen): Death[] {
  const { group, topic, queue, epoch } = lease;
  const deaths: Death[] = [];
  const given = group.gives.find((give) => give.done && names(give, lease) && give.at > firstTold(lease).frame.index);
  if (given !== undefined) deaths.push({ at: given.answeredAt, how: 'given' });
  const gone = goneTold(lease, (lease.told.at(-1) as Telling).life);
  if (gone !== undefined) deaths.push({ at: gone.frame.index, how: 'told' });
  const reset = group.resets.find(
    (one) => one.response !== undefined && one.request.index > firstTold(lease).frame.index && resetOf(one, lease),
  );
  if (reset?.response !== undefined) deaths.push({ at: reset.response.index, how: 'reset' });
  const next = leasesOf(group).find((one) => one.topic === topic && one.queue === queue && one.epoch > epoch);
  if (next !== undefined) deaths.push({ at: firstTold(next).frame.index, how: 'superseded' });
  return deaths;
}

/** A reset that was answered well for this queue. */
const resetOf = ({ answer, code }: Exchange, { topic, queue }: LeaseSeen): boolean =>
  code === undefined &&
  answer?.results.some((one: Header) => one.topic === topic && one.queue === queue && one.code === 0) === true;

/** The codes that end a use of a dead lease. */
export const FENCED: readonly number[] = [codeOf('LEASE_FENCED')];
export const MISSING: readonly number[] = [codeOf('TOPIC_NOT_FOUND'), codeOf('QUEUE_NOT_FOUND')];

/** What a RELEASE or LEAVE says of one of its queues; undefined while it is not answered. */
export const codeOfGiven = (give: Give, item: { topic: string; queue: number }): number | undefined =>
  give.done ? codeIn(give.exchange.answer?.results, item) : undefined;

/** The place behind which a lease may have been granted: before, its member was not there, or its queue had another. */
export function grantedAfter(lease: LeaseSeen): number {
  const { group, topic, queue, epoch, member } = lease;
  const first = firstTold(lease);
  const beats = group.beatsOf(member).filter((beat) => beat.life === first.life && beat.at < first.frame.index && beat.counts);
  let earliest = beats[0]?.at ?? NEVER;
  if (first.life > 0 && group.facts.lifeAt(earliest).number === first.life) {
    // It may be one of before the restart.
    const before = group.beatsOf(member).find((beat) => beat.life < first.life && beat.counts);
    if (before !== undefined) earliest = before.at;
  }
  const previous = leasesOf(group)
    .filter((one) => one.topic === topic && one.queue === queue && one.epoch < epoch)
    .at(-1);
  if (previous === undefined) return earliest;
  // What was told of the one before was true when it was sent; a push may be on its way for a moment.
  const given = group.gives.filter((give) => names(give, previous) && give.at < first.frame.index).at(0);
  return Math.max(earliest, given?.at ?? 0);
}
