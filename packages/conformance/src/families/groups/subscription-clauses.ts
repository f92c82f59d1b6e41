import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Header, View } from '../../history/view.ts';
import { factsOf, type GroupFacts } from './facts.ts';
import { leasesOf, stayedAlive } from './leases.ts';
import { isHearing, lastTold } from './rest.ts';
import { standingAt } from './standing.ts';
import { ASSIGNED, faultsOf, type GroupRecord, isSoundBeat, SHARED, textOf, topicsOf } from './subscriptions.ts';
import { type Beat, excused, isName, isRefused, NEVER, type Use } from './told.ts';

const ROLES = ['broker'] as const;
const KINDS = ['ASSIGNED', 'FREE', 'SHARED'] as const;

interface KindMade {
  readonly kind: number;
  readonly by: 'subscription' | 'commit';
}

/** What may have made the group, in order: kind, place of request and answer, and whether it surely did. */
function makers(group: GroupFacts): { kind: number; by: KindMade['by']; at: number; answeredAt: number; sure: boolean }[] {
  const beats = group.beats
    .filter((beat) => beat.subscription !== undefined && (beat.counts || beat.accepted))
    .map((beat) => ({
      kind: beat.subscription.kind,
      by: 'subscription' as const,
      at: beat.at,
      answeredAt: beat.answeredAt,
      sure: beat.accepted,
    }));
  const commits = group.uses
    .filter(({ kind, exchange, code }) => kind === 'OFFSET_COMMIT' && !isRefused(exchange) && (code ?? 0) === 0)
    .map(({ exchange, at, answeredAt, code }: Use) => ({
      kind: exchange.header.kind,
      by: 'commit' as const,
      at,
      answeredAt,
      sure: code === 0,
    }));
  return [...beats, ...commits].sort((a, b) => a.at - b.at);
}

/** The kind that the group has at a place, where that is certain. */
function kindAt(group: GroupFacts, index: number): KindMade | undefined {
  const all = makers(group).filter(({ at }) => at < index);
  const first = all.filter(({ sure, answeredAt }) => sure && answeredAt < index).sort((a, b) => a.answeredAt - b.answeredAt)[0];
  if (first === undefined || all.some(({ at, kind, by }) => at < first.answeredAt && (kind !== first.kind || by !== first.by)))
    return undefined;
  return first;
}

/** Heartbeats whose subscription has nothing wrong in itself, and that were answered. */
const soundOf = (group: GroupFacts): Beat[] =>
  group.beats.filter(
    (beat) =>
      beat.subscription !== undefined &&
      beat.exchange.response !== undefined &&
      isSoundBeat(beat) &&
      faultsOf(beat.subscription).size === 0 &&
      !excused(beat.code),
  );

const kindConflict: Clause = {
  id: 'QNT-GRP-025',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { subscription, exchange, at, code } of soundOf(group)) {
        const made = kindAt(group, at);
        if (made === undefined) continue;
        const is = KINDS[made.kind];
        if (subscription.kind !== made.kind)
          judgeThat(
            judge,
            exchange.response ?? at,
            code === 'GROUP_KIND_CONFLICT',
            () =>
              `the group is ${is} and the member ${KINDS[subscription.kind as number]}: expected GROUP_KIND_CONFLICT, got ${code ?? 'no error'}`,
            'code',
          );
        else if (code === 'GROUP_KIND_CONFLICT')
          judge.fail(
            exchange.response ?? at,
            `the group is ${is} as the member is, and was answered GROUP_KIND_CONFLICT`,
            'code',
          );
      }
    }
  },
};

const fixedKind: Clause = {
  id: 'QNT-GRP-049',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { response, request, answer, code } of group.describes) {
        const made = kindAt(group, request.index);
        if (response === undefined || code !== undefined || made === undefined) continue;
        judgeThat(
          judge,
          response,
          answer.kind === made.kind,
          () =>
            `the group was made ${KINDS[made.kind]} by its first ${made.by}, and is described as ${KINDS[answer.kind as number] ?? answer.kind}`,
          'kind',
        );
      }
      for (const { subscription, exchange, at, code } of soundOf(group)) {
        const made = kindAt(group, at);
        if (made?.by !== 'commit' || subscription.kind === made.kind) continue;
        judgeThat(
          judge,
          exchange.response ?? at,
          code === 'GROUP_KIND_CONFLICT',
          () =>
            `the first commit has made the group ${KINDS[made.kind]}: expected GROUP_KIND_CONFLICT for ${KINDS[subscription.kind as number]}, got ${code ?? 'no error'}`,
          'code',
        );
      }
    }
  },
};

const reservedKind: Clause = {
  id: 'QNT-GRP-050',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const beat of group.beats) {
        const { subscription, exchange, code } = beat;
        if (subscription?.kind !== SHARED || exchange.response === undefined || !isSoundBeat(beat) || excused(code)) continue;
        if (faultsOf(subscription).size > 1) continue;
        judgeThat(
          judge,
          exchange.response,
          code === 'UNSUPPORTED_FEATURE',
          () => `the kind SHARED has to be refused with UNSUPPORTED_FEATURE, and was answered ${code ?? 'without an error'}`,
          'code',
        );
      }
    }
    for (const { header, response, request, code } of view.requests('OFFSET_COMMIT', 'kit')) {
      const group = header === undefined ? undefined : factsOf(view).groups.get(header.group);
      if (group === undefined || header.kind !== SHARED || response === undefined || excused(code) || !isName(header.group))
        continue;
      if (makers(group).some(({ at }) => at < response.index && at !== request.index)) continue;
      judgeThat(
        judge,
        response,
        code === 'UNSUPPORTED_FEATURE',
        () =>
          `a commit that would make a group of kind SHARED has to be refused with UNSUPPORTED_FEATURE, and was answered ${code ?? 'without an error'}`,
        'code',
      );
    }
  },
};

/** Sound subscriptions of the kind ASSIGNED, with the record that they meet. */
function* metRecord(group: GroupFacts): Generator<{ beat: Beat; record: GroupRecord }> {
  for (const beat of soundOf(group)) {
    const record = group.records.at(beat.at);
    if (record === undefined || beat.subscription.kind !== ASSIGNED || record.subscription.kind !== ASSIGNED) continue;
    if (group.records.isSteady(beat.at, beat.answeredAt)) yield { beat, record };
  }
}

const sameSubscription: Clause = {
  id: 'QNT-GRP-026',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { beat, record } of metRecord(group)) {
        const { subscription, exchange, code, at } = beat;
        const text = textOf(subscription);
        if (text === record.text)
          judgeThat(
            judge,
            exchange.response ?? at,
            code === undefined,
            () => `the group has [${record.text}] and so has ${beat.member}: it has to be taken, and was answered ${code}`,
            'code',
          );
        else if (subscription.version <= record.subscription.version)
          judgeThat(
            judge,
            exchange.response ?? at,
            code === 'SUBSCRIPTION_CONFLICT',
            () =>
              `the group has [${record.text}] and ${beat.member} [${text}], of no higher version: expected SUBSCRIPTION_CONFLICT, got ${code ?? 'no error'}`,
            'code',
          );
      }
    }
  },
};

const replaced: Clause = {
  id: 'QNT-GRP-027',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { beat, record } of metRecord(group)) {
        const { subscription, exchange, code, at } = beat;
        if (subscription.version <= record.subscription.version) continue;
        judgeThat(
          judge,
          exchange.response ?? at,
          code === undefined,
          () => `version ${subscription.version} has to replace version ${record.subscription.version}, and was answered ${code}`,
          'code',
        );
      }
      for (const { response, request, answer, code } of group.describes) {
        const record = group.records.at(request.index);
        if (response === undefined || code !== undefined || record === undefined || record.at === group.records.all()[0]?.at)
          continue;
        if (group.records.at(response.index) !== record || answer.subscription === undefined) continue;
        judgeThat(
          judge,
          response,
          textOf(answer.subscription) === record.text,
          () => `the record was replaced by [${record.text}], and the group is described with [${textOf(answer.subscription)}]`,
          'subscription',
        );
      }
      for (const record of group.records.all().slice(1)) checkOutdated(group, record, judge);
    }
  },
};

type JudgeOf = Parameters<Clause['check']>[1];

/** Members with another text than the new record: told to release, given nothing more, answered SUBSCRIPTION_CONFLICT. */
function checkOutdated(group: GroupFacts, record: GroupRecord, judge: JudgeOf): void {
  const { facts } = group;
  const until = group.records.all().find(({ at }) => at > record.at)?.at ?? NEVER;
  for (const [member, beats] of group.byMember) {
    const had = beats.filter((beat) => beat.at < record.at && beat.accepted && beat.subscription !== undefined).at(-1);
    const hasNew = beats.some(
      (beat) => beat.at > (had?.at ?? 0) && beat.subscription !== undefined && textOf(beat.subscription) === record.text,
    );
    if (had === undefined || hasNew || textOf(had.subscription) === record.text) continue;
    if (facts.lifeAt(had.at) !== facts.lifeAt(record.answeredAt) || standingAt(group, member, record.answeredAt) !== 'alive')
      continue;
    for (const beat of beats) {
      if (beat.at < record.answeredAt || beat.answeredAt > until || beat.exchange.response === undefined || excused(beat.code))
        continue;
      if (beat.life !== had.life || !isSoundBeat(beat) || !stayedAlive(group, member, record.answeredAt, beat.answeredAt - 1))
        continue;
      judgeThat(
        judge,
        beat.exchange.response,
        beat.code === 'SUBSCRIPTION_CONFLICT',
        () =>
          `the record was replaced by [${record.text}], which ${member} has not: its heartbeat has to be answered SUBSCRIPTION_CONFLICT, and was answered ${beat.code ?? 'without an error'}`,
        'code',
      );
    }
    checkReleasing(group, record, had, until, judge);
  }
}

function checkReleasing(
  group: GroupFacts,
  record: GroupRecord,
  { member, life, exchange }: Beat,
  until: number,
  judge: JudgeOf,
): void {
  const { facts } = group;
  const { view, settings } = facts;
  const dueMs = facts.msAt(record.answeredAt) + settings.settleMs + view.slackMs;
  const later = group.tellings.filter(
    ({ member: of, frame, life: at }) => of === member && at === life && frame.index > record.answeredAt && frame.index < until,
  );
  const isNew = (epoch: number): boolean =>
    !group.tellings.some(({ frame, leases }) => frame.index < record.answeredAt && leases.some((lease) => lease.epoch === epoch));
  for (const telling of later) {
    const granted =
      telling.frame.atMs > dueMs ? telling.leases.find(({ epoch, releasing }) => isNew(epoch) && !releasing) : undefined;
    if (granted !== undefined)
      judge.fail(
        telling.frame,
        `${member} has another subscription than the record and has to get nothing more, and got ${granted.topic}/${granted.queue}`,
        'leases',
      );
  }
  const due = view.events.findIndex(({ atMs }) => atMs > dueMs);
  if (due < 0 || due > until || due > facts.lifeAt(record.at).stopping || !facts.timed) return;
  const last = lastTold(group, member, due);
  const beat = group
    .beatsOf(member)
    .filter(({ at }) => at < due)
    .at(-1);
  if (last === undefined || beat === undefined || !isHearing(group, beat, due) || standingAt(group, member, due) !== 'alive')
    return;
  const held = last.leases.find(({ releasing }) => !releasing);
  const hadAny = leasesOf(group).some(
    (lease) => lease.member === member && lease.told.some(({ frame }) => frame.index < record.answeredAt),
  );
  if (held !== undefined)
    judge.fail(
      due,
      `${member} has another subscription than the record and has to be told to release what it holds, and was not for ${held.topic}/${held.queue}`,
      'leases',
    );
  else if (hadAny && exchange.response !== undefined) judge.pass(last.frame);
}

const bothTexts: Clause = {
  id: 'QNT-GRP-028',
  roles: ROLES,
  check(view, judge) {
    for (const group of factsOf(view).groups.values()) {
      for (const { beat, record } of metRecord(group)) {
        const { response } = beat.exchange;
        if (beat.code !== 'SUBSCRIPTION_CONFLICT' || response === undefined) continue;
        const names = [...namesOf(record.subscription), ...namesOf(beat.subscription)];
        // Long ones may be cut.
        if (names.join('').length > 200) continue;
        const message: string = response.header?.message ?? '';
        const missing = names.find((name) => !message.includes(name));
        judgeThat(
          judge,
          response,
          missing === undefined,
          () => `the message has to show both subscriptions, and does not name ${missing}: ${message}`,
          'message',
        );
      }
    }
  },
};

/** Topics and tags of a subscription. */
const namesOf = (subscription: Header): string[] => [
  ...topicsOf(subscription),
  ...subscription.topics.flatMap(({ filter }: Header) => filter.split('||').map((tag: string) => tag.trim())),
];

const refusedSubscription: Clause = {
  id: 'QNT-GRP-029',
  roles: ROLES,
  check(view, judge) {
    checkWithoutTopic(view, judge);
    for (const { beats } of factsOf(view).groups.values()) {
      for (const beat of beats) {
        const { subscription, exchange, code } = beat;
        const { response } = exchange;
        if (subscription === undefined || response === undefined || excused(code) || !isSoundBeat(beat)) continue;
        // It may be in conflict with the group as well.
        if (code === 'GROUP_KIND_CONFLICT' || code === 'SUBSCRIPTION_CONFLICT') continue;
        const faults = faultsOf(subscription);
        if (faults.size === 0) continue;
        judgeThat(
          judge,
          response,
          code !== undefined && faults.has(code),
          () => `expected ${[...faults].join(' or ')} for the subscription, got ${code ?? 'no error'}`,
          'code',
        );
      }
    }
  },
};

/** The codec of the kit does not take a subscription without a topic either. */
function checkWithoutTopic(view: View, judge: JudgeOf): void {
  for (const { request, response, code } of view.requests('CLIENT_HEARTBEAT', 'kit')) {
    if (
      response === undefined ||
      excused(code) ||
      request.flags !== 0 ||
      request.wrong?.message !== 'Subscription.topics is missing'
    )
      continue;
    judgeThat(
      judge,
      response,
      code === 'INVALID_ARGUMENT',
      () => `expected INVALID_ARGUMENT for a subscription without a topic, got ${code ?? 'no error'}`,
      'code',
    );
  }
}

export const SUBSCRIPTION_CLAUSES: readonly Clause[] = [
  kindConflict,
  sameSubscription,
  replaced,
  bothTexts,
  refusedSubscription,
  fixedKind,
  reservedKind,
];
