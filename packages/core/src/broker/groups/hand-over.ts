import type { QanatError } from '../../errors.ts';
import type { CommittedOffsetInit } from '../../wire/gen/messages.ts';
import { LeaseState } from '../../wire/gen/registry.ts';
import type { GroupEnv } from './group-env.ts';
import { type LeaseTable, liveLease, type PendingChange, type QueueSlot } from './lease-table.ts';
import type { Member } from './members.ts';

export type Settle = (error: QanatError | undefined) => void;

export interface Grant {
  readonly slot: QueueSlot;
  readonly member: Member;
}

/** What a hand-over asks of its group. */
export interface HandOverGroup {
  readonly name: string;
  readonly table: LeaseTable;
  /** Whether the member is alive. */
  alive(member: string): boolean;
  /** What this member holds, or has to release, is another. */
  changed(member: string): void;
  /** The queue has no lease: who shall have it. */
  nextOwner(slot: QueueSlot): Member | undefined;
  firstOffset(slot: QueueSlot, member: Member): number;
  /** A change was lost: look again what is to be done. */
  lookAgain(): void;
}

/** Offsets in one record of the log. */
const OFFSETS_PER_RECORD = 1_000;

/** Calls `settle` after `count` settlements, with the first error. */
export function settleAfter(count: number, settle: Settle): Settle {
  let left = count;
  let first: QanatError | undefined;
  return (error) => {
    first ??= error;
    left--;
    if (left === 0) settle(first);
  };
}

/**
 * Gives the leases of one group, and takes them back (spec, chapter of groups). A queue has one change under way at a time, and
 * the next lease is staged only when the end of the last one is durable: so there are never two holders.
 */
export class HandOver {
  readonly #env: GroupEnv;
  readonly #group: HandOverGroup;

  constructor(env: GroupEnv, group: HandOverGroup) {
    this.#env = env;
    this.#group = group;
  }

  /** Asks the holder to give the queue back, and takes it when the time to do so is over. */
  release(slot: QueueSlot): void {
    const lease = slot.lease;
    if (lease === undefined || lease.state === LeaseState.RELEASING) return;
    const { engine } = this.#env.host;
    lease.state = LeaseState.RELEASING;
    lease.timer = this.#env.at(
      engine.nowMs() + this.#env.options.releaseMs,
      () => {
        lease.overdue = true;
        if (slot.lease === lease && liveLease(slot) !== undefined) this.#take(slot, lease.member);
      },
      { forPeer: true },
    );
    this.#group.changed(lease.member);
  }

  /** Ends leases, granted or about to be; they are dead from now on. `settle` when that is durable. */
  end(slots: readonly QueueSlot[], settle: Settle = ignore): void {
    const mortal = slots.filter((slot) => !slot.dropped && (liveLease(slot) !== undefined || slot.pending?.kind === 'grant'));
    if (mortal.length === 0) return settle(undefined);
    const settled = settleAfter(mortal.length, settle);
    for (const slot of mortal) {
      this.#stageEnd(slot, (change, error) => {
        if (this.#finish(slot, change, error)) this.#grantFree(slot);
        settled(error);
      });
    }
    this.#env.host.leasesEnded(this.#group.name);
  }

  /**
   * Grants queues that have no lease. The first offset of a group in a queue is logged in the same breath, so that it is
   * decided once.
   */
  grant(grants: readonly Grant[]): void {
    const { host } = this.#env;
    const decided: CommittedOffsetInit[] = [];
    const starts = grants.map(({ slot, member }) => {
      const { topicId, queue, committed } = slot;
      const offset = committed ?? this.#group.firstOffset(slot, member);
      if (committed === undefined) decided.push({ topicId, queue, offset });
      return Math.max(offset, host.bounds(topicId, queue).oldest);
    });
    for (const offsets of inChunks(decided)) host.appendState({ offsetsCommitted: { group: this.#group.name, offsets } }, ignore);
    grants.forEach((grant, i) => {
      this.#stageGrant(grant, starts[i] as number);
    });
  }

  /** Ends the leases of these queues, writes these offsets, and grants anew. */
  reset(items: readonly { readonly slot: QueueSlot; readonly offset: number }[], settle: Settle): void {
    const { host } = this.#env;
    let ends = 0;
    for (const { slot } of items) {
      if (liveLease(slot) === undefined && slot.pending?.kind !== 'grant') continue;
      this.#stageEnd(slot, ignore);
      ends++;
    }
    const chunks = inChunks(items);
    const settled = settleAfter(chunks.length, settle);
    for (const chunk of chunks) {
      const change: PendingChange = { kind: 'reset', epoch: 0 };
      for (const { slot } of chunk) slot.pending = change;
      const offsets = chunk.map(({ slot: { topicId, queue }, offset }) => ({ topicId, queue, offset }));
      host.appendState({ offsetsCommitted: { group: this.#group.name, offsets, reset: true } }, (error) => {
        for (const { slot } of chunk) if (this.#finish(slot, change, error)) this.#grantFree(slot);
        settled(error);
      });
    }
    if (ends > 0) host.leasesEnded(this.#group.name);
  }

  /** Every staged change that is not applied was cut off the log. */
  rolledBack(): void {
    for (const slot of this.#group.table.all()) if (slot.pending !== undefined) this.#lost(slot);
  }

  #stageGrant({ slot, member }: Grant, startOffset: number): void {
    const { host } = this.#env;
    const { topicId, queue } = slot;
    const epoch = host.nextEpoch();
    const change: PendingChange = { kind: 'grant', epoch, member: member.id };
    slot.pending = change;
    const record = { group: this.#group.name, topicId, queue, member: member.id, label: member.label, epoch, startOffset };
    host.appendState({ leaseGranted: record }, (error) => {
      if (!this.#finish(slot, change, error)) return;
      if (!this.#group.alive(member.id)) return this.end([slot]);
      this.#group.changed(member.id);
      if (this.#group.nextOwner(slot) !== member) this.#group.lookAgain();
    });
  }

  #stageEnd(slot: QueueSlot, settle: (change: PendingChange, error: QanatError | undefined) => void): void {
    const { topicId, queue, lease, pending } = slot;
    const epoch = pending?.kind === 'grant' ? pending.epoch : (lease?.epoch ?? 0);
    const change: PendingChange = { kind: 'end', epoch };
    slot.pending = change;
    lease?.timer?.cancel();
    if (lease !== undefined) this.#group.changed(lease.member);
    this.#env.host.appendState({ leaseEnded: { group: this.#group.name, topicId, queue, epoch } }, (error) =>
      settle(change, error),
    );
  }

  /** @returns whether this change was the last one of the queue and is durable. */
  #finish(slot: QueueSlot, change: PendingChange, error: QanatError | undefined): boolean {
    if (slot.dropped || slot.pending !== change) return false;
    if (error !== undefined) {
      this.#lost(slot);
      return false;
    }
    slot.pending = undefined;
    return true;
  }

  /** The change did not happen. A lease that was to end lives on, and its member, who may have dropped the queue, is told so. */
  #lost(slot: QueueSlot): void {
    slot.pending = undefined;
    const lease = slot.lease;
    if (lease !== undefined) {
      if (lease.state === LeaseState.RELEASING) lease.overdue = true;
      this.#group.changed(lease.member);
    }
    this.#group.lookAgain();
  }

  #grantFree(slot: QueueSlot): void {
    if (slot.lease !== undefined) return;
    const member = this.#group.nextOwner(slot);
    if (member !== undefined) this.grant([{ slot, member }]);
  }

  #take(slot: QueueSlot, member: string): void {
    const { topicId, queue } = slot;
    this.#env.host.engine.log('warn', 'group.lease.taken', {
      group: this.#group.name,
      topic: this.#env.host.topicName(topicId),
      queue,
      member,
    });
    this.end([slot]);
  }
}

const ignore = (): void => {};

function inChunks<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += OFFSETS_PER_RECORD) chunks.push(items.slice(at, at + OFFSETS_PER_RECORD));
  return chunks;
}
