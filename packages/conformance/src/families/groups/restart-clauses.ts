import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Header } from '../../history/view.ts';
import { factsOf, type GroupFacts, type Life } from './facts.ts';
import { cameBack } from './lease-clauses.ts';
import { firstTold, type LeaseSeen, leaseName, leasesOf, wasGiven } from './leases.ts';
import { hasLease, queueName, type Telling } from './told.ts';

const ROLES = ['broker'] as const;

/** Leases that have to be there in the next life of the broker, and what their members were told in it first. */
function* restored(group: GroupFacts, end: Life['end']): Generator<{ lease: LeaseSeen; back: Telling; next: Life }> {
  const { facts } = group;
  for (const life of facts.lives) {
    const next = facts.lives[life.number + 1];
    if (life.end !== end || next === undefined) continue;
    for (const lease of leasesOf(group)) {
      const back = lease.told.some((one) => one.life === life.number) ? cameBack(lease, life.number) : undefined;
      if (back !== undefined) yield { lease, back, next };
    }
  }
}

/** Told a moment before the kill: whether it was stored is the affair of another rule. */
const isFresh = (lease: LeaseSeen): boolean => {
  const { facts } = lease.group;
  const first = firstTold(lease);
  return (facts.lives[first.life]?.toMs ?? 0) - first.frame.atMs <= facts.view.slackMs;
};

const isBack = (telling: Telling, { topic, queue, epoch }: LeaseSeen) => hasLease(telling, topic, queue, epoch);

const restoredLeases: Clause = {
  id: 'QNT-GRP-046',
  roles: ROLES,
  needs: ['kill'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const group of facts.groups.values()) {
      for (const { lease, back } of restored(group, 'killed')) {
        if (isFresh(lease)) continue;
        judgeThat(
          judge,
          back.frame,
          isBack(back, lease) !== undefined,
          () =>
            `${leaseName(lease)} was held before the restart and its member came back in time: expected it in the assignment, and it is not there`,
          'leases',
        );
      }
      for (const lease of leasesOf(group)) checkGivenAway(group, lease, judge);
    }
  },
};

/** Nobody else gets a restored queue before its member had the time to come back. */
function checkGivenAway(group: GroupFacts, lease: LeaseSeen, judge: Parameters<Clause['check']>[1]): void {
  const { facts } = group;
  const { topic, queue, epoch } = lease;
  const next = leasesOf(group).find(
    (one) => one.topic === topic && one.queue === queue && one.epoch > epoch && firstTold(one).life === firstTold(lease).life + 1,
  );
  const life = facts.lives[firstTold(lease).life + 1];
  if (next === undefined || next.member === lease.member || life === undefined || cameBackNever(lease, life) === undefined)
    return;
  const { frame } = firstTold(next);
  if (wasGiven(lease, frame.index) || !facts.timed) return;
  judgeThat(
    judge,
    frame,
    frame.atMs >= life.bornMs + facts.settings.sessionMs,
    () =>
      `${leaseName(lease)} was restored: its member has ${facts.settings.sessionMs} ms to come back, and ${next.member} got the queue after ${Math.round(frame.atMs - life.bornMs)} ms`,
    'leases',
  );
}

/** The lease was held when the broker died, and its member did not come back: then its life, else undefined. */
function cameBackNever(lease: LeaseSeen, life: Life): Life | undefined {
  const { group, member } = lease;
  const isHeard = group.beatsOf(member).some((beat) => beat.life === life.number);
  return isHeard || isFresh(lease) || !heldAtEnd(lease) ? undefined : life;
}

/** By the last that its member was told it was held, and nothing can have ended it. */
function heldAtEnd(lease: LeaseSeen): boolean {
  const { group, member } = lease;
  const { facts } = group;
  const first = firstTold(lease);
  const life = facts.lives[first.life];
  const last = group.tellings.filter((one) => one.member === member && one.life === first.life).at(-1);
  const is = last === undefined ? undefined : isBack(last, lease);
  if (life === undefined || is === undefined || is.releasing || wasGiven(lease, life.to)) return false;
  const heard = group
    .beatsOf(member)
    .filter((beat) => beat.life === first.life && beat.accepted)
    .at(-1);
  return (
    heard !== undefined &&
    life.toMs < heard.sentMs + heard.sessionMs &&
    heard.exchange.connection.closedIndex >= Math.min(life.to, life.stopping)
  );
}

const unmoved: Clause = {
  id: 'QNT-GRP-047',
  roles: ROLES,
  check(view, judge) {
    const facts = factsOf(view);
    for (const group of facts.groups.values()) {
      for (const lease of leasesOf(group)) {
        for (const telling of lease.told) {
          const life = facts.lives[telling.life];
          if (life === undefined || telling.life === 0 || firstTold(lease).life >= telling.life || !facts.timed) continue;
          if (telling.frame.atMs >= life.bornMs + facts.settings.sessionMs || isReplaced(group, life.from, telling.frame.index))
            continue;
          const is = isBack(telling, lease);
          judgeThat(
            judge,
            telling.frame,
            is?.releasing === false,
            () =>
              `${leaseName(lease)} was restored less than ${facts.settings.sessionMs} ms ago and must not be taken because the target names another, and is RELEASING`,
            'leases.state',
          );
        }
      }
    }
  },
};

/** With another record the members with the old one have to release. */
const isReplaced = (group: GroupFacts, from: number, to: number): boolean => group.records.at(from) !== group.records.at(to);

const unheard: Clause = {
  id: 'QNT-GRP-048',
  roles: ROLES,
  check(view, judge) {
    const facts = factsOf(view);
    for (const group of facts.groups.values()) {
      for (const describe of group.describes) {
        const { response, answer, code } = describe;
        const life = response === undefined ? undefined : facts.lifeAt(response.index);
        if (response === undefined || code !== undefined || life === undefined || life.number === 0) continue;
        for (const queue of answer.queues) {
          const before = holderBefore(group, life, queue, describe.request.index);
          // In this life of the broker the queue was nobody's, or somebody's who is heard of.
          if (before === undefined || before === queue.member) continue;
          const isHeard =
            queue.member === '' ||
            group.beatsOf(queue.member).some((beat) => beat.life === life.number && beat.at < response.index);
          judgeThat(
            judge,
            response,
            isHeard,
            () => `${queueName(queue)} was granted to ${queue.member}, who was not heard of since the restart`,
            'queues.member',
          );
        }
      }
    }
  },
};

/** Who had a queue in this life of the broker, told or described before a place: '' for nobody, undefined for not known. */
function holderBefore(group: GroupFacts, life: Life, { topic, queue }: Header, index: number): string | undefined {
  const { facts } = group;
  const made = facts.topics.queuesAt(topic, life.from);
  if (made !== undefined && queue >= made) return '';
  const told = leasesOf(group).filter(
    (one) =>
      one.topic === topic && one.queue === queue && one.told.some((at) => at.life === life.number && at.frame.index < index),
  );
  const described = group.describes
    .filter(
      ({ response, code }) =>
        response !== undefined && code === undefined && response.index < index && response.index > life.from,
    )
    .flatMap(({ answer }) => answer.queues.filter((one: Header) => one.topic === topic && one.queue === queue))
    .at(-1);
  return told.at(-1)?.member ?? described?.member;
}

const stopping: Clause = {
  id: 'QNT-GRP-054',
  roles: ROLES,
  needs: ['stop'],
  check(view, judge) {
    const facts = factsOf(view);
    for (const group of facts.groups.values()) {
      for (const { lease, back } of restored(group, 'stopped'))
        judgeThat(
          judge,
          back.frame,
          isBack(back, lease) !== undefined,
          () =>
            `${leaseName(lease)} was held when the broker said GOAWAY, and is not there after its restart: a broker that stops must not end a lease`,
          'leases',
        );
      for (const telling of group.tellings) {
        const { connection, index } = telling.frame;
        const isAfter = telling.pushed && connection.goAways.some((goAway) => goAway.from === 'subject' && goAway.index < index);
        const ended = isAfter
          ? leasesOf(group).find(
              (lease) =>
                lease.member === telling.member &&
                lease.told.some(({ frame }) => frame.index < index) &&
                isBack(telling, lease) === undefined &&
                !wasGiven(lease, index) &&
                lease.told.at(-1)?.life === telling.life &&
                (lease.told.at(-1)?.generation ?? 0) < telling.generation,
            )
          : undefined;
        if (ended !== undefined) judge.fail(telling.frame, `${leaseName(ended)} was ended behind GOAWAY`, 'leases');
      }
    }
  },
};

export const RESTART_CLAUSES: readonly Clause[] = [restoredLeases, unmoved, unheard, stopping];
