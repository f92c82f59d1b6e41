import type { Exchange, Header } from '../../history/view.ts';
import type { GroupFacts } from './facts.ts';
import { type QueueAt, queuesOf, type Strategy, target } from './oracle.ts';
import { memberChanges, standingAt } from './standing.ts';
import { type GroupRecord, strategyOf, textOf, topicsOf } from './subscriptions.ts';
import { type Beat, type Give, hasLease, NEVER, type Telling } from './told.ts';
import type { Change } from './topics.ts';

export interface MemberAtRest {
  readonly id: string;
  readonly label: string;
  /** The last heartbeat that was answered, and the last assignment that it was told. */
  readonly beat: Beat;
  readonly told: Telling;
  /** Its subscription is that of the record. */
  readonly current: boolean;
}

export interface TopicAtRest {
  readonly topic: string;
  readonly own: number;
  readonly others: ReadonlyMap<string, number>;
  /** Over all brokers, as they have to be sorted. */
  readonly queues: readonly QueueAt[];
  /** Who was told which queue of the subject. */
  readonly owners: readonly (string | undefined)[];
}

/** A moment at which everything that follows from the last change has happened. */
export interface Rest {
  readonly index: number;
  readonly atMs: number;
  readonly record: GroupRecord;
  readonly strategy: Strategy;
  /** All that are alive, as the target sorts them. */
  readonly members: readonly MemberAtRest[];
  readonly topics: readonly TopicAtRest[];
  /** Changes since the rest before it: with one of them alone what STICKY does is certain. */
  readonly changes: number;
}

const byLabel = (a: MemberAtRest, b: MemberAtRest): number =>
  a.label === b.label ? (a.id < b.id ? -1 : 1) : a.label < b.label ? -1 : 1;

const cache = new WeakMap<GroupFacts, readonly Rest[]>();

/** The moments of rest of a group at which all is known that a target is made of. */
export function restsOf(group: GroupFacts): readonly Rest[] {
  const known = cache.get(group);
  if (known !== undefined) return known;
  const rests: Rest[] = [];
  const changes = changesOf(group);
  for (const index of placesOf(group)) {
    const sinceMs = rests.at(-1)?.atMs ?? -1;
    const rest = isQuiet(group, changes, index)
      ? restAt(group, index, countSince(changes, sinceMs, group.facts.msAt(index)))
      : undefined;
    if (rest !== undefined) rests.push(rest);
  }
  cache.set(group, rests);
  return rests;
}

const countSince = (changes: readonly Change[], sinceMs: number, untilMs: number): number =>
  changes.filter(({ fromMs, toMs, follows }) => follows !== true && toMs > sinceMs && fromMs <= untilMs).length;

/** Between steps, and where a program says so. */
function placesOf({ facts: { view } }: GroupFacts): number[] {
  const places = [...view.of('step'), ...view.notes('rest')].map(({ index }) => index);
  return [...new Set(places)].sort((a, b) => a - b);
}

/** All that moves members, queues or leases, but what the subject tells of it. */
export function changesOf(group: GroupFacts): Change[] {
  const { facts } = group;
  const topics = new Set(group.records.all().flatMap(({ subscription }) => topicsOf(subscription)));
  const settledMs = facts.settings.sessionMs + facts.view.slackMs;
  return [
    ...memberChanges(group),
    ...facts.topics.changesOf([...topics]),
    ...group.gives.map((give) => ({ ...spanOf(give.exchange), follows: wasAsked(group, give) })),
    ...group.resets.map(spanOf),
    ...facts.lives.slice(1).map(({ bornMs, fromMs, from }) => ({ fromMs: bornMs, toMs: fromMs + settledMs, at: from })),
  ];
}

const spanOf = ({ request, response }: Exchange): Change => ({
  fromMs: request.atMs,
  toMs: response?.atMs ?? NEVER,
  at: request.index,
});

/** RELEASE of what its member was told to release. */
const wasAsked = (group: GroupFacts, { kind, at, member, offsets }: Give): boolean =>
  kind === 'RELEASE' &&
  offsets.every(({ topic, queue, leaseEpoch }) =>
    group.tellings.some(
      (one) => one.member === member && one.frame.index < at && hasLease(one, topic, queue, leaseEpoch)?.releasing === true,
    ),
  );

function isQuiet({ facts, tellings }: GroupFacts, changes: readonly Change[], index: number): boolean {
  const ms = facts.msAt(index);
  const sinceMs = ms - facts.settings.settleMs - facts.view.slackMs;
  if (!facts.timed || index > facts.lifeAt(index).stopping || index > facts.lifeAt(index).to) return false;
  if (changes.some(({ fromMs, toMs }) => fromMs <= ms && toMs > sinceMs)) return false;
  return !tellings.some(({ pushed, frame }) => pushed && frame.atMs <= ms && frame.atMs > sinceMs);
}

function restAt(group: GroupFacts, index: number, changes: number): Rest | undefined {
  const record = group.records.at(index);
  if (record === undefined || record.subscription.kind !== 0) return undefined;
  const members = membersAt(group, record, index);
  if (members === undefined || members.some(({ told }) => told.leases.some(({ releasing }) => releasing))) return undefined;
  const atMs = group.facts.msAt(index);
  const topics: TopicAtRest[] = [];
  for (const topic of topicsOf(record.subscription)) {
    const own = group.facts.topics.queuesAt(topic, index);
    const others = group.facts.topics.othersAt(topic, atMs);
    if (own === undefined || others === undefined) return undefined;
    const queues = queuesOf(new Map([...others, [group.facts.topics.broker, own]]));
    topics.push({ topic, own, others, queues, owners: ownersOf(topic, own, members) });
  }
  return { index, atMs, record, strategy: strategyOf(record.subscription), members, topics, changes };
}

/** Everybody alive, with what they were told; undefined when somebody may be, or may have missed something. */
function membersAt(group: GroupFacts, record: GroupRecord, index: number): MemberAtRest[] | undefined {
  const life = group.facts.lifeAt(index).number;
  const members: MemberAtRest[] = [];
  for (const [id, beats] of group.byMember) {
    const standing = standingAt(group, id, index);
    if (standing === 'gone') continue;
    const beat = beats.filter((one) => one.answeredAt < index && one.accepted).at(-1);
    const subscription = beats
      .filter((one) => one.life === life && one.at < index && one.accepted && one.subscription)
      .at(-1)?.subscription;
    const told = lastTold(group, id, index);
    if (standing === 'unsure' || beat === undefined || told === undefined || !isHearing(group, beat, index)) return undefined;
    // A member of before a restart that has sent no subscription since: what it is taken for is not certain.
    if (subscription === undefined || !isPlainText(beat.label) || !isPlainText(id)) return undefined;
    members.push({ id, label: beat.label, beat, told, current: textOf(subscription) === record.text });
  }
  return members.sort(byLabel);
}

/** The order of other texts is the affair of the chapter of types. */
const isPlainText = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Nothing that was pushed to it can have been missed. */
export function isHearing({ facts }: GroupFacts, { exchange: { connection } }: Beat, index: number): boolean {
  return connection.closedIndex > index && !facts.deaf.has(connection.number);
}

/** What a member was told last: by number, as frames of several connections may pass each other. */
export function lastTold({ tellings, facts }: GroupFacts, member: string, index: number): Telling | undefined {
  const life = facts.lifeAt(index).number;
  let last: Telling | undefined;
  for (const telling of tellings) {
    if (telling.member !== member || telling.life !== life || telling.frame.index >= index) continue;
    if (last === undefined || telling.generation >= last.generation) last = telling;
  }
  return last;
}

function ownersOf(topic: string, own: number, members: readonly MemberAtRest[]): (string | undefined)[] {
  const owners: (string | undefined)[] = Array.from({ length: own });
  for (const { id, told } of members)
    for (const lease of told.leases) if (lease.topic === topic && lease.queue < own) owners[lease.queue] = id;
  return owners;
}

/** The target of a topic at a moment of rest, for members in this order. */
export function targetAt(
  rest: Rest,
  topic: TopicAtRest,
  members: readonly string[],
  broker: string,
  held: Header = [],
): (string | undefined)[] {
  const { own, queues } = topic;
  const owners = target(queues, members, broker, rest.strategy, held);
  return Array.from({ length: own }, (_, queue) => owners[queue]);
}
