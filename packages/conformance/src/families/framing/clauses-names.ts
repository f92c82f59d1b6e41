import { canonicalFilter, LeaseState, LIMITS, QanatError } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import { codeName, type Exchange, type Header, type View } from '../../history/view.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

const isName = (text: string): boolean => text.length <= LIMITS.TOPIC_NAME_BYTES_MAX && NAME.test(text);

/** A refusal of a topic that its name alone can have brought about, with a code that says otherwise. */
const isMistaken = ({ name, header, code }: Exchange): boolean =>
  name === 'TOPIC_CREATE' && !isName(header.topic) && (code === 'INVALID_ARGUMENT' || code === 'TOPIC_NOT_FOUND');

/** The names in a request that makes, registers or joins what bears them. */
function namesMade({ name, header }: Exchange): readonly string[] {
  if (header === undefined) return [];
  if (name === 'TOPIC_CREATE') return [header.topic];
  if (name === 'CLIENT_HEARTBEAT')
    return header.subscription?.topics.every(({ topic }: Header) => isName(topic)) ? [header.group] : [];
  if (name !== 'REGISTER_BROKER') return [];
  const cluster = header.cluster === '' ? [] : [header.cluster];
  return header.broker === '' ? [] : [header.broker, ...cluster, ...header.topics.map((share: Header) => share.topic)];
}

const grammar: Clause = {
  id: 'QNT-NAM-001',
  roles: ['nameserver', 'broker'],
  check(view, judge) {
    for (const exchange of view.exchanges) {
      const { request, response, code, name } = exchange;
      if (request.from !== 'kit' || response === undefined) continue;
      if (name === 'ROUTE_QUERY') checkRoutes(exchange, judge);
      const names = namesMade(exchange);
      if (names.length === 0) continue;
      const wrong = names.find((one) => !isName(one));
      if (code !== undefined && code !== 'INVALID_NAME' && !isMistaken(exchange)) continue;
      const holds = (code === 'INVALID_NAME') === (wrong !== undefined);
      judgeThat(
        judge,
        response,
        holds,
        () =>
          wrong === undefined
            ? `${name} has only names that keep the grammar; got INVALID_NAME`
            : `${name} with the name ${JSON.stringify(wrong.slice(0, 40))} has to be refused with INVALID_NAME; got ${code ?? 'no error'}`,
        'code',
      );
    }
  },
};

function checkRoutes({ header, answer, response }: Exchange, judge: Parameters<Clause['check']>[1]): void {
  if (header === undefined || answer === undefined || response === undefined) return;
  for (const topic of header.topics as string[]) {
    const route = answer.routes.find((one: Header) => one.topic === topic);
    if (route === undefined) continue;
    const code = codeName(route.code);
    judgeThat(
      judge,
      response,
      (code === 'INVALID_NAME') === !isName(topic),
      () =>
        `the route of ${JSON.stringify(topic.slice(0, 40))} has to say ${isName(topic) ? 'anything but' : ''} INVALID_NAME; got ${code}`,
      'routes',
    );
  }
}

/** Topics that the kit has made in this history, or tried to. */
function topicsMade(view: View): ReadonlySet<string> {
  const made = view.requests('TOPIC_CREATE', 'kit').map(({ header }) => header?.topic);
  const registered = view
    .requests('REGISTER_BROKER', 'kit')
    .flatMap(({ header }) => header?.topics.map((share: Header) => share.topic) ?? []);
  return new Set([...made, ...registered]);
}

/** Names of this program that differ in their case only. */
const byteForByte: Clause = {
  id: 'QNT-NAM-002',
  roles: ['nameserver', 'broker'],
  check(view, judge) {
    const made = topicsMade(view);
    const lower = new Set([...made].map((topic) => topic?.toLowerCase()));
    const isTwin = (topic: string): boolean => !made.has(topic) && isName(topic) && lower.has(topic.toLowerCase());
    for (const { header, code, response } of view.requests('TOPIC_DESCRIBE', 'kit')) {
      if (header === undefined || response === undefined || !isTwin(header.topic)) continue;
      if (code === undefined || code === 'TOPIC_NOT_FOUND')
        judgeThat(
          judge,
          response,
          code !== undefined,
          () => `${header.topic} is another topic than one of other case; got its description`,
          'code',
        );
    }
    for (const { header, answer, response } of view.requests('ROUTE_QUERY', 'kit')) {
      if (header === undefined || response === undefined) continue;
      for (const route of answer?.routes ?? [])
        if (isTwin(route.topic))
          judgeThat(
            judge,
            response,
            route.shares.length === 0,
            () => `${route.topic} is another topic than one of other case; got its route`,
            'routes',
          );
    }
  },
};

const utf8 = new TextEncoder();

/** By the bytes of UTF-8, unsigned, the shorter one first. */
function compareBytes(one: string, other: string): number {
  const a = utf8.encode(one);
  const b = utf8.encode(other);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

/** The lists that an answer has to sort, by what they are called. */
function sortedLists({ name, answer }: Exchange): readonly (readonly string[])[] {
  if (answer === undefined) return [];
  if (name === 'TOPIC_LIST') return [answer.topics.map((one: Header) => one.topic)];
  if (name === 'GROUP_LIST') return [answer.groups.map((one: Header) => one.group)];
  if (name === 'ROUTE_QUERY') return answer.routes.map((route: Header) => route.shares.map((share: Header) => share.broker));
  return [];
}

const sorted: Clause = {
  id: 'QNT-NAM-003',
  roles: ['nameserver', 'broker'],
  check(view, judge) {
    for (const exchange of view.exchanges) {
      const { response, request } = exchange;
      if (request.from !== 'kit' || response === undefined) continue;
      for (const list of sortedLists(exchange)) {
        if (list.length < 2) continue;
        const at = list.findIndex((one, i) => i > 0 && compareBytes(list[i - 1] as string, one) > 0);
        judgeThat(
          judge,
          response,
          at < 0,
          () => `texts are sorted by their bytes; got ${JSON.stringify(list[at])} behind ${JSON.stringify(list[at - 1])}`,
          'control',
        );
      }
    }
    checkMembers(view, judge);
  },
};

/**
 * The only two members of a group that is dealt the two queues of one topic in runs, by label; undefined for every other
 * group.
 */
function pairOf(view: View, group: string): readonly (readonly [member: string, label: string])[] | undefined {
  const beats = view.requests('CLIENT_HEARTBEAT', 'kit').filter(({ header }) => header?.group === group);
  const members = new Map<string, string>(beats.map(({ header }) => [header.member, header.label]));
  const isPlain = beats.every(({ header: { subscription, member, label } }) => {
    if (members.get(member) !== label) return false;
    return subscription === undefined || (subscription.strategy === 0 && subscription.topics.length === 1);
  });
  const topics = new Set(beats.flatMap(({ header }) => header.subscription?.topics.map(({ topic }: Header) => topic) ?? []));
  const made = view
    .requests('TOPIC_CREATE', 'kit')
    .filter(({ header, answer }) => topics.has(header?.topic) && answer?.queues === 2);
  if (members.size !== 2 || !isPlain || topics.size !== 1 || made.length === 0) return undefined;
  return [...members].sort(([, one], [, other]) => compareBytes(one, other));
}

/** Members are sorted by label: the first one has queue 0. A broker that knows of others may have other queues to deal. */
function checkMembers(view: View, judge: Parameters<Clause['check']>[1]): void {
  if (view.connections.some(({ openedBy }) => openedBy === 'subject') || view.requests('LEAVE', 'kit').length > 0) return;
  for (const { answer, response, header } of view.requests('CLIENT_HEARTBEAT', 'kit')) {
    const assignment = answer?.assignment;
    if (
      assignment === undefined ||
      response === undefined ||
      header === undefined ||
      assignment.members !== 2 ||
      assignment.queues !== 2
    )
      continue;
    const kept = assignment.leases.filter(({ state }: Header) => state === LeaseState.HELD);
    if (kept.length !== 1) continue;
    const pair = pairOf(view, header.group);
    if (pair === undefined || pair[0]?.[1] === pair[1]?.[1]) continue;
    const own = kept[0].queue;
    const due = header.member === pair[0]?.[0] ? 0 : 1;
    judgeThat(
      judge,
      response,
      own === due,
      () => `members are sorted by label: ${JSON.stringify(header.label)} gets queue ${due}; got queue ${own}`,
      'leases',
    );
  }
}

/** The filters of a request, with their canonical text; undefined for what is no filter. */
function filtersOf({ name, header }: Exchange): readonly (string | undefined)[] {
  const topics: readonly Header[] = (name === 'PULL' ? header?.topics : header?.subscription?.topics) ?? [];
  return topics.map(({ filter }) => canonical(filter));
}

function canonical(filter: string): string | undefined {
  try {
    return canonicalFilter(filter);
  } catch (error) {
    if (QanatError.is(error)) return undefined;
    throw error;
  }
}

const filters: Clause = {
  id: 'QNT-NAM-007',
  roles: ['broker'],
  check(view, judge) {
    for (const exchange of view.exchanges) {
      const { name, request, response, code } = exchange;
      if (request.from !== 'kit' || response === undefined || (name !== 'PULL' && name !== 'CLIENT_HEARTBEAT')) continue;
      if (!filtersOf(exchange).includes(undefined)) continue;
      if (code === 'INVALID_ARGUMENT') judge.pass(response);
      else if (code === undefined)
        judge.fail(
          response,
          `${name} with a filter that breaks the grammar has to be refused with INVALID_ARGUMENT; got no error`,
          'flags',
        );
    }
  },
};

/** Members of one group whose subscriptions differ in nothing but how their filters are written. */
const sameFilters: Clause = {
  id: 'QNT-NAM-008',
  roles: ['broker'],
  check(view, judge) {
    const first = new Map<string, { readonly text: string; readonly written: string; readonly member: string }>();
    const mixed = new Set<string>();
    for (const { header, code, response } of view.requests('CLIENT_HEARTBEAT', 'kit')) {
      const { subscription, group, member } = header ?? {};
      if (subscription === undefined || response === undefined) continue;
      const text = meaning(subscription);
      const written = JSON.stringify(subscription.topics);
      const known = first.get(group);
      if (text === undefined || mixed.has(group)) continue;
      // From then on the group's record may be another one.
      if (known !== undefined && known.text !== text && code === undefined) mixed.add(group);
      if (known === undefined) {
        if (code === undefined) first.set(group, { text, written, member });
        continue;
      }
      if (known.text !== text || known.written === written || known.member === member) continue;
      if (code === undefined || code === 'SUBSCRIPTION_CONFLICT')
        judgeThat(
          judge,
          response,
          code === undefined,
          () => `filters that name the same tags are the same: ${written} and ${known.written}; got SUBSCRIPTION_CONFLICT`,
          'code',
        );
    }
  },
};

/** A subscription with its filters in one form; undefined where one is no filter. */
function meaning({ topics, ...others }: Header): string | undefined {
  const read = topics.map(({ topic, filter }: Header) => [topic, canonical(filter)]);
  return read.some(([, filter]: [string, string | undefined]) => filter === undefined)
    ? undefined
    : JSON.stringify([others, read.sort()]);
}

export const NAME_CLAUSES: readonly Clause[] = [grammar, byteForByte, sorted, filters, sameFilters];
