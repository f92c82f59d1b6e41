import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { factsOf, type GroupFacts } from './facts.ts';
import { queuesOf } from './oracle.ts';
import { changesOf, type Rest, restsOf, type TopicAtRest, targetAt } from './rest.ts';
import { standingAt } from './standing.ts';
import { type Beat, NEVER, queueName, type Telling } from './told.ts';

const ROLES = ['broker'] as const;
/** Orders of more members than these are not tried when it is looked for what went wrong. */
const ORDERED_MAX = 5;

type Owners = readonly (string | undefined)[];
type Wrong = 'order' | 'gone' | 'others' | 'division' | 'free';

const isEqual = (a: Owners, b: Owners): boolean => a.length === b.length && a.every((owner, i) => owner === b[i]);

const shown = (owners: Owners): string => `[${owners.map((owner) => owner ?? '–').join(' ')}]`;

const currentOf = (rest: Rest): string[] => rest.members.filter(({ current }) => current).map(({ id }) => id);

const brokerOf = ({ facts }: GroupFacts): string => facts.topics.broker;

/** What the target of a topic has to be at a moment of rest; undefined where the rule leaves it open. */
function expectedAt(group: GroupFacts, rest: Rest, before: Rest | undefined, topic: TopicAtRest): Owners | undefined {
  const members = currentOf(rest);
  if (rest.strategy !== 'STICKY') return targetAt(rest, topic, members, brokerOf(group));
  // STICKY looks at the leases of the moment: after a single change they are those of the rest before it.
  if (rest.changes > 1) return undefined;
  const had = before?.topics.find((one) => one.topic === topic.topic)?.owners ?? [];
  const held = had.map((owner) => (owner !== undefined && members.includes(owner) ? owner : undefined));
  return targetAt(rest, topic, members, brokerOf(group), held);
}

/** With STICKY and several changes: as many for each as AVERAGELY gives, and nobody would have to move. */
function isSettled(group: GroupFacts, rest: Rest, topic: TopicAtRest): boolean {
  return isEqual(targetAt(rest, topic, currentOf(rest), brokerOf(group), topic.owners), topic.owners);
}

function* permutations(items: readonly string[]): Generator<string[]> {
  if (items.length <= 1) yield [...items];
  for (const [i, item] of items.entries())
    for (const rest of permutations(items.filter((_, other) => other !== i))) yield [item, ...rest];
}

/** Why the owners are not those of the target, so that one rule is blamed and not all of them. */
function wrongOf(group: GroupFacts, rest: Rest, topic: TopicAtRest, held: Owners): Wrong {
  const members = currentOf(rest);
  const broker = brokerOf(group);
  const fits = (of: TopicAtRest, order: readonly string[]): boolean => {
    const known = new Set(rest.members.map(({ id }) => id));
    const owners = targetAt(rest, of, order, broker, held).map((owner) =>
      owner !== undefined && known.has(owner) ? owner : undefined,
    );
    return isEqual(owners, topic.owners);
  };
  if (group.facts.topics.hasVanished(topic.topic, rest.atMs)) return 'others';
  const alone = { ...topic, queues: queuesOf(new Map([[broker, topic.own]])) };
  const backwards = { ...topic, queues: [...topic.queues].reverse() };
  if (topic.others.size > 0 && [alone, backwards].some((other) => fits(other, members))) return 'others';
  if (members.length <= ORDERED_MAX) for (const order of permutations(members)) if (fits(topic, order)) return 'order';
  const everybody = [...group.byMember.keys()].filter((id) => standingAt(group, id, rest.index) === 'gone');
  for (const gone of everybody.slice(0, ORDERED_MAX))
    if (members.length < ORDERED_MAX) for (const order of permutations([...members, gone])) if (fits(topic, order)) return 'gone';
  return topic.owners.includes(undefined) && members.length > 0 ? 'free' : 'division';
}

interface Judged {
  readonly rest: Rest;
  readonly topic: TopicAtRest;
  readonly expected: Owners | undefined;
  readonly wrong: Wrong | undefined;
}

const cache = new WeakMap<GroupFacts, readonly Judged[]>();

/** Every topic at every moment of rest, and what is wrong with it. */
export function judgedOf(group: GroupFacts): readonly Judged[] {
  const known = cache.get(group);
  if (known !== undefined) return known;
  const rests = restsOf(group);
  const judged = rests.flatMap((rest, i) =>
    rest.topics.map((topic): Judged => {
      const before = rests[i - 1];
      const expected = expectedAt(group, rest, before, topic);
      const held = before?.topics.find((one) => one.topic === topic.topic)?.owners ?? [];
      const isRight = expected === undefined ? isSettled(group, rest, topic) : isEqual(expected, topic.owners);
      return {
        rest,
        topic,
        expected,
        wrong: isRight ? undefined : wrongOf(group, rest, topic, expected === undefined ? topic.owners : held),
      };
    }),
  );
  cache.set(group, judged);
  return judged;
}

/** A clause about who owns what at rest. @param applies whether this topic puts it to the test. */
function ownersClause(id: string, blamed: readonly Wrong[], applies: (judged: Judged, group: GroupFacts) => boolean): Clause {
  return {
    id,
    roles: ROLES,
    check(view, judge) {
      for (const group of factsOf(view).groups.values())
        for (const judged of judgedOf(group)) if (applies(judged, group)) sayOwners(judge, judged, blamed);
    },
  };
}

function sayOwners(judge: Judge, { rest, topic, expected, wrong }: Judged, blamed: readonly Wrong[]): void {
  if (wrong === undefined) return judge.pass(rest.index);
  if (!blamed.includes(wrong)) return;
  const members = rest.members.map(({ id, label }) => (label === '' ? id : `${id} (${label})`)).join(', ');
  const wanted = expected === undefined ? 'a division that STICKY would leave as it is' : shown(expected);
  judge.fail(rest.index, `${topic.topic} among ${members}, ${rest.strategy}: expected ${wanted}, got ${shown(topic.owners)}`);
}

const divided = (id: string, strategy: Rest['strategy']): Clause =>
  ownersClause(id, ['division'], ({ rest, topic }) => rest.strategy === strategy && topic.own > 0 && rest.members.length > 0);

const everyBroker = ownersClause(
  'QNT-GRP-031',
  ['others'],
  ({ rest, topic }, { facts }) => topic.own > 0 && topic.others.size > 0 && !facts.topics.hasVanished(topic.topic, rest.atMs),
);

const vanished: Clause = {
  ...ownersClause(
    'QNT-GRP-032',
    ['others'],
    ({ rest, topic }, { facts }) => topic.own > 0 && facts.topics.hasVanished(topic.topic, rest.atMs),
  ),
  timing: 'virtual',
};

const ordered = ownersClause('QNT-GRP-033', ['order', 'gone'], ({ rest, wrong }) => {
  const members = rest.members.filter(({ current }) => current);
  return members.length > 1 || wrong === 'gone';
});

const idle: Clause = {
  id: 'QNT-GRP-035',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const rest of restsOf(group)) {
        const current = rest.members.filter((member) => member.current);
        const widest = Math.max(0, ...rest.topics.map(({ queues }) => queues.length));
        current.forEach(({ id, told }, index) => {
          const isIdle = index >= widest;
          judgeThat(
            judge,
            rest.index,
            told.idle === isIdle,
            () =>
              `${id} is number ${index + 1} of ${current.length} members and the topics have ${widest} queues at the most: expected idle ${isIdle}, got ${told.idle}`,
            'idle',
          );
        });
      }
    }
  },
};

const counts: Clause = {
  id: 'QNT-GRP-036',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      const rests = restsOf(group);
      for (const beat of group.beats) {
        // Nothing happens between a moment of rest and a heartbeat that is the next thing the kit does.
        const rest = rests.findLast(({ index, atMs }) => index < beat.at && beat.sentMs - atMs <= view.slackMs);
        const member = rest?.members.find(({ id }) => id === beat.member);
        if (rest === undefined || member === undefined || !beat.accepted || beat.subscription !== undefined) continue;
        if (member.label !== beat.label || standingAt(group, beat.member, beat.at) !== 'alive' || isDisturbed(group, rest, beat))
          continue;
        const told = beat.telling ?? toldUnder(group, beat);
        if (told === undefined) continue;
        const queues = rest.topics.reduce((sum, topic) => sum + topic.queues.length, 0);
        const members = rest.members.length;
        judgeThat(
          judge,
          beat.exchange.response ?? beat.at,
          told.members === members,
          () => `${members} members are alive here, and generation ${told.generation} says ${told.members}`,
          'members',
        );
        judgeThat(
          judge,
          beat.exchange.response ?? beat.at,
          told.queues === queues,
          () => `the topics have ${queues} queues over all brokers, and generation ${told.generation} says ${told.queues}`,
          'queues',
        );
      }
    }
  },
};

/** What the member was told under the generation that its heartbeat names. */
const toldUnder = (group: GroupFacts, beat: Beat): Telling | undefined =>
  group.tellings.findLast(
    ({ member, life, generation, frame }) =>
      member === beat.member && life === beat.life && generation === beat.exchange.header.generation && frame.index < beat.at,
  );

const isDisturbed = (group: GroupFacts, rest: Rest, beat: Beat): boolean =>
  changesOf(group).some(
    ({ at, fromMs, toMs }) => at !== beat.at && fromMs <= group.facts.msAt(beat.answeredAt) && toMs >= rest.atMs,
  );

const delay: Clause = {
  id: 'QNT-GRP-034',
  roles: ROLES,
  check(view, judge) {
    const facts = factsOf(view);
    if (!facts.timed) return;
    for (const group of facts.groups.values()) {
      checkFirst(group, judge);
      for (const beat of group.beats) checkJoin(group, beat, judge);
    }
  },
};

/** The first member of a new group gets its queues at once. */
function checkFirst(group: GroupFacts, judge: Judge): void {
  const { facts, beats } = group;
  const [beat] = beats;
  if (beat === undefined || !beat.accepted || beat.subscription?.kind !== 0) return;
  const own = beat.subscription.topics.map(({ topic }: { topic: string }) => facts.topics.queuesAt(topic, beat.at));
  const others = beat.subscription.topics.map(({ topic }: { topic: string }) => facts.topics.othersAt(topic, beat.sentMs)?.size);
  if (own.some((queues: number | undefined) => queues === undefined) || others.some((size: number | undefined) => size !== 0))
    return;
  const queues = own.reduce((sum: number, one: number) => sum + one, 0);
  const dueMs = beat.answeredMs + facts.view.slackMs;
  if (queues === 0 || !reaches(group, beat, beat.sentMs, dueMs)) return;
  const granted = new Set(
    group.tellings
      .filter(({ member, frame }) => member === beat.member && frame.atMs <= dueMs)
      .flatMap(({ leases }) => leases.map(queueName)),
  );
  judgeThat(
    judge,
    beat.exchange.response ?? beat.at,
    granted.size === queues,
    () =>
      `the first member of a group should get its ${queues} queues at once, and had ${granted.size} of them after ${facts.view.slackMs} ms`,
  );
}

/** The kit listened on the member's connection until then, and did nothing more to the group. */
function reaches(group: GroupFacts, beat: Beat, sinceMs: number, untilMs: number): boolean {
  const { facts } = group;
  const { connection } = beat.exchange;
  const life = facts.lifeAt(beat.at);
  if (facts.view.endMs <= untilMs || life.toMs <= untilMs || facts.msAt(life.stopping) <= untilMs) return false;
  if ((connection.closed?.atMs ?? NEVER) <= untilMs || facts.deaf.has(connection.number)) return false;
  return !changesOf(group).some(({ at, fromMs, toMs }) => at !== beat.at && fromMs <= untilMs && toMs >= sinceMs);
}

/** A member joins a group at rest: the others are told REBALANCE_DELAY_MS later. */
function checkJoin(group: GroupFacts, beat: Beat, judge: Judge): void {
  const { facts } = group;
  const rest = restsOf(group).findLast(({ index, atMs }) => index < beat.at && beat.sentMs - atMs <= facts.view.slackMs);
  if (rest === undefined || !beat.accepted || beat.subscription === undefined || rest.strategy === 'STICKY') return;
  if (rest.members.length === 0 || standingAt(group, beat.member, beat.at) !== 'gone') return;
  const { rebalanceDelayMs } = facts.settings;
  const { slackMs } = facts.view;
  const dueMs = beat.answeredMs + rebalanceDelayMs + slackMs;
  if (!reaches(group, beat, rest.atMs, dueMs) || !moves(group, rest, beat, dueMs)) return;
  const pushes = group.tellings.filter(({ pushed, frame, member }) => pushed && frame.index > beat.at && member !== beat.member);
  const [first] = pushes;
  const at = first?.frame ?? beat.at;
  if (first === undefined || first.frame.atMs > dueMs)
    judge.fail(
      at,
      `a new target should come ${rebalanceDelayMs} ms after ${beat.member} has joined, and was not told within ${Math.round(dueMs - beat.sentMs)} ms`,
    );
  else
    judgeThat(
      judge,
      at,
      first.frame.atMs >= beat.sentMs + rebalanceDelayMs,
      () =>
        `a new target should come ${rebalanceDelayMs} ms after ${beat.member} has joined, and was told after ${Math.round(first.frame.atMs - beat.sentMs)} ms`,
    );
}

/** Somebody who can hear it has to give a queue away for the new member. */
function moves(group: GroupFacts, rest: Rest, beat: Beat, untilMs: number): boolean {
  const hears = new Set(
    rest.members.filter((one) => (one.beat.exchange.connection.closed?.atMs ?? NEVER) > untilMs).map(({ id }) => id),
  );
  const ids = rest.members.filter(({ current }) => current).map(({ id, label }) => ({ id, label }));
  const sorted = [...ids, { id: beat.member, label: beat.label }].sort((a, b) =>
    a.label === b.label ? (a.id < b.id ? -1 : 1) : a.label < b.label ? -1 : 1,
  );
  const members = sorted.map(({ id }) => id);
  return rest.topics.some((topic) => {
    const next = targetAt(rest, topic, members, brokerOf(group));
    return topic.owners.some((owner, queue) => owner !== undefined && hears.has(owner) && owner !== next[queue]);
  });
}

/** Queues that nobody has while the target names somebody: for the clause of the table. */
export const strandedOf = (group: GroupFacts): Judged[] => judgedOf(group).filter(({ wrong }) => wrong === 'free');

export const TARGET_CLAUSES: readonly Clause[] = [
  divided('QNT-GRP-030', 'AVERAGELY'),
  divided('QNT-GRP-056', 'CIRCLE'),
  divided('QNT-GRP-057', 'STICKY'),
  everyBroker,
  vanished,
  ordered,
  delay,
  idle,
  counts,
];
