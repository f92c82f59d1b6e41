import type { Assignment, ClientHeartbeatOk, SubscriptionInit } from '@qanat/core';
import { type Answer, FakeSession, type GroupWorld } from './group-world.ts';

/** Joins the pages of a heartbeat's answer. */
export function assignmentOf(pages: readonly ClientHeartbeatOk[]): Assignment | undefined {
  const first = pages[0]?.assignment;
  return first === undefined ? undefined : { ...first, leases: pages.flatMap((page) => page.assignment?.leases ?? []) };
}

/** A member that behaves: keeps the newest assignment, and sends what the test says. */
export class TestMember {
  readonly id: string;
  readonly world: GroupWorld;
  readonly group: string;
  session: FakeSession;
  subscription: SubscriptionInit;
  label: string;
  revision = 1;
  sent = false;
  joinedMs: number;
  assignment: Assignment | undefined;
  #read = 0;

  constructor(world: GroupWorld, id: string, subscription: SubscriptionInit, group = 'g') {
    this.world = world;
    this.id = id;
    this.label = id;
    this.group = group;
    this.subscription = subscription;
    this.session = new FakeSession(`10.0.0.1:${id}`.slice(0, 255));
    this.joinedMs = world.nowMs;
  }

  heartbeat(whole = !this.sent): Answer<'CLIENT_HEARTBEAT'> {
    this.read();
    this.sent = true;
    return this.world.request(this.session, 'CLIENT_HEARTBEAT', {
      group: this.group,
      member: this.id,
      label: this.label,
      generation: this.assignment?.generation ?? 0,
      revision: this.revision,
      subscription: whole ? this.subscription : undefined,
      joinedAgoMs: Math.floor(this.world.nowMs - this.joinedMs),
    });
  }

  /** Sends a heartbeat, lets all become durable, and takes the answer. */
  beat(whole = !this.sent): void {
    const answer = this.heartbeat(whole);
    this.world.settle();
    this.take(answer);
  }

  take(answer: Answer<'CLIENT_HEARTBEAT'>): void {
    const assignment = assignmentOf(answer.pages);
    if (assignment !== undefined && assignment.generation > (this.assignment?.generation ?? 0)) this.assignment = assignment;
    this.read();
    if (answer.ok.wantSubscription) this.sent = false;
  }

  read(): void {
    for (; this.#read < this.session.pushed.length; this.#read++) {
      const pushed = this.session.pushed[this.#read] as Assignment;
      if (pushed.generation > (this.assignment?.generation ?? 0)) this.assignment = pushed;
    }
  }

  /** Topic and queue of what it may consume. */
  get held(): string[] {
    this.read();
    return (this.assignment?.leases ?? []).filter((lease) => lease.state === 0).map(({ topic, queue }) => `${topic}/${queue}`);
  }

  get releasing(): string[] {
    this.read();
    return (this.assignment?.leases ?? []).filter((lease) => lease.state === 1).map(({ topic, queue }) => `${topic}/${queue}`);
  }

  lease(topic: string, queue: number): { epoch: number; startOffset: number; state: number } {
    this.read();
    const lease = this.assignment?.leases.find((l) => l.topic === topic && l.queue === queue);
    if (lease === undefined) throw new Error(`${this.id} does not hold ${topic}/${queue}`);
    return lease;
  }

  commit(topic: string, queue: number, offset: number, leaseEpoch = this.lease(topic, queue).epoch): Answer<'OFFSET_COMMIT'> {
    return this.world.request(this.session, 'OFFSET_COMMIT', {
      group: this.group,
      member: this.id,
      offsets: [{ topic, queue, offset, leaseEpoch }],
    });
  }

  release(topic: string, queue: number, offset: number, leaseEpoch = this.lease(topic, queue).epoch): Answer<'RELEASE'> {
    return this.world.request(this.session, 'RELEASE', {
      group: this.group,
      member: this.id,
      offsets: [{ topic, queue, offset, leaseEpoch }],
    });
  }

  /** Gives back whatever it is asked for, with the start offset. */
  releaseAll(): void {
    this.read();
    for (const { topic, queue, epoch, startOffset, state } of this.assignment?.leases ?? []) {
      if (state === 1) this.release(topic, queue, startOffset, epoch);
    }
  }

  leave(): Answer<'LEAVE'> {
    return this.world.request(this.session, 'LEAVE', { group: this.group, member: this.id });
  }

  reconnect(): void {
    this.session = new FakeSession(`10.0.0.2:${this.id}`);
    this.#read = 0;
  }
}
