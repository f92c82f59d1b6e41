import type { FrameSeen, Header, View } from '../../history/view.ts';
import type { Act, Span } from './acts.ts';

/** One queue of an assignment. */
export interface LeaseTold {
  readonly topic: string;
  readonly queue: number;
  readonly epoch: number;
  readonly startOffset: number;
  /** 0: held, 1: to be released. */
  readonly state: number;
}

/** All that a member was told to hold at one time. */
export interface AssignmentSeen {
  /** Where it came, whole. */
  readonly index: number;
  readonly atMs: number;
  readonly frame: FrameSeen;
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  readonly leases: readonly LeaseTold[];
}

/** The assignments that the subject told, in answers and pushes, in order. */
export function assignmentsOf(view: View, acts: readonly Act[]): readonly AssignmentSeen[] {
  const seen: AssignmentSeen[] = [];
  const add = (frame: FrameSeen, assignment: Header): void => {
    const { group, member, generation, leases } = assignment;
    seen.push({ index: frame.index, atMs: frame.atMs, frame, group, member, generation, leases });
  };
  for (const { name, exchange } of acts) {
    const { response, responses, code } = exchange ?? {};
    if (name !== 'CLIENT_HEARTBEAT' || response === undefined || responses === undefined || code !== undefined) continue;
    const pages = responses.map(({ header }) => header?.assignment).filter((page) => page !== undefined);
    if (pages.length > 0) add(response, { ...pages[0], leases: pages.flatMap(({ leases }) => leases) });
  }
  for (const { pages, last } of pushes(view)) add(last, { ...pages[0], leases: pages.flatMap(({ leases }) => leases) });
  return seen.sort((a, b) => a.index - b.index);
}

/** ASSIGNMENT comes in pages, joined by MORE. */
function pushes(view: View): readonly { readonly pages: readonly Header[]; readonly last: FrameSeen }[] {
  const whole: { pages: Header[]; last: FrameSeen }[] = [];
  const open = new Map<number, Header[]>();
  for (const frame of view.oneWays('ASSIGNMENT', 'subject')) {
    if (frame.header === undefined) continue;
    const pages = [...(open.get(frame.connection.number) ?? []), frame.header];
    if (frame.more) open.set(frame.connection.number, pages);
    else {
      open.delete(frame.connection.number);
      whole.push({ pages, last: frame });
    }
  }
  return whole;
}

/** One lease of a queue, from when it was first told. */
export interface Lease {
  readonly topic: string;
  readonly queue: number;
  readonly member: string;
  readonly epoch: number;
  readonly startOffset: number;
  readonly toldAt: number;
  readonly toldMs: number;
  readonly frame: FrameSeen;
  /** Every assignment of its member behind it, with whether it was held still: undefined for gone. */
  readonly later: { readonly index: number; readonly state: number | undefined }[];
}

/** The leases of one group. */
export function leasesOf(assignments: readonly AssignmentSeen[]): readonly Lease[] {
  const leases: Lease[] = [];
  const newest = new Map<string, number>();
  for (const { index, atMs, frame, member, generation, leases: told } of assignments) {
    // On two connections the older one may come last.
    if (generation < (newest.get(member) ?? 0)) continue;
    newest.set(member, generation);
    const isTold = ({ topic, queue, epoch }: Lease): LeaseTold | undefined =>
      told.find((one) => one.topic === topic && one.queue === queue && one.epoch === epoch);
    for (const lease of leases) if (lease.member === member) lease.later.push({ index, state: isTold(lease)?.state });
    for (const { topic, queue, epoch, startOffset, state } of told) {
      if (leases.some((lease) => lease.member === member && isSameLease(lease, topic, queue, epoch))) continue;
      const later = [{ index, state }];
      leases.push({ topic, queue, member, epoch, startOffset, toldAt: index, toldMs: atMs, frame, later });
    }
  }
  return leases;
}

const isSameLease = (lease: Lease, topic: string, queue: number, epoch: number): boolean =>
  lease.topic === topic && lease.queue === queue && lease.epoch === epoch;

/** Whether an act ends a lease: `maybe` where it may. */
export function ends({ name, header, done, answer, from }: Act, lease: Lease): 'yes' | 'no' | 'maybe' {
  const { topic, queue, member, epoch } = lease;
  if (done === 'no') return 'no';
  const sure = done === 'yes' && from > lease.toldAt ? 'yes' : 'maybe';
  const failedWith = (items: readonly Header[]): number =>
    items.find((item) => item.topic === topic && item.queue === queue)?.code ?? 0;
  switch (name) {
    case 'LEAVE':
      return header.member === member ? sure : 'no';
    case 'RELEASE': {
      const names = header.offsets.some((one: Header) => one.topic === topic && one.queue === queue && one.leaseEpoch === epoch);
      if (header.member !== member || !names) return 'no';
      return done === 'yes' && failedWith(answer.results) !== 0 ? 'maybe' : sure;
    }
    case 'GROUP_RESET': {
      if (header.dryRun) return 'no';
      if (done === 'maybe') return 'maybe';
      const moved = answer.results.some((one: Header) => one.topic === topic && one.queue === queue && one.code === 0);
      return moved ? sure : 'no';
    }
    default:
      return 'no';
  }
}

/** `live` and `dead` where that is sure for the whole span. */
export function lifeOf(
  lease: Lease,
  acts: readonly Act[],
  newer: readonly Lease[],
  { from, to }: Span,
): 'live' | 'dead' | undefined {
  const enders = acts.map((act) => ({ act, how: ends(act, lease) })).filter(({ how }) => how !== 'no');
  const gone = lease.later.find(({ state }) => state === undefined);
  if (enders.some(({ act, how }) => how === 'yes' && act.to < from)) return 'dead';
  if ((gone?.index ?? to) < from || newer.some(({ toldAt }) => toldAt < from)) return 'dead';
  const last = lease.later.findLast(({ index }) => index < to);
  const isHeld = lease.toldAt < from && last?.state === 0 && !enders.some(({ act }) => act.from < to);
  const isOver = (gone?.index ?? to) < to || newer.some(({ toldAt }) => toldAt < to);
  return isHeld && !isOver ? 'live' : undefined;
}
