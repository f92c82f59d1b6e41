import { type Clause, judgeThat } from '../../clause/clause.ts';
import { type Act, type Span, spanOf, subjectEvents } from './acts.ts';
import { ends } from './leases.ts';
import { type Asked, nameOf, type Pulled, pullsOf } from './pulled.ts';
import { QueueModel } from './queue-model.ts';
import { cameBy } from './timing.ts';

const FENCED = new Set(['LEASE_FENCED', 'UNKNOWN_MEMBER']);

const withoutGroup: Clause = {
  id: 'QNT-PUL-019',
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, group, answered, model, span } of pullsOf(view))
      for (const one of group === '' ? answered : []) {
        const { result, topic, queue, epoch } = one;
        const isLeased = model.groups.some((known) => known.leasesAt(topic, queue).some(({ toldAt }) => toldAt < span.from));
        const { response } = exchange;
        if (response === undefined) continue;
        if (FENCED.has(result.code))
          judge.fail(response, `expected ${nameOf(one)} without a group to be served, got ${result.code}`, 'code');
        else if (isLeased || epoch !== 0) judge.pass(response);
      }
  },
};

/** What `fence` says of a queue that is there, in a group of this kind. */
function fenceOf({ model, group, member }: Pulled, { topic, queue, epoch }: Asked, kind: number, span: Span): string | undefined {
  if (group === '' || model.group(group).kind(span) !== kind) return undefined;
  if (!(model.queue(topic, queue, span) instanceof QueueModel)) return undefined;
  return model.group(group).fence(topic, queue, member, epoch, span);
}

const fenced: Clause = {
  id: 'QNT-PUL-020',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, span, asked, member } = pulled;
      const { response } = exchange;
      if (response === undefined || exchange.code !== undefined) continue;
      for (const one of asked) {
        const fence = fenceOf(pulled, one, 0, span);
        if (fence === undefined) continue;
        const code = one.result?.code;
        const who = `${nameOf(one)} for ${member} with epoch ${one.epoch}`;
        if (fence === 'OK') {
          if (code !== undefined && FENCED.has(code)) judge.fail(response, `expected ${who} to be served, got ${code}`, 'code');
          else if (one.result !== undefined) judge.pass(response);
        } else if (code === undefined) {
          if (asked.length === 1) judge.fail(response, `expected ${fence} for ${who}, got no result`, 'results');
        } else if (code !== fence) judge.fail(response, `expected ${fence} for ${who}, got ${code}`, 'code');
        else judgeThat(judge, response, one.result?.bytes === 0, () => `expected no messages of ${who}, got some`, 'bytes');
      }
    }
  },
};

const leaseEnds: Clause = {
  id: 'QNT-PUL-021',
  roles: ['broker'],
  check(view, judge) {
    for (const pulled of pullsOf(view)) {
      const { exchange, asked, span } = pulled;
      const { response, request } = exchange;
      for (const one of asked) {
        const end = endOfLease(pulled, one);
        if (end === undefined) continue;
        const what = `expected LEASE_FENCED for ${nameOf(one)} when its lease ended by ${end.name}`;
        const came = cameBy(view, exchange, view.events[end.to]?.atMs ?? 0);
        if (came === false)
          judge.fail(response ?? request, `${what}, got ${response === undefined ? 'no answer' : 'a late one'}`);
        else if (response === undefined || came === undefined || exchange.code !== undefined) continue;
        else if (span.to < end.from) continue;
        else if (one.result?.code === 'LEASE_FENCED') judge.pass(response);
        else if (asked.length === 1 && response.index > end.from)
          judge.fail(response, `${what}, got ${one.result?.code ?? 'no result'}`, 'code');
      }
    }
  },
};

/** What ends the lease of a PULL that waits under it, for sure and before anything else can have answered it. */
function endOfLease(pulled: Pulled, { topic, queue, epoch }: Asked): Act | undefined {
  const { model, group, member, exchange, span, waitMs } = pulled;
  const known = model.group(group);
  const lease = known.leasesAt(topic, queue).find((one) => one.epoch === epoch && one.member === member);
  if (
    group === '' ||
    lease === undefined ||
    fenceOf(pulled, { ...pulled.asked[0], topic, queue, epoch } as Asked, 0, startOf(span)) !== 'OK'
  )
    return undefined;
  const end = known.acts.find((act) => act.from > span.from && ends(act, lease) !== 'no');
  if (end === undefined || ends(end, lease) !== 'yes' || span.to < end.from) return undefined;
  const { view } = model;
  const endMs = view.events[end.to]?.atMs ?? Number.POSITIVE_INFINITY;
  const isQuiet = !model.acts.some(
    ({ name, from }) => (name === 'SEND' || name === 'TOPIC_REMOVE') && from > span.from && from < span.to,
  );
  const isAlone = !exchange.connection.exchanges.some(
    ({ name, request }) => name === 'PULL' && request.index > span.from && request.index < span.to,
  );
  const isNow = !subjectEvents(view).some(({ index }) => index > span.from && index < spanOf(view, exchange).to);
  return isQuiet && isAlone && isNow && endMs < exchange.request.atMs + waitMs - view.slackMs ? end : undefined;
}

const startOf = ({ from }: Span): Span => ({ from, to: from + 1 });

const freeGroups: Clause = {
  id: 'QNT-PUL-022',
  roles: ['broker'],
  check(view, judge) {
    for (const { exchange, group, asked, model, span } of pullsOf(view)) {
      const { response } = exchange;
      if (group === '' || response === undefined) continue;
      const known = model.group(group);
      if (known.exists(span) !== false && known.kind(span) !== 1) continue;
      for (const one of asked) {
        if (one.epoch !== 0 || one.result === undefined) continue;
        const { code } = one.result;
        judgeThat(
          judge,
          response,
          !FENCED.has(code),
          () => `expected ${nameOf(one)} to be served to ${group} without a lease, got ${code}`,
          'code',
        );
      }
    }
  },
};

/** PULL in groups. */
export const PULL_GROUPS: readonly Clause[] = [withoutGroup, fenced, leaseEnds, freeGroups];
