import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Header, View } from '../../history/view.ts';
import type { Span } from './acts.ts';
import { modelOf } from './broker-model.ts';
import type { GroupModel } from './group-model.ts';
import type { Lease } from './leases.ts';
import { fetchesOf } from './offset-commits.ts';
import { isWithin, type QueueModel, type Range, shownRange } from './queue-model.ts';
import type { Life } from './topic-model.ts';

/** Store times are as coarse as the subject's clock. */
const MS = 20;

/** Each lease with its queue, where the topic is there. */
function leasesOf(view: View): readonly { readonly group: GroupModel; readonly lease: Lease; readonly life: Life }[] {
  const model = modelOf(view);
  return model.groups.flatMap((group) =>
    group.leases.flatMap((lease) => {
      const life = model.topic(lease.topic, { from: lease.toldAt, to: lease.toldAt });
      return life === undefined || life === 'absent' ? [] : [{ group, lease, life }];
    }),
  );
}

/** A lease is the first of its queue where none was told before and nobody committed. */
const isFirst = (group: GroupModel, lease: Lease, life: Life): boolean =>
  group
    .leasesAt(lease.topic, lease.queue)
    .every((one) => one === lease || one.toldAt > lease.toldAt || one.toldAt < life.made.from) &&
  !group.acts.some(
    ({ name, header, from, done }) =>
      from < lease.toldAt &&
      from > life.made.from &&
      done !== 'no' &&
      (name === 'OFFSET_COMMIT' || name === 'LEAVE' || (name === 'GROUP_RESET' && !header.dryRun)),
  );

const decidedOnce: Clause = {
  id: 'QNT-OFS-017',
  roles: ['broker'],
  check(view, judge) {
    const model = modelOf(view);
    for (const one of fetchesOf(view)) {
      const { response } = one.exchange;
      const group = model.group(one.group);
      const lease = group.leasesAt(one.topic, one.queue).find(({ toldAt }) => toldAt > one.life.made.to);
      if (lease === undefined || response === undefined || lease.toldAt > one.span.from || !isFirst(group, lease, one.life))
        continue;
      const { startOffset } = lease;
      const place = `${one.group} in ${one.topic}/${one.queue}`;
      if (!one.committed)
        judge.fail(response, `expected ${place} to have the offset ${startOffset} since its first lease, got none`, 'committed');
      else
        judgeThat(
          judge,
          response,
          isWithin(one.offset, one.known),
          () =>
            `expected ${place} to have the offset ${shownRange(one.known)} since its first lease at ${startOffset}, got ${one.offset}`,
          'offset',
        );
    }
  },
};

const beginning: Clause = {
  id: 'QNT-OFS-018',
  roles: ['broker'],
  check(view, judge) {
    for (const { group, lease, life } of leasesOf(view)) {
      const queue = life.queue(lease.queue);
      if (!isFirst(group, lease, life) || queue.drops) continue;
      const range = beginningOf(view, group, lease, queue);
      if (range === undefined) continue;
      judgeThat(
        judge,
        lease.frame,
        isWithin(lease.startOffset, range),
        () =>
          `expected ${group.name} to begin in ${lease.topic}/${lease.queue} at ${shownRange(range)}, got ${lease.startOffset}`,
        'start_offset',
      );
    }
  },
};

const FROM = { FIRST: 0, LAST: 1, AT_TIME: 2 } as const;

/** By the subscription of the only member that the group had. */
function beginningOf(view: View, group: GroupModel, { member, toldAt }: Lease, queue: QueueModel): Range | undefined {
  const heartbeats = group.acts.filter(({ name, from, done }) => name === 'CLIENT_HEARTBEAT' && from < toldAt && done !== 'no');
  const [first] = heartbeats;
  if (first?.header.subscription === undefined || heartbeats.some(({ header }) => header.member !== member)) return undefined;
  const texts = heartbeats.flatMap(({ header }) =>
    header.subscription === undefined ? [] : [JSON.stringify(header.subscription)],
  );
  if (new Set(texts).size > 1) return undefined;
  const { from, fromTimeMs } = first.header.subscription;
  if (from === FROM.FIRST) return { least: 0, most: 0 };
  const span = { from: first.from, to: toldAt };
  if (from === FROM.LAST) return sinceJoined(view, heartbeats, queue, toldAt);
  const offset = queue.offsetByTime(fromTimeMs, span);
  return offset === undefined ? undefined : { least: offset, most: offset };
}

/** Behind what was stored before the member joined, and not behind what was stored afterwards. */
function sinceJoined(view: View, heartbeats: readonly Header[], queue: QueueModel, toldAt: number): Range {
  const joined = heartbeats.map(({ atMs, header, to }) => ({
    earliest: atMs - header.joinedAgoMs,
    latest: (view.events[Math.min(to, toldAt)]?.atMs ?? atMs) - header.joinedAgoMs,
  }));
  const earliest = Math.min(...joined.map((one) => one.earliest));
  const latest = Math.max(...joined.map((one) => one.latest));
  const atMs = (place: number): number => view.events[place]?.atMs ?? Number.POSITIVE_INFINITY;
  const placed = queue.writes.filter((write) => write.base !== undefined);
  const before = placed.filter(({ to }) => atMs(to) < earliest - MS).map(({ base, count }) => (base as number) + count);
  const after = placed.filter(({ from }) => atMs(from) > latest + MS && from < toldAt).map(({ base }) => base as number);
  const high = queue.highWatermark({ from: toldAt, to: toldAt });
  return { least: Math.max(0, ...before), most: Math.min(high.most, ...after) };
}

const startOfLease: Clause = {
  id: 'QNT-OFS-019',
  roles: ['broker'],
  check(view, judge) {
    for (const { group, lease, life } of leasesOf(view)) {
      const known = committedBefore(group, lease, life);
      if (known === undefined) continue;
      const oldest = life.queue(lease.queue).oldest({ from: lease.toldAt, to: lease.toldAt });
      const range = { least: Math.max(known.least, oldest.least), most: Math.max(known.most, oldest.most) };
      judgeThat(
        judge,
        lease.frame,
        isWithin(lease.startOffset, range),
        () =>
          `expected the lease of ${lease.topic}/${lease.queue} to begin at ${shownRange(range)}, the committed offset or the oldest one, got ${lease.startOffset}`,
        'start_offset',
      );
    }
  },
};

/** What the group had committed when a lease was given, without what the lease itself tells. */
function committedBefore(group: GroupModel, lease: Lease, life: Life): Range | undefined {
  const span: Span = { from: lease.toldAt - 1, to: lease.toldAt - 1 };
  const known = group.committed(life, lease.queue, span);
  return known?.has === true ? known : undefined;
}

/** Where a group begins. */
export const FIRST_OFFSETS: readonly Clause[] = [decidedOnce, beginning, startOfLease];
