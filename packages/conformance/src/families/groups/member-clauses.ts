import { LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { factsOf, type GroupFacts } from './facts.ts';
import { standingAt } from './standing.ts';
import { faultsOf, isSession, isSoundBeat } from './subscriptions.ts';
import { type Beat, excused, isName, isRefused, type Telling, textOfTelling } from './told.ts';

const ROLES = ['broker'] as const;

/** All heartbeats that can be judged: nothing else is wrong with them, and the broker was not about to stop. */
function* beatsOf(groups: Iterable<GroupFacts>): Generator<{ group: GroupFacts; beat: Beat }> {
  for (const group of groups) for (const beat of group.beats) if (isSoundBeat(beat) && !excused(beat.code)) yield { group, beat };
}

const isAnswered = ({ answeredAt }: Beat): boolean => Number.isFinite(answeredAt);

/** The answer of a broker to somebody whom it does not know. */
const isAskedWho = ({ exchange: { answer } }: Beat): boolean => answer?.wantSubscription === true && answer.generation === 0;

/** Where a member stands during a whole heartbeat. */
function standingOf(group: GroupFacts, beat: Beat): 'alive' | 'gone' | 'unsure' {
  const before = standingAt(group, beat.member, beat.at);
  const isAlone = !group.beatsOf(beat.member).some((one) => one !== beat && one.at < beat.answeredAt && one.answeredAt > beat.at);
  if (!isAlone || group.facts.lifeAt(beat.answeredAt).number !== beat.life) return 'unsure';
  if (before === 'gone') return 'gone';
  // Its session must not end on the way of this heartbeat.
  return before === 'alive' && standingAt(group, beat.member, beat.answeredAt - 1) === 'alive' ? 'alive' : 'unsure';
}

/** The last heartbeat of the member before this one that may have been taken, in this life of the broker. */
const heardBefore = (group: GroupFacts, beat: Beat): Beat | undefined =>
  group
    .beatsOf(beat.member)
    .filter((one) => one.at < beat.at && one.counts && one.life === beat.life)
    .at(-1);

/** The revision under which the broker has the member's subscription. */
const revisionBefore = (group: GroupFacts, beat: Beat): number | undefined =>
  group
    .beatsOf(beat.member)
    .filter((one) => one.at < beat.at && one.accepted && one.subscription !== undefined && one.life === beat.life)
    .at(-1)?.exchange.header.revision;

/** Silence ended the membership, and the member had asked for that session itself. */
function endedByOwnSession(group: GroupFacts, beat: Beat): boolean {
  const last = heardBefore(group, beat);
  if (last === undefined || last.exchange.header.sessionMs === 0) return false;
  const left = group.gives.some((give) => give.kind === 'LEAVE' && give.member === beat.member && give.at > last.at);
  const isOpen = last.exchange.connection.closedIndex > beat.at;
  return !left && isOpen;
}

const lifetime: Clause = {
  id: 'QNT-GRP-017',
  roles: ROLES,
  check(view, judge) {
    for (const { group, beat } of beatsOf(factsOf(view).groups.values())) {
      if (beat.subscription !== undefined || !isAnswered(beat) || beat.code !== undefined) continue;
      const standing = standingOf(group, beat);
      if (standing === 'alive' && beat.exchange.header.revision === revisionBefore(group, beat))
        judgeThat(
          judge,
          beat.exchange.response ?? beat.at,
          !isAskedWho(beat),
          () => `${beat.member} was heard within its session and has to be known, and was asked who it is`,
          'want_subscription',
        );
      if (standing === 'gone' && heardBefore(group, beat) !== undefined && !endedByOwnSession(group, beat))
        judgeThat(
          judge,
          beat.exchange.response ?? beat.at,
          isAskedWho(beat),
          () =>
            `${beat.member} has left, or was not heard for its session, or has lost its connection for too long: it has to be gone, and its heartbeat was answered with generation ${beat.exchange.answer?.generation}`,
          'want_subscription',
        );
    }
  },
};

const session: Clause = {
  id: 'QNT-GRP-023',
  roles: ROLES,
  check(view, judge) {
    for (const { group, beat } of beatsOf(factsOf(view).groups.values())) {
      const { response, answer, header } = beat.exchange;
      if (response === undefined || beat.code !== undefined) continue;
      const asked = header.sessionMs;
      if (!isAskedWho(beat))
        judgeThat(
          judge,
          response,
          asked === 0 ? answer.sessionMs > 0 : answer.sessionMs === asked,
          () => `session_ms ${asked} of a heartbeat has to hold, and the answer tells ${answer.sessionMs}`,
          'session_ms',
        );
      if (beat.subscription !== undefined || !endedByOwnSession(group, beat) || standingOf(group, beat) !== 'gone') continue;
      const own = heardBefore(group, beat)?.exchange.header.sessionMs;
      judgeThat(
        judge,
        response,
        isAskedWho(beat),
        () => `${beat.member} asked for a session of ${own} ms and was silent for longer: it has to be gone, and is known`,
        'want_subscription',
      );
    }
  },
};

const sessionRange: Clause = {
  id: 'QNT-GRP-058',
  roles: ROLES,
  check(view, judge) {
    const beats = [...factsOf(view).groups.values()].flatMap(({ beats }) => beats);
    for (const { exchange, code, subscription } of beats) {
      const { response, header } = exchange;
      if (response === undefined || excused(code) || !isName(header.group) || header.member === '' || header.sessionMs === 0)
        continue;
      if (subscription !== undefined && faultsOf(subscription).size > 0) continue;
      const isWithin = isSession(header.sessionMs);
      if (!isWithin)
        judgeThat(
          judge,
          response,
          code === 'INVALID_ARGUMENT',
          () =>
            `session_ms ${header.sessionMs} has to be refused with INVALID_ARGUMENT, and was answered ${code ?? 'without an error'}`,
          'code',
        );
      else if (code === undefined || code === 'INVALID_ARGUMENT')
        judgeThat(
          judge,
          response,
          code === undefined,
          () => `session_ms ${header.sessionMs} has to be taken, and was answered ${code}`,
          'code',
        );
    }
  },
};

const answered: Clause = {
  id: 'QNT-GRP-018',
  roles: ROLES,
  check(view, judge) {
    for (const { group, beat } of beatsOf(factsOf(view).groups.values())) {
      const { response, header, answer } = beat.exchange;
      if (response === undefined || beat.code !== undefined || isAskedWho(beat)) continue;
      const told = beat.telling;
      if (header.generation !== answer.generation && told === undefined) {
        judge.fail(
          response,
          `the heartbeat names generation ${header.generation} and the present one is ${answer.generation}: expected the whole assignment, and there is none`,
          'assignment',
        );
        continue;
      }
      if (
        told !== undefined &&
        (told.generation !== answer.generation || told.member !== beat.member || told.group !== group.name)
      ) {
        judge.fail(
          response,
          `expected the assignment of ${beat.member} with generation ${answer.generation}, got that of ${told.member} with ${told.generation}`,
          'assignment',
        );
        continue;
      }
      const before = group.tellings.filter(
        ({ member, life, frame }) => member === beat.member && life === beat.life && frame.index < beat.at,
      );
      const newest = before.reduce((most, { generation }) => Math.max(most, generation), 0);
      if (answer.generation < newest)
        judge.fail(
          response,
          `generation ${newest} was told to ${beat.member} before: expected it or a later one, got ${answer.generation}`,
          'generation',
        );
      else if (told !== undefined && isPartOf(told, before))
        judge.fail(
          response,
          `expected the whole assignment of generation ${told.generation}, got ${told.leases.length} of its leases`,
          'assignment.leases',
        );
      else judge.pass(response);
    }
  },
};

/** The same generation was told with these leases and others. */
const isPartOf = (told: Telling, before: readonly Telling[]): boolean =>
  before.some(
    (one) =>
      one.generation === told.generation &&
      one.leases.length > told.leases.length &&
      told.leases.every((lease) => one.leases.some(({ epoch }) => epoch === lease.epoch)),
  );

const generations: Clause = {
  id: 'QNT-GRP-019',
  roles: ROLES,
  check(view, judge) {
    for (const { tellings } of factsOf(view).groups.values()) {
      const texts = new Map<string, { text: string; telling: Telling }>();
      for (const telling of tellings) {
        const key = `${telling.member} ${telling.generation}`;
        const text = textOfTelling(telling);
        const known = texts.get(key);
        if (known === undefined) texts.set(key, { text, telling });
        else if (known.text === text || isPartOf(telling, [known.telling])) judge.pass(telling.frame);
        else
          judge.fail(
            telling.frame,
            `generation ${telling.generation} of ${telling.member} was told as ${known.text} and now as ${text}`,
            'generation',
          );
      }
      // A number of its own for each of several assignments is what the rule wants.
      const first = [...texts.values()][1];
      if (first !== undefined) judge.pass(first.telling.frame);
    }
  },
};

const unknownMember: Clause = {
  id: 'QNT-GRP-021',
  roles: ROLES,
  check(view, judge) {
    for (const { group, beat } of beatsOf(factsOf(view).groups.values())) {
      const { response, answer } = beat.exchange;
      if (response === undefined || beat.subscription !== undefined) continue;
      if (group.beatsOf(beat.member).some((one) => one !== beat && one.at < beat.answeredAt && one.counts)) continue;
      const asks = beat.code === undefined && answer.wantSubscription === true;
      judgeThat(
        judge,
        response,
        asks,
        () =>
          `${beat.member} was never heard of: its heartbeat has to be answered with want_subscription, and was answered ${beat.code ?? 'without it'}`,
        beat.code === undefined ? 'want_subscription' : 'code',
      );
    }
  },
};

const revision: Clause = {
  id: 'QNT-GRP-022',
  roles: ROLES,
  check(view, judge) {
    for (const { group, beat } of beatsOf(factsOf(view).groups.values())) {
      const { response, answer, header } = beat.exchange;
      const had = revisionBefore(group, beat);
      if (response === undefined || beat.code !== undefined || beat.subscription !== undefined || had === undefined) continue;
      if (had === header.revision || standingOf(group, beat) !== 'alive') continue;
      judgeThat(
        judge,
        response,
        answer.wantSubscription,
        () =>
          `the broker has revision ${had} of the subscription and the heartbeat names ${header.revision}: expected want_subscription, and it is not set`,
        'want_subscription',
      );
    }
  },
};

const full: Clause = {
  id: 'QNT-GRP-024',
  roles: ROLES,
  check(view, judge) {
    const facts = factsOf(view);
    const { membersPerGroupMax, groupsMax } = facts.settings;
    for (const group of facts.groups.values()) {
      for (const beat of group.beats) {
        if (beat.subscription === undefined || beat.exchange.response === undefined || !isSoundBeat(beat)) continue;
        if (faultsOf(beat.subscription).size > 0 || (excused(beat.code) && beat.code !== 'LIMIT_EXCEEDED')) continue;
        if (isFullOfMembers(group, beat, membersPerGroupMax)) sayFull(judge, beat, `the group has ${membersPerGroupMax} members`);
        else if (isFullOfGroups(facts.groups, group, beat, groupsMax)) sayFull(judge, beat, `the broker has ${groupsMax} groups`);
      }
    }
  },
};

function isFullOfMembers(group: GroupFacts, beat: Beat, most: number): boolean {
  if (group.byMember.size <= most || standingAt(group, beat.member, beat.at) !== 'gone') return false;
  const others = [...group.byMember.keys()].filter((id) => id !== beat.member);
  const alive = others.filter((id) => [beat.at, beat.answeredAt - 1].every((index) => standingAt(group, id, index) === 'alive'));
  return alive.length >= most;
}

function isFullOfGroups(groups: ReadonlyMap<string, GroupFacts>, group: GroupFacts, beat: Beat, most: number): boolean {
  if (groups.size <= most) return false;
  const isMade = (one: GroupFacts, index: number): boolean =>
    one.beats.some((made) => made.accepted && made.subscription !== undefined && made.answeredAt < index);
  const isTouched = [...group.beats.filter(({ counts }) => counts), ...group.uses].some(({ at }) => at < beat.at);
  return !isTouched && [...groups.values()].filter((one) => isMade(one, beat.at)).length >= most;
}

const sayFull = (judge: Judge, { exchange, code, at }: Beat, why: string): void =>
  judgeThat(
    judge,
    exchange.response ?? at,
    code === 'LIMIT_EXCEEDED',
    () => `${why}: expected LIMIT_EXCEEDED, got ${code ?? 'no error'}`,
    'code',
  );

const connection: Clause = {
  id: 'QNT-GRP-051',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const telling of group.tellings) {
        if (!telling.pushed) continue;
        const { frame, member } = telling;
        const came = group.beatsOf(member).filter((beat) => beat.at < frame.index && (beat.counts || !isRefused(beat)));
        // Frames of two connections may pass each other on their way.
        const settled = came.filter((beat) => beat.answeredMs < frame.atMs - view.slackMs).at(-1);
        const allowed = came.filter((beat) => settled === undefined || beat.at >= settled.at);
        judgeThat(
          judge,
          frame,
          allowed.some((beat) => beat.exchange.connection === frame.connection),
          () =>
            `ASSIGNMENT of ${member} has to come on connection ${settled?.exchange.connection.number ?? 'of its last heartbeat'}, and came on ${frame.connection.number}`,
        );
      }
    }
  },
};

const interval: Clause = {
  id: 'QNT-GRP-053',
  roles: ROLES,
  check(view, judge) {
    for (const { beat } of beatsOf(factsOf(view).groups.values())) {
      const { response, answer } = beat.exchange;
      if (response === undefined || beat.code !== undefined || isAskedWho(beat)) continue;
      const most = Math.max(1, Math.floor(beat.sessionMs / 3));
      judgeThat(
        judge,
        response,
        answer.heartbeatMs <= most,
        () => `with a session of ${beat.sessionMs} ms heartbeat_ms has to be ${most} at most, and is ${answer.heartbeatMs}`,
        'heartbeat_ms',
      );
    }
  },
};

export const MEMBER_CLAUSES: readonly Clause[] = [
  lifetime,
  answered,
  generations,
  unknownMember,
  revision,
  session,
  full,
  connection,
  interval,
  sessionRange,
];

/** What a member may not ask for. */
export const SESSIONS = { least: LIMITS.MEMBER_SESSION_MS_MIN, most: LIMITS.MEMBER_SESSION_MS_MAX } as const;
