import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Header } from '../../history/view.ts';
import { factsOf, type GroupFacts } from './facts.ts';
import {
  deathsOf,
  FENCED,
  firstTold,
  goneTold,
  grantedAfter,
  type LeaseSeen,
  leaseName,
  leasesOf,
  MISSING,
  mayHaveEnded,
  releasingTold,
  stayedAlive,
  wasGiven,
} from './leases.ts';
import { isHearing, lastTold, restsOf } from './rest.ts';
import { standingAt } from './standing.ts';
import { strandedOf } from './target-clauses.ts';
import { type Beat, hasLease, NEVER, queueName, type Telling } from './told.ts';

const ROLES = ['broker'] as const;

/** The connection on which a member hears, at a place. */
const hearingBeat = (group: GroupFacts, member: string, index: number): Beat | undefined => {
  const beat = group
    .beatsOf(member)
    .filter((one) => one.answeredAt < index && one.accepted)
    .at(-1);
  return beat !== undefined && isHearing(group, beat, index) ? beat : undefined;
};

/** The first place behind a time; undefined when the history ends before, or the broker did. */
function placeBehind({ facts }: GroupFacts, from: number, ms: number): number | undefined {
  const life = facts.lifeAt(from);
  const place = facts.view.events.findIndex(({ atMs }, index) => index > from && atMs > ms);
  return place < 0 || place > life.to || place > life.stopping || !facts.timed ? undefined : place;
}

/** Whether a member that hears all was told something by then: what others show has to be told to it at once. */
function checkTold(
  group: GroupFacts,
  member: string,
  from: number,
  judge: Judge,
  what: string,
  isTold: (telling: Telling) => boolean,
): void {
  const { facts } = group;
  const due = placeBehind(group, from, facts.msAt(from) + facts.view.slackMs);
  if (due === undefined || standingAt(group, member, due) !== 'alive') return;
  const beat = hearingBeat(group, member, due);
  // A heartbeat that is under way may be answered instead.
  const isSettled =
    beat !== undefined && beat.answeredAt < from && !group.beatsOf(member).some(({ at }) => at > beat.at && at < due);
  if (!isSettled || !stayedAlive(group, member, beat.answeredAt, due)) return;
  const told = group.tellings.find((one) => one.member === member && one.frame.index < due && isTold(one));
  judgeThat(
    judge,
    told?.frame ?? from,
    told !== undefined,
    () => `${member} has to be told at once ${what}, and was not within ${facts.view.slackMs} ms`,
  );
}

const toldAtOnce: Clause = {
  id: 'QNT-GRP-020',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const lease of leasesOf(group)) checkEndTold(group, lease, judge);
      for (const { response, code, answer } of group.describes) {
        if (response === undefined || code !== undefined) continue;
        for (const queue of answer.queues) if (queue.member !== '') checkDescribed(group, queue, response.index, judge);
        for (const { member, idle } of answer.members)
          if (idle) checkTold(group, member, response.index, judge, 'that it is idle', (telling) => telling.idle);
      }
    }
  },
};

/** Somebody else has the queue: its former member was told that it has not. */
function checkEndTold(group: GroupFacts, next: LeaseSeen, judge: Judge): void {
  const { topic, queue, epoch } = next;
  const { frame, life } = firstTold(next);
  const former = leasesOf(group).findLast((one) => one.topic === topic && one.queue === queue && one.epoch < epoch);
  if (former === undefined || former.member === next.member || firstTold(former).life !== life) return;
  const last = former.told.at(-1) as Telling;
  checkTold(
    group,
    former.member,
    frame.index,
    judge,
    `that its lease of ${queueName(former)} has ended`,
    (one) => one.generation > last.generation && !hasLease(one, topic, queue, former.epoch),
  );
}

/** What GROUP_DESCRIBE shows of a lease, its member has been told. */
function checkDescribed(group: GroupFacts, shown: Header, from: number, judge: Judge): void {
  const { topic, queue, member, epoch, state } = shown;
  const releasing = state === 1;
  const what = `of ${queueName(shown)} with epoch ${epoch}${releasing ? ', RELEASING' : ''}`;
  checkTold(group, member, from, judge, what, (telling) => {
    const lease = hasLease(telling, topic, queue, epoch);
    return lease !== undefined && (!releasing || lease.releasing);
  });
}

const table: Clause = {
  id: 'QNT-GRP-037',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const lease of leasesOf(group)) {
        checkStates(lease, judge);
        checkEnd(group, lease, judge);
        checkOverdue(group, lease, judge);
      }
      for (const { rest, topic } of strandedOf(group)) {
        const queue = topic.owners.indexOf(undefined);
        judge.fail(
          rest.index,
          `${topic.topic}/${queue} is free while ${rest.members.length} members are alive: it has to be granted`,
        );
      }
      for (const { index, topics } of restsOf(group))
        if (topics.some(({ owners }) => owners.length > 0 && !owners.includes(undefined))) judge.pass(index);
    }
  },
};

/** A lease keeps its start, and never turns back. */
function checkStates(lease: LeaseSeen, judge: Judge): void {
  const { topic, queue, epoch } = lease;
  const [first, ...later] = lease.told;
  let before = first as Telling;
  for (const telling of later.filter(({ life }) => life === before.life)) {
    const was = hasLease(before, topic, queue, epoch);
    const is = hasLease(telling, topic, queue, epoch);
    if (telling.generation < before.generation || was === undefined || is === undefined) continue;
    if (was.start !== is.start)
      judge.fail(telling.frame, `${leaseName(lease)} began at ${was.start} and now at ${is.start}`, 'leases.start_offset');
    else if (was.releasing && !is.releasing)
      judge.fail(telling.frame, `${leaseName(lease)} was RELEASING and is HELD again: expected a new lease`, 'leases.state');
    else if (is.releasing && !was.releasing) judge.pass(telling.frame);
    before = telling;
  }
}

/** A lease that was held ends by RELEASE, LEAVE, reset, the end of its member, or after RELEASE_MS of RELEASING. */
function checkEnd(group: GroupFacts, lease: LeaseSeen, judge: Judge): void {
  const gone = goneTold(lease, firstTold(lease).life);
  if (gone === undefined) return;
  if (mayHaveEnded(lease, gone.frame.index)) return judge.pass(gone.frame);
  const state = releasingTold(lease) === undefined ? 'HELD' : 'RELEASING';
  const { releaseMs } = group.facts.settings;
  judge.fail(
    gone.frame,
    `${leaseName(lease)} was ${state} and has ended without RELEASE, LEAVE, reset, the end of its member, or ${releaseMs} ms of RELEASING`,
    'leases',
  );
}

/** RELEASE_MS after RELEASING the lease is taken. */
function checkOverdue(group: GroupFacts, lease: LeaseSeen, judge: Judge): void {
  const { facts } = group;
  const releasing = releasingTold(lease);
  if (releasing === undefined || !releasing.pushed) return;
  const due = placeBehind(group, releasing.frame.index, releasing.frame.atMs + facts.settings.releaseMs + facts.view.slackMs);
  if (due === undefined || wasGiven(lease, due)) return;
  const { member, topic, queue, epoch } = lease;
  if (hearingBeat(group, member, due) === undefined || !stayedAlive(group, member, releasing.frame.index, due)) return;
  const last = lastTold(group, member, due);
  const isTaken = last !== undefined && hasLease(last, topic, queue, epoch) === undefined;
  judgeThat(
    judge,
    last?.frame ?? due,
    isTaken,
    () => `${leaseName(lease)} was RELEASING for ${facts.settings.releaseMs} ms and was not given back: it has to be taken`,
    'leases',
  );
}

const oneHolder: Clause = {
  id: 'QNT-GRP-038',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const next of leasesOf(group)) {
        const { topic, queue, epoch } = next;
        const former = leasesOf(group).findLast((one) => one.topic === topic && one.queue === queue && one.epoch < epoch);
        const { frame, life } = firstTold(next);
        if (former === undefined || firstTold(former).life !== life) continue;
        judgeThat(
          judge,
          frame,
          mayHaveEnded(former, frame.index),
          () => `${leaseName(next)} was granted while ${leaseName(former)} had not ended`,
          'leases',
        );
      }
      for (const lease of leasesOf(group)) checkUses(group, lease, judge, (how) => how === 'superseded');
      checkStored(group, judge);
    }
  },
};

/** What was told of a lease a moment before the end is there after it: it was stored before it was told. */
function checkStored(group: GroupFacts, judge: Judge): void {
  const { facts } = group;
  for (const lease of leasesOf(group)) {
    const first = firstTold(lease);
    const life = facts.lives[first.life];
    if (life?.end !== 'killed' || life.toMs - first.frame.atMs > facts.view.slackMs) continue;
    const back = cameBack(lease, first.life);
    if (back !== undefined)
      judgeThat(
        judge,
        back.frame,
        isIn(back, lease),
        () =>
          `${leaseName(lease)} was told before the broker was killed, and is not there after it: a lease has to be stored before it is told`,
        'leases',
      );
  }
}

const isIn = (telling: Telling, { topic, queue, epoch }: LeaseSeen): boolean =>
  hasLease(telling, topic, queue, epoch) !== undefined;

/**
 * What the member of a lease that was held at the end of one life of the broker was told first in the next, when it came back in
 * time; undefined when the lease may have ended, or is to.
 */
export function cameBack(lease: LeaseSeen, number: number): Telling | undefined {
  const { group, member } = lease;
  const { facts } = group;
  const [life, next] = [facts.lives[number], facts.lives[number + 1]];
  if (life === undefined || next === undefined || !facts.timed) return undefined;
  const end = Math.min(life.to, life.stopping);
  const last = lastTold(group, member, end);
  if (last === undefined || !isIn(last, lease) || mayHaveEndedBy(lease, end)) return undefined;
  const beat = group.beatsOf(member).find((one) => one.life === next.number && one.accepted);
  const inTime = beat !== undefined && beat.answeredMs < next.bornMs + facts.settings.sessionMs;
  return inTime && !wasGiven(lease, beat.answeredAt) ? beat.telling : undefined;
}

/** As `mayHaveEnded`, for a lease that may be of an earlier life. */
function mayHaveEndedBy(lease: LeaseSeen, end: number): boolean {
  const { group, member } = lease;
  const last = lease.told.filter(({ frame }) => frame.index < end).at(-1) as Telling;
  if (last.life === firstTold(lease).life) return mayHaveEnded(lease, end);
  if (wasGiven(lease, end) || releasingTold(lease) !== undefined) return true;
  return !stayedAlive(group, member, last.frame.index, end) || group.records.at(end) === undefined;
}

const dead: Clause = {
  id: 'QNT-GRP-039',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values())
      for (const lease of leasesOf(group)) checkUses(group, lease, judge, (how) => how !== 'superseded');
  },
};

/** Every PULL and OFFSET_COMMIT with a dead epoch is fenced. */
function checkUses(group: GroupFacts, lease: LeaseSeen, judge: Judge, isOf: (how: string) => boolean): void {
  const deaths = deathsOf(lease);
  for (const use of group.uses) {
    const { topic, queue, epoch, code, exchange } = use;
    if (topic !== lease.topic || queue !== lease.queue || epoch !== lease.epoch || code === undefined) continue;
    const before = deaths.filter(({ at }) => at < use.at).map(({ how }) => how);
    // Whoever knew it dead itself is the affair of the rule about the dead, not of that about two holders.
    const own = before.some((how) => how !== 'superseded');
    if (before.length === 0 || !before.some(isOf) || (own && !isOf('told')) || MISSING.includes(code)) continue;
    judgeThat(
      judge,
      exchange.response ?? use.at,
      FENCED.includes(code),
      () => `${leaseName(lease)} is dead: expected LEASE_FENCED for ${use.kind}, got code ${code}`,
      'results.code',
    );
  }
}

const epochs: Clause = {
  id: 'QNT-GRP-040',
  roles: ROLES,
  check(view, judge) {
    const leases = [...factsOf(view).groups.values()]
      .flatMap(leasesOf)
      .sort((a, b) => firstTold(a).frame.index - firstTold(b).frame.index);
    const seen = new Map<number, LeaseSeen>();
    for (const lease of leases) {
      const stranger = lease.strangers[0];
      const same = seen.get(lease.epoch);
      seen.set(lease.epoch, lease);
      if (stranger !== undefined)
        judge.fail(stranger.frame, `${leaseName(lease)} was told to ${stranger.member} as well`, 'leases.epoch');
      else if (same !== undefined)
        judge.fail(firstTold(lease).frame, `${leaseName(same)} and ${leaseName(lease)} have the same epoch`, 'leases.epoch');
      else checkHigher(leases, lease, judge);
    }
  },
};

/** Higher than that of every lease that was told before this one can have been granted. */
function checkHigher(leases: readonly LeaseSeen[], lease: LeaseSeen, judge: Judge): void {
  const since = grantedAfter(lease);
  if (since === NEVER) return;
  let earlier: LeaseSeen | undefined;
  for (const one of leases) if (firstTold(one).frame.index < since && one.epoch > (earlier?.epoch ?? -1)) earlier = one;
  if (earlier !== undefined)
    judgeThat(
      judge,
      firstTold(lease).frame,
      lease.epoch > earlier.epoch,
      () => `${leaseName(lease)} is later than ${leaseName(earlier)}: expected a higher epoch`,
      'leases.epoch',
    );
}

export const LEASE_CLAUSES: readonly Clause[] = [toldAtOnce, table, oneHolder, dead, epochs];
