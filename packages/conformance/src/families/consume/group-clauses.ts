import { type Clause, judgeThat } from '../../clause/clause.ts';
import { codeName, type Exchange, type Header, type View } from '../../history/view.ts';
import { plainRequests, type Span, spanOf } from './acts.ts';
import { type BrokerModel, modelOf } from './broker-model.ts';
import { GROUP_KINDS, type GroupModel, topicsOf } from './group-model.ts';
import { wrongOffset } from './offset-commits.ts';
import { isWithin, type Range, shownRange } from './queue-model.ts';
import { expectCode } from './timing.ts';
import { isSorted } from './topic-clauses.ts';
import type { Life } from './topic-model.ts';

/** Every queue of every topic that is there for sure. */
function queuesOf(model: BrokerModel, span: Span): readonly { readonly life: Life; readonly queue: number }[] | undefined {
  const queues: { life: Life; queue: number }[] = [];
  for (const topic of model.topicNames) {
    const life = model.topic(topic, span);
    if (life === undefined) return undefined;
    if (life === 'absent') continue;
    const { least, most } = life.queues(span);
    if (least !== most) return undefined;
    for (let queue = 0; queue < least; queue++) queues.push({ life, queue });
  }
  return queues;
}

/** The sum over queues with an offset of what is not committed; undefined where it is not known. */
function lagOf(model: BrokerModel, group: GroupModel, span: Span): Range | undefined {
  const queues = queuesOf(model, span);
  let least = 0;
  let most = 0;
  for (const { life, queue } of queues ?? []) {
    const committed = group.committed(life, queue, span);
    if (committed?.has === undefined || life.queue(queue).drops) return undefined;
    if (!committed.has) continue;
    const high = life.queue(queue).highWatermark(span);
    least += Math.max(0, high.least - committed.most);
    most += Math.max(0, high.most - committed.least);
  }
  return queues === undefined ? undefined : { least, most };
}

/** How many members are alive, where that is sure of each. */
function membersOf(group: GroupModel, span: Span): number | undefined {
  const names = new Set(group.acts.filter(({ name }) => name === 'CLIENT_HEARTBEAT').map(({ header }) => header.member));
  const alive = [...names].map((member) => group.isAlive(member, span));
  return alive.includes(undefined) ? undefined : alive.filter((one) => one === true).length;
}

const groupList: Clause = {
  id: 'QNT-ADM-011',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'GROUP_LIST')) {
      const { answer, response } = exchange;
      if (answer === undefined || response === undefined) continue;
      const wrong = wrongGroupList(model, answer.groups, spanOf(view, exchange));
      judgeThat(judge, response, wrong === undefined, () => wrong ?? '', 'groups');
    }
  },
};

function wrongGroupList(model: BrokerModel, groups: readonly Header[], span: Span): string | undefined {
  const names = groups.map(({ group }) => group);
  if (!isSorted(names)) return `expected groups sorted by name, got ${names.slice(0, 8).join(', ')}`;
  for (const group of model.groups) {
    if (group.exists(span) !== true) continue;
    const listed = groups.find((one) => one.group === group.name);
    if (listed === undefined) return `expected ${group.name} in the list, got none`;
    const kind = group.kind(span);
    if (kind !== undefined && listed.kind !== kind)
      return `expected ${group.name} to be ${GROUP_KINDS[kind as 0]}, got ${GROUP_KINDS[listed.kind as 0]}`;
    const members = membersOf(group, span);
    if (members !== undefined && listed.members !== members)
      return `expected ${members} members of ${group.name}, got ${listed.members}`;
    const lag = lagOf(model, group, span);
    if (lag !== undefined && !isWithin(listed.lag, lag))
      return `expected the lag ${shownRange(lag)} of ${group.name}, got ${listed.lag}`;
  }
  return undefined;
}

const describeGroup: Clause = {
  id: 'QNT-ADM-012',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'GROUP_DESCRIBE')) {
      const { header, answer, response } = exchange;
      const span = spanOf(view, exchange);
      const group = model.group(header.group);
      if (answer === undefined || response === undefined || group.exists(span) !== true) continue;
      const wrong =
        wrongSubscription(group, answer, span) ?? wrongMembers(group, answer, span) ?? wrongQueues(model, group, answer, span);
      judgeThat(judge, response, wrong === undefined, () => `${header.group}: ${wrong}`, 'queues');
    }
  },
};

function wrongSubscription(group: GroupModel, { subscription }: Header, span: Span): string | undefined {
  const known = group.subscribers.filter(({ from }) => from < span.to);
  if (known.length === 0) return subscription?.topics?.length > 0 ? 'expected no subscription, got one' : undefined;
  const texts = new Set(known.map(({ header }) => JSON.stringify(header.subscription)));
  const [first] = known;
  if (
    texts.size > 1 ||
    first === undefined ||
    first.done !== 'yes' ||
    first.to > span.from ||
    first.header.subscription.kind !== 0
  )
    return undefined;
  const wanted = topicsOf(first.header).join(', ');
  const got = subscription === undefined ? 'none' : topicsOf({ subscription }).join(', ');
  return got === wanted ? undefined : `expected the subscription to ${wanted}, got ${got}`;
}

function wrongMembers(group: GroupModel, { members }: Header, span: Span): string | undefined {
  const names = new Set<string>(group.acts.filter(({ name }) => name === 'CLIENT_HEARTBEAT').map(({ header }) => header.member));
  for (const member of names) {
    const alive = group.isAlive(member, span);
    const isTold = members.some((one: Header) => one.member === member);
    if (alive !== undefined && alive !== isTold)
      return `expected ${alive ? 'the' : 'no'} member ${member}, got ${isTold ? 'it' : 'none'}`;
  }
  return undefined;
}

function wrongQueues(model: BrokerModel, group: GroupModel, answer: Header, span: Span): string | undefined {
  const topics = group.topics(span);
  for (const { life, queue } of queuesOf(model, span) ?? []) {
    const told = answer.queues.find((one: Header) => one.topic === life.topic && one.queue === queue);
    const known = group.committed(life, queue, span);
    const place = `${life.topic}/${queue}`;
    if (told === undefined) {
      if (topics?.includes(life.topic)) return `expected the queue ${place} of its topics, got none`;
      if (known?.has === true) return `expected the queue ${place}, which has an offset, got none`;
      continue;
    }
    const wrong =
      (known === undefined ? undefined : wrongOffset({ known }, told.committed, told.offset)) ??
      wrongLease(group, life, told, span);
    if (wrong !== undefined) return `${place}: ${wrong}`;
    const high = life.queue(queue).highWatermark(span);
    if (!isWithin(told.highWatermark, high))
      return `${place}: expected the high watermark ${shownRange(high)}, got ${told.highWatermark}`;
  }
  return undefined;
}

function wrongLease(group: GroupModel, life: Life, told: Header, span: Span): string | undefined {
  const leases = group.leasesAt(life.topic, told.queue);
  const live = leases.find((one) => group.lease(life.topic, told.queue, one.member, one.epoch, span) === 'live');
  if (live !== undefined && (told.member !== live.member || told.epoch !== live.epoch || told.state !== 0))
    return `expected the lease ${live.epoch} of ${live.member}, got ${told.epoch} of ${told.member || 'nobody'}`;
  const dead = leases.find(
    (one) => one.epoch === told.epoch && group.lease(life.topic, told.queue, one.member, one.epoch, span) === 'dead',
  );
  return dead === undefined ? undefined : `expected the lease ${dead.epoch} to have ended, got it`;
}

const unknownGroup: Clause = {
  id: 'QNT-ADM-013',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const exchange of plainRequests(view, 'GROUP_DESCRIBE', 'GROUP_RESET')) {
      const { group } = exchange.header;
      if (model.group(group).exists(spanOf(view, exchange)) !== false) continue;
      expectCode(view, judge, exchange, 'GROUP_NOT_FOUND', `${exchange.name} of ${group}, which nobody knows`);
    }
  },
};

/** The clauses about groups but for resets. */
export const GROUP_CLAUSES: readonly Clause[] = [groupList, describeGroup, unknownGroup];

/** One queue that a GROUP_RESET moves, or would. */
export interface ResetSeen {
  readonly exchange: Exchange;
  readonly span: Span;
  readonly group: GroupModel;
  readonly life: Life;
  readonly queue: number;
  readonly dryRun: boolean;
  /** Where it has to go; undefined where that is not known, `outside` for an offset that is not stored. */
  readonly target: Range | 'outside' | undefined;
  readonly result: Header | undefined;
}

/** The queues of the resets that were answered well. */
export function resetsOf(view: View): readonly ResetSeen[] {
  const model = modelOf(view);
  return plainRequests(view, 'GROUP_RESET').flatMap((exchange) => {
    const { header, answer } = exchange;
    const span = spanOf(view, exchange);
    const group = model.group(header.group);
    if (answer === undefined || group.exists(span) !== true) return [];
    return wantedOf(model, group, header, span).map(({ life, queue }) => {
      const result = answer.results.find((one: Header) => one.topic === life.topic && one.queue === queue);
      return { exchange, span, group, life, queue, dryRun: header.dryRun, target: targetOf(header, life, queue, span), result };
    });
  });
}

/** The queues that are meant, of topics that are there for sure. */
function wantedOf(
  model: BrokerModel,
  group: GroupModel,
  { queues }: Header,
  span: Span,
): readonly { life: Life; queue: number }[] {
  const all = queuesOf(model, span) ?? [];
  if (queues.length === 0) {
    const topics = group.topics(span) ?? [];
    return all.filter(({ life, queue }) => topics.includes(life.topic) || group.committed(life, queue, span)?.has === true);
  }
  return all.filter(({ life, queue }) =>
    queues.some((one: Header) => one.topic === life.topic && (one.queues.length === 0 || one.queues.includes(queue))),
  );
}

function targetOf({ to, toValue }: Header, life: Life, number: number, span: Span): ResetSeen['target'] {
  const queue = life.queue(number);
  const high = queue.highWatermark(span);
  const oldest = queue.oldest(span);
  if (to === 0) return oldest;
  if (to === 1) return high;
  if (to === 3) {
    if (toValue > high.most || toValue < oldest.least) return 'outside';
    return toValue <= high.least && toValue >= oldest.most ? { least: toValue, most: toValue } : undefined;
  }
  const offset = queue.offsetByTime(toValue, span);
  return offset === undefined ? undefined : { least: offset, most: offset };
}

/** The name of the code of a result, where there is one. */
export const codeOf = ({ result }: ResetSeen): string | undefined => (result === undefined ? undefined : codeName(result.code));
