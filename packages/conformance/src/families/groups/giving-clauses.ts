import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Header } from '../../history/view.ts';
import { factsOf, type GroupFacts } from './facts.ts';
import { codeOfGiven, deathsOf, firstTold, type LeaseSeen, leaseName, leasesOf, mayHaveEnded } from './leases.ts';
import { standingAt } from './standing.ts';
import { codeOf, excused, type Give, hasLease, isName, NEVER, queueName } from './told.ts';

const ROLES = ['broker'] as const;
/** Beyond every high watermark that a kit can make. */
const BEYOND = 1_000_000_000;
const LEASE_FENCED = codeOf('LEASE_FENCED');

type Item = Give['offsets'][number];

/** Items of queues that are there, each named once. */
const itemsOf = ({ facts }: GroupFacts, give: Give): Item[] =>
  give.offsets.filter(({ topic, queue }) => {
    const queues = facts.topics.queuesAt(topic, give.at);
    const isThere = queues !== undefined && queue < queues && facts.topics.queuesAt(topic, give.answeredAt) === queues;
    return isThere && give.offsets.filter((one) => one.topic === topic && one.queue === queue).length === 1;
  });

/** The lease that an item names, if its member was told of it. */
const leaseOf = (group: GroupFacts, { topic, queue, leaseEpoch }: Item): LeaseSeen | undefined =>
  leasesOf(group).find((one) => one.topic === topic && one.queue === queue && one.epoch === leaseEpoch);

const isHolder = (group: GroupFacts, give: Give, item: Item): LeaseSeen | undefined => {
  const lease = leaseOf(group, item);
  if (lease === undefined || lease.member !== give.member || firstTold(lease).frame.index > give.at) return undefined;
  return firstTold(lease).life === give.life && !mayHaveEnded(lease, give.at) ? lease : undefined;
};

/** Whether the group is surely there at a place. */
const isMade = (group: GroupFacts, index: number): boolean =>
  group.beats.some((beat) => beat.accepted && beat.subscription !== undefined && beat.answeredAt < index);

const isAssigned = (group: GroupFacts, index: number): boolean => group.records.at(index)?.subscription.kind === 0;

/** Whether nothing can have made the group before a place. */
const isUnmade = (group: GroupFacts, index: number): boolean =>
  !group.beats.some((beat) => beat.at < index && beat.subscription !== undefined) &&
  !group.uses.some((use) => use.at < index && use.kind === 'OFFSET_COMMIT');

const stored: Clause = {
  id: 'QNT-GRP-041',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const give of group.gives) {
        if (!give.done) continue;
        const items = itemsOf(group, give).filter(
          (item) => codeOfGiven(give, item) === 0 && leaseOf(group, item)?.member === give.member,
        );
        for (const item of items) checkEnded(group, give, item, judge);
        for (const fetch of group.fetches) checkOffsets(group, give, items, fetch, judge);
      }
    }
  },
};

/** In the next life of the broker the lease is not there. */
function checkEnded(group: GroupFacts, give: Give, item: Item, judge: Judge): void {
  const after = group.tellings.find(({ life, member }) => life === give.life + 1 && member === give.member);
  if (after === undefined) return;
  const back = hasLease(after, item.topic, item.queue, item.leaseEpoch);
  judgeThat(
    judge,
    after.frame,
    back === undefined,
    () =>
      `${give.kind} of ${queueName(item)} with epoch ${item.leaseEpoch} was answered, and after a restart the lease is there again`,
    'leases',
  );
}

/** Every later OFFSET_FETCH tells the offset, or a later one. */
function checkOffsets(
  group: GroupFacts,
  give: Give,
  items: readonly Item[],
  fetch: GroupFacts['fetches'][number],
  judge: Judge,
): void {
  const { request, response, answer, code } = fetch;
  if (response === undefined || code !== undefined || request.index < give.answeredAt) return;
  if (group.resets.some((reset) => reset.request.index < response.index && (reset.response?.index ?? NEVER) > give.at)) return;
  if (group.facts.view.requests('TOPIC_REMOVE', 'kit').some((one) => one.request.index < response.index)) return;
  for (const item of items) {
    const told = answer.offsets.find((one: Header) => one.topic === item.topic && one.queue === item.queue);
    if (told === undefined || told.code !== 0) continue;
    judgeThat(
      judge,
      response,
      told.committed && told.offset >= item.offset,
      () =>
        `${give.kind} with offset ${item.offset} of ${queueName(item)} was answered: expected it to be stored, and OFFSET_FETCH says ${told.committed ? told.offset : 'none'}`,
      'offsets.offset',
    );
  }
}

const refusedOffset: Clause = {
  id: 'QNT-GRP-042',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const give of group.gives) {
        if (!give.done) continue;
        for (const item of itemsOf(group, give)) {
          const lease = item.offset >= BEYOND ? isHolder(group, give, item) : undefined;
          if (lease === undefined) continue;
          const code = codeOfGiven(give, item);
          judgeThat(
            judge,
            give.exchange.response ?? give.at,
            code === codeOf('OFFSET_OUT_OF_RANGE'),
            () =>
              `the final offset ${item.offset} of ${queueName(item)} is out of range: expected OFFSET_OUT_OF_RANGE in the answer, got code ${code}`,
            'results.code',
          );
          checkOver(group, give, lease, judge);
        }
      }
    }
  },
};

/** The lease ended none the less: its next use is fenced, the next assignment is without it. */
function checkOver(group: GroupFacts, give: Give, lease: LeaseSeen, judge: Judge): void {
  const next = group.tellings.find(
    (one) => one.member === lease.member && one.life === give.life && one.frame.index > give.answeredAt && !one.pushed,
  );
  if (next !== undefined && hasLease(next, lease.topic, lease.queue, lease.epoch) !== undefined)
    judge.fail(
      next.frame,
      `${leaseName(lease)} was given back with an offset that was refused: it has to end, and is still told`,
      'leases',
    );
  const use = group.uses.find(
    (one) => one.epoch === lease.epoch && one.topic === lease.topic && one.queue === lease.queue && one.at > give.answeredAt,
  );
  if (use?.code !== undefined)
    judgeThat(
      judge,
      use.exchange.response ?? use.at,
      use.code !== 0,
      () => `${leaseName(lease)} was given back with an offset that was refused: it has to end, and ${use.kind} is served`,
      'results.code',
    );
}

const fencedRelease: Clause = {
  id: 'QNT-GRP-043',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const give of group.gives) {
        if (give.kind !== 'RELEASE' || !give.done || !isAssigned(group, give.at)) continue;
        for (const item of itemsOf(group, give)) {
          const code = codeOfGiven(give, item);
          const name = `${queueName(item)} with epoch ${item.leaseEpoch} by ${give.member}`;
          if (isForeign(group, give, item))
            judgeThat(
              judge,
              give.exchange.response ?? give.at,
              code === LEASE_FENCED,
              () => `RELEASE of ${name} names no present lease of it: expected LEASE_FENCED, got code ${code}`,
              'results.code',
            );
          else if (isHolder(group, give, item) !== undefined && standingAt(group, give.member, give.answeredAt - 1) === 'alive')
            judgeThat(
              judge,
              give.exchange.response ?? give.at,
              code !== LEASE_FENCED,
              () => `RELEASE of ${name} names its present lease, and was answered LEASE_FENCED`,
              'results.code',
            );
        }
      }
    }
  },
};

/** The epoch was never told to anybody, or to another member, or is dead. */
function isForeign(group: GroupFacts, give: Give, item: Item): boolean {
  const lease = leaseOf(group, item);
  // An epoch that is told later may have been granted already.
  if (lease === undefined) return item.leaseEpoch === 0 || isInvented(group, item);
  return lease.member !== give.member || deathsOf(lease).some(({ at }) => at < give.at);
}

/** Higher than every epoch so far by more than a broker can have drawn meanwhile. */
const isInvented = (group: GroupFacts, { leaseEpoch }: Item): boolean =>
  leasesOf(group).every(({ epoch }) => leaseEpoch > epoch + BEYOND || leaseEpoch < epoch) && leasesOf(group).length > 0;

const leftAll: Clause = {
  id: 'QNT-GRP-044',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const leave of group.gives) {
        if (leave.kind !== 'LEAVE' || !leave.done) continue;
        const held = leasesOf(group).filter(
          (lease) =>
            lease.member === leave.member && firstTold(lease).frame.index < leave.at && firstTold(lease).life === leave.life,
        );
        for (const lease of held) checkLeft(group, leave, lease, judge);
      }
    }
  },
};

/** Behind a LEAVE its leases are dead, are not described, and never told again. */
function checkLeft(group: GroupFacts, leave: Give, lease: LeaseSeen, judge: Judge): void {
  const { topic, queue, epoch } = lease;
  const what = `${leaseName(lease)} has to end with LEAVE`;
  for (const use of group.uses) {
    if (use.at < leave.answeredAt || use.epoch !== epoch || use.topic !== topic || use.queue !== queue || use.code === undefined)
      continue;
    judgeThat(
      judge,
      use.exchange.response ?? use.at,
      use.code !== 0,
      () => `${what}, and ${use.kind} is served under it`,
      'results.code',
    );
  }
  for (const { request, response, code, answer } of group.describes) {
    if (response === undefined || code !== undefined || request.index < leave.answeredAt) continue;
    const shown = answer.queues.find((one: Header) => one.topic === topic && one.queue === queue);
    if (shown !== undefined)
      judgeThat(judge, response, shown.epoch !== epoch, () => `${what}, and is described as its member's`, 'queues.epoch');
  }
}

const unknownGroup: Clause = {
  id: 'QNT-GRP-045',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { exchange, kind, answeredAt } of group.gives) {
        const { response, code } = exchange;
        if (response === undefined || excused(code) || !isUnmade(group, answeredAt) || !isName(group.name)) continue;
        judgeThat(
          judge,
          response,
          code === 'GROUP_NOT_FOUND',
          () => `${kind} to a group that nobody has made: expected GROUP_NOT_FOUND, got ${code ?? 'no error'}`,
          'code',
        );
      }
    }
  },
};

const unknownGiver: Clause = {
  id: 'QNT-GRP-052',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const give of group.gives) {
        const { response, code } = give.exchange;
        if (response === undefined || excused(code) || !isMade(group, give.at) || !isAssigned(group, give.at)) continue;
        if (
          standingAt(group, give.member, give.at) !== 'gone' ||
          group.beatsOf(give.member).some(({ at, answeredAt }) => at < give.answeredAt && answeredAt > give.at)
        )
          continue;
        if (code !== undefined) {
          judge.fail(
            response,
            `${give.kind} of a member that is not known: expected an answer without ERROR, got ${code}`,
            'code',
          );
          continue;
        }
        const wrong = itemsOf(group, give).find((item) => codeOfGiven(give, item) !== LEASE_FENCED);
        judgeThat(
          judge,
          response,
          wrong === undefined,
          () =>
            `${give.kind} of a member that is not known: expected LEASE_FENCED for ${wrong === undefined ? '' : queueName(wrong)}, got code ${wrong === undefined ? 0 : codeOfGiven(give, wrong)}`,
          'results.code',
        );
      }
    }
  },
};

export const GIVING_CLAUSES: readonly Clause[] = [stored, refusedOffset, fencedRelease, leftAll, unknownGroup, unknownGiver];
