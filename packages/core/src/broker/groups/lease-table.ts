import type { Timer } from '../../timers.ts';
import type {
  CommittedOffset,
  CommittedOffsetInit,
  LeaseEnded,
  LeaseGranted,
  LeaseGrantedInit,
} from '../../wire/gen/messages.ts';
import { LeaseState } from '../../wire/gen/registry.ts';

export interface Lease {
  readonly member: string;
  readonly label: string;
  readonly epoch: number;
  readonly startOffset: number;
  state: LeaseState;
  /** Runs while the member has time to release. */
  timer: Timer | undefined;
  /** That time is over. */
  overdue: boolean;
}

/** The last staged change of a queue, until it is durable. Compared by identity: a later change supersedes it. */
export interface PendingChange {
  readonly kind: 'grant' | 'end' | 'reset';
  /** Of the lease that is granted or ended; 0 for a reset. */
  readonly epoch: number;
  /** To whom the lease is granted. */
  readonly member?: string;
}

/** What one group knows of one queue of this broker. */
export interface QueueSlot {
  readonly topicId: number;
  readonly queue: number;
  /** Durable. */
  committed: number | undefined;
  /** Durable. Whether it still lets anybody in, `liveLease` tells. */
  lease: Lease | undefined;
  pending: PendingChange | undefined;
  /** The topic is gone: nobody may wait for this slot. */
  dropped: boolean;
}

/** The lease that lets its member pull, commit and release. It is dead from the moment on at which its end is staged. */
export function liveLease(slot: QueueSlot | undefined): Lease | undefined {
  if (slot === undefined || (slot.pending !== undefined && slot.pending.kind !== 'grant')) return undefined;
  return slot.lease;
}

/** Who has the queue and is to keep it, so that STICKY counts it: not who has to release it. */
export function holderOf(slot: QueueSlot | undefined): string | undefined {
  if (slot?.pending?.kind === 'grant') return slot.pending.member;
  const lease = liveLease(slot);
  return lease?.state === LeaseState.HELD ? lease.member : undefined;
}

const NO_SLOTS: ReadonlySet<QueueSlot> = new Set();

/** Committed offsets and leases of one group: changed only by records that are durable. */
export class LeaseTable {
  readonly #topics = new Map<number, Map<number, QueueSlot>>();
  readonly #byMember = new Map<string, Set<QueueSlot>>();

  get hasLeases(): boolean {
    return this.#byMember.size > 0;
  }

  find(topicId: number, queue: number): QueueSlot | undefined {
    return this.#topics.get(topicId)?.get(queue);
  }

  slot(topicId: number, queue: number): QueueSlot {
    let queues = this.#topics.get(topicId);
    if (queues === undefined) {
      queues = new Map();
      this.#topics.set(topicId, queues);
    }
    let slot = queues.get(queue);
    if (slot === undefined) {
      slot = { topicId, queue, committed: undefined, lease: undefined, pending: undefined, dropped: false };
      queues.set(queue, slot);
    }
    return slot;
  }

  *all(): IterableIterator<QueueSlot> {
    for (const queues of this.#topics.values()) yield* queues.values();
  }

  /** Those with a lease of this member, dead or alive. */
  ofMember(member: string): ReadonlySet<QueueSlot> {
    return this.#byMember.get(member) ?? NO_SLOTS;
  }

  /** Those who have leases, with the labels of their members. */
  *holders(): IterableIterator<{ readonly member: string; readonly label: string }> {
    for (const [member, slots] of this.#byMember)
      for (const slot of slots) {
        yield { member, label: slot.lease?.label ?? '' };
        break;
      }
  }

  granted(record: LeaseGranted): void {
    const slot = this.slot(record.topicId, record.queue);
    this.#removeLease(slot);
    const { member, label, epoch, startOffset } = record;
    slot.lease = { member, label, epoch, startOffset, state: LeaseState.HELD, timer: undefined, overdue: false };
    const slots = this.#byMember.get(member) ?? new Set();
    this.#byMember.set(member, slots.add(slot));
  }

  ended(record: LeaseEnded): void {
    const slot = this.find(record.topicId, record.queue);
    if (slot?.lease?.epoch === record.epoch) this.#removeLease(slot);
  }

  /** @param lastWins lower offsets are taken too: by a reset, and in a free group. */
  committed(offsets: readonly CommittedOffset[], lastWins: boolean): void {
    for (const { topicId, queue, offset } of offsets) {
      const slot = this.slot(topicId, queue);
      if (lastWins || slot.committed === undefined || offset > slot.committed) slot.committed = offset;
    }
  }

  /** Forgets what was to be done with leases; what the log says of them stays. */
  standDown(): void {
    for (const slot of this.all()) {
      slot.pending = undefined;
      if (slot.lease === undefined) continue;
      slot.lease.timer?.cancel();
      slot.lease.state = LeaseState.HELD;
      slot.lease.timer = undefined;
      slot.lease.overdue = false;
    }
  }

  /** @returns what was dropped. */
  dropTopic(topicId: number): readonly QueueSlot[] {
    const slots = [...(this.#topics.get(topicId)?.values() ?? [])];
    for (const slot of slots) {
      slot.dropped = true;
      slot.pending = undefined;
    }
    this.#topics.delete(topicId);
    return slots;
  }

  /** Forgets the lease of a slot that was dropped. */
  forget(slot: QueueSlot): void {
    this.#removeLease(slot);
  }

  offsets(): CommittedOffsetInit[] {
    const offsets: CommittedOffsetInit[] = [];
    for (const { topicId, queue, committed } of this.all())
      if (committed !== undefined) offsets.push({ topicId, queue, offset: committed });
    return offsets;
  }

  leases(group: string): LeaseGrantedInit[] {
    const leases: LeaseGrantedInit[] = [];
    for (const { topicId, queue, lease } of this.all()) {
      if (lease === undefined) continue;
      const { member, label, epoch, startOffset } = lease;
      leases.push({ group, topicId, queue, member, label, epoch, startOffset });
    }
    return leases;
  }

  #removeLease(slot: QueueSlot): void {
    const lease = slot.lease;
    if (lease === undefined) return;
    lease.timer?.cancel();
    slot.lease = undefined;
    const slots = this.#byMember.get(lease.member);
    slots?.delete(slot);
    if (slots?.size === 0) this.#byMember.delete(lease.member);
  }
}
