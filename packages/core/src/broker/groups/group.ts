import type { Request } from '../../connection/server-session.ts';
import { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { ClientHeartbeat } from '../../wire/gen/consuming-messages.ts';
import type { GroupStateInit, Subscription } from '../../wire/gen/messages.ts';
import { GroupKind, LeaseState } from '../../wire/gen/registry.ts';
import { assignmentPages } from './assignment.ts';
import { type GroupEnv, sessionTimes } from './group-env.ts';
import { type Grant, HandOver } from './hand-over.ts';
import { holderOf, LeaseTable, type QueueSlot } from './lease-table.ts';
import { type Member, Members } from './members.ts';
import { commit, giveBack, planCommit } from './offsets.ts';
import { firstOffset } from './start-offset.ts';
import { storedRecord, subscriptionConflict, subscriptionText } from './subscription.ts';
import { topicTarget } from './target.ts';

/** What the last target was made of. */
interface View {
  readonly members: number;
  /** Of all topics over all brokers. */
  readonly queues: number;
  /** Of the topic that has the most: members that sort behind it are idle. */
  readonly widest: number;
}

/** One group at this broker: its record, its members, its leases, and what is to be done to bring leases and target together. */
export class Group {
  readonly name: string;
  readonly table: LeaseTable = new LeaseTable();
  readonly members: Members;
  readonly handOver: HandOver;
  readonly #env: GroupEnv;
  #record: Subscription;
  #text: string;
  /** By topic id: the owner of each queue of this broker. */
  #owners = new Map<number, readonly string[]>();
  #view: View = { members: 0, queues: 0, widest: 0 };
  #rebalance: { readonly dueMs: number; readonly timer: Timer } | undefined;
  /** After a restart, until every member had the time to come back: leases stay where they are. */
  #settling: Timer | undefined;
  /** Members that are to be told now that what they hold is another. */
  #untold = new Set<Member>();

  constructor(env: GroupEnv, name: string, record: Subscription) {
    this.#env = env;
    this.name = name;
    this.#record = record;
    this.#text = subscriptionText(record);
    this.members = new Members(env, (member, why) => this.#gone(member, why));
    this.handOver = new HandOver(env, {
      name,
      table: this.table,
      alive: (member) => this.members.get(member) !== undefined,
      changed: (member) => this.#changed(this.members.get(member)),
      nextOwner: (slot) => this.#nextOwner(slot),
      firstOffset: (slot, member) => firstOffset(env.host, this.#record, member, slot.topicId, slot.queue),
      lookAgain: () => this.#schedule(env.options.rebalanceDelayMs),
    });
    for (const { topic } of record.topics) env.subscribe(topic, name);
  }

  get kind(): GroupKind {
    return this.#record.kind;
  }

  get record(): Subscription {
    return this.#record;
  }

  snapshot(): GroupStateInit {
    return {
      group: this.name,
      ...storedRecord(this.#record),
      offsets: this.table.offsets(),
      leases: this.table.leases(this.name),
    };
  }

  // ---- the record ----

  /** The durable record is another. */
  setRecord(record: Subscription): void {
    for (const { topic } of this.#record.topics) this.#env.unsubscribe(topic, this.name);
    this.#record = record;
    this.#text = subscriptionText(record);
    for (const { topic } of record.topics) this.#env.subscribe(topic, this.name);
    if (this.members.size === 0) return;
    this.#watchTopics();
    this.#schedule(0);
  }

  /**
   * Whether this subscription is to replace the record.
   * @throws QanatError GROUP_KIND_CONFLICT, SUBSCRIPTION_CONFLICT.
   */
  isReplacedBy(subscription: Subscription): boolean {
    if (subscription.kind !== this.kind)
      throw new QanatError('GROUP_KIND_CONFLICT', `group ${this.name} is ${kindName(this.kind)}`);
    const text = subscriptionText(subscription);
    if (text === '') return false;
    if (this.#text === '' || subscription.version > this.#record.version) return true;
    if (text !== this.#text) throw subscriptionConflict(this.#record, subscription.version, text);
    return false;
  }

  // ---- what members send ----

  /**
   * @param arrivedMs when the frame came.
   * @throws QanatError SUBSCRIPTION_CONFLICT, LIMIT_EXCEEDED.
   */
  heartbeat(request: Request<'CLIENT_HEARTBEAT'>, arrivedMs: number): void {
    const { header } = request;
    const known = this.members.get(header.member);
    if (known === undefined && header.subscription === undefined) return request.respond(this.#answer(header, undefined));
    const member = known ?? this.#admit(header);
    const returned = member.restored;
    const moved = member.label !== header.label;
    this.#hear(member, request, arrivedMs);
    if (this.#isOutdated(member)) throw subscriptionConflict(this.#record, member.version, member.text);
    if (known === undefined && this.members.size === 1 && !this.table.hasLeases) this.#rebalanceNow();
    else if (known === undefined || returned || moved) this.#schedule(this.#env.options.rebalanceDelayMs);
    this.#answerInPages(request, member);
  }

  release(request: Request<'RELEASE'>): void {
    const { member, offsets } = request.header;
    const plan = planCommit(this.#env.host, this, member, offsets, true);
    giveBack(this.#env.host, this, this.handOver, request, plan);
  }

  leave(request: Request<'LEAVE'>): void {
    const { member: id, offsets } = request.header;
    const plan = planCommit(this.#env.host, this, id, offsets, this.kind === GroupKind.ASSIGNED);
    const held = [...this.table.ofMember(id)];
    const member = this.members.get(id);
    if (member !== undefined) this.#forget(member);
    giveBack(this.#env.host, this, this.handOver, request, plan, held);
  }

  commit(request: Request<'OFFSET_COMMIT'>): void {
    const { member, offsets } = request.header;
    commit(this.#env.host, this, request, planCommit(this.#env.host, this, member, offsets, false));
  }

  // ---- what happens around it ----

  /** After recovery: leases stay with their members, who have a session's time to come back. */
  start(): void {
    for (const { member, label } of this.table.holders()) {
      const restored = this.members.add(member, label, this.#text, this.#env.options.sessionMs);
      restored.restored = true;
      restored.version = this.#record.version;
    }
    if (this.members.size === 0) return;
    this.#watchTopics();
    const { engine } = this.#env.host;
    const settle = (): void => {
      this.#settling = undefined;
      this.#rebalanceNow();
    };
    this.#settling = this.#env.at(engine.nowMs() + this.#env.options.sessionMs, settle, { forPeer: true });
    this.#retarget();
  }

  /** Forgets its members, and what is to be done: only the log says who holds what. */
  standDown(): void {
    this.#rebalance?.timer.cancel();
    this.#rebalance = undefined;
    this.#settling?.cancel();
    this.#settling = undefined;
    this.#untold.clear();
    for (const member of [...this.members.all()]) this.members.remove(member);
    this.table.standDown();
    this.#owners = new Map();
    this.#view = { members: 0, queues: 0, widest: 0 };
  }

  /** Queues of a topic came or went, at this broker or another. */
  topologyChanged(): void {
    if (this.members.size > 0) this.#schedule(this.#env.options.rebalanceDelayMs);
  }

  /** The topic is gone, with its leases and offsets. */
  topicRemoved(topicId: number): void {
    const slots = this.table.dropTopic(topicId);
    for (const slot of slots) {
      const member = slot.lease?.member;
      this.table.forget(slot);
      if (member !== undefined) this.#changed(this.members.get(member));
    }
    if (!this.#owners.delete(topicId) && slots.length === 0) return;
    this.#env.host.leasesEnded(this.name);
    this.topologyChanged();
  }

  // ---- members ----

  #admit(header: ClientHeartbeat): Member {
    const { membersPerGroupMax, membersMax } = this.#env.options;
    if (this.#env.population.size >= membersMax)
      throw new QanatError('LIMIT_EXCEEDED', `the groups of this broker have ${membersMax} members (MEMBERS_MAX)`);
    if (this.members.size >= membersPerGroupMax) {
      throw new QanatError('LIMIT_EXCEEDED', `group ${this.name} has ${membersPerGroupMax} members (MEMBERS_PER_GROUP_MAX)`);
    }
    if (this.members.size === 0) this.#watchTopics();
    return this.members.add(header.member, header.label, this.#text, this.#sessionMs(header));
  }

  /** Takes what a heartbeat says of its member. */
  #hear(member: Member, request: Request<'CLIENT_HEARTBEAT'>, arrivedMs: number): void {
    const { header, session } = request;
    this.members.heard(member, session, this.#sessionMs(header));
    // Counted from when it came: what was stored while it waited for the record of the group belongs to the member.
    const joinedMs = arrivedMs - header.joinedAgoMs;
    member.joinedMs = member.restored ? joinedMs : Math.min(member.joinedMs, joinedMs);
    member.restored = false;
    member.label = header.label;
    if (header.subscription === undefined) return;
    member.revision = header.revision;
    member.version = header.subscription.version;
    const text = subscriptionText(header.subscription);
    // One text for all members, not a copy each.
    if (member.text !== text) this.#schedule(this.#env.options.rebalanceDelayMs);
    member.text = text === this.#text ? this.#text : text;
  }

  #sessionMs(header: ClientHeartbeat): number {
    return sessionTimes(this.#env.options, header.sessionMs).sessionMs;
  }

  /** The record was replaced: this member may only release and stop. */
  #isOutdated(member: Member): boolean {
    return this.#text !== '' && member.text !== this.#text;
  }

  #gone(member: Member, why: string): void {
    this.#env.host.engine.log('info', 'group.member.gone', { group: this.name, member: member.id, label: member.label, why });
    this.#forget(member);
    this.handOver.end([...this.table.ofMember(member.id)]);
  }

  #forget(member: Member): void {
    this.members.remove(member);
    this.#untold.delete(member);
    this.#schedule(this.#env.options.rebalanceDelayMs);
  }

  // ---- answers and pushes ----

  #answer(header: ClientHeartbeat, member: Member | undefined): Parameters<Request<'CLIENT_HEARTBEAT'>['respond']>[0] {
    return {
      generation: member?.generation,
      wantSubscription: member === undefined || member.revision !== header.revision,
      ...sessionTimes(this.#env.options, header.sessionMs),
    };
  }

  #answerInPages(request: Request<'CLIENT_HEARTBEAT'>, member: Member): void {
    this.#renew(member);
    const answer = this.#answer(request.header, member);
    if (request.header.generation === member.generation) return request.respond(answer);
    request.respondInPages(this.#assignment(member).map((assignment) => ({ ...answer, assignment })));
  }

  #assignment(member: Member): ReturnType<typeof assignmentPages> {
    const counts = { group: this.name, members: this.members.size, queues: this.#view.queues };
    return assignmentPages(this.#env.host, counts, member, this.table);
  }

  #renew(member: Member): void {
    if (member.changed) member.generation = this.#env.nextGeneration();
    member.changed = false;
  }

  /** Tells a member at once; all changes of one instant are one push. */
  #changed(member: Member | undefined): void {
    if (member === undefined) return;
    member.changed = true;
    const { engine } = this.#env.host;
    if (this.#untold.size === 0) engine.timers.at(engine.nowMs(), () => this.#tell());
    this.#untold.add(member);
  }

  #tell(): void {
    const untold = [...this.#untold];
    this.#untold.clear();
    for (const member of untold) {
      const { session } = member;
      // Who does not read is told by the answer to its next heartbeat, which names an old generation.
      if (!member.changed || session === undefined || session.blocked) continue;
      this.#renew(member);
      const pages = this.#assignment(member);
      pages.forEach((page, i) => {
        session.push('ASSIGNMENT', page, i < pages.length - 1);
      });
    }
  }

  // ---- leases and target ----

  #watchTopics(): void {
    for (const { topic } of this.#record.topics) this.#env.host.watchTopic(topic);
  }

  #schedule(delayMs: number): void {
    const { engine } = this.#env.host;
    const dueMs = engine.nowMs() + delayMs;
    if (this.#rebalance !== undefined && this.#rebalance.dueMs <= dueMs) return;
    this.#rebalance?.timer.cancel();
    this.#rebalance = { dueMs, timer: this.#env.at(dueMs, () => this.#rebalanceNow()) };
  }

  #rebalanceNow(): void {
    this.#rebalance?.timer.cancel();
    this.#rebalance = undefined;
    if (this.kind !== GroupKind.ASSIGNED) return;
    this.#retarget();
    this.#takeBack();
    const grants: Grant[] = [];
    for (const [topicId, owners] of this.#owners) {
      for (let queue = 0; queue < owners.length; queue++) {
        const slot = this.table.slot(topicId, queue);
        const member = slot.lease === undefined && slot.pending === undefined ? this.#nextOwner(slot) : undefined;
        if (member !== undefined) grants.push({ slot, member });
      }
    }
    this.handOver.grant(grants);
  }

  /** Computes who shall hold what, and who is idle. */
  #retarget(): void {
    const { host } = this.#env;
    const members = this.members.sorted(this.#text);
    const ids = members.map((member) => member.id);
    this.#owners = new Map();
    let queues = 0;
    let widest = 0;
    for (const { topic } of this.#record.topics) {
      const own = host.topic(topic);
      const target = topicTarget(ids, host.shares(topic), host.brokerName, own?.queues ?? 0, {
        strategy: this.#record.strategy,
        holder: (queue) => (own === undefined ? undefined : holderOf(this.table.find(own.id, queue))),
      });
      if (own !== undefined) this.#owners.set(own.id, target.owners);
      queues += target.queues;
      widest = Math.max(widest, target.queues);
    }
    const view = { members: this.members.size, queues, widest };
    const isNew = view.members !== this.#view.members || view.queues !== this.#view.queues;
    this.#view = view;
    // New counts alone are told with the next heartbeat: a thousand members joining one by one would be a million pushes.
    if (isNew) for (const member of this.members.all()) member.changed = true;
    members.forEach((member, index) => {
      const idle = index >= widest;
      if (member.idle === idle) return;
      member.idle = idle;
      this.#changed(member);
    });
  }

  /** Ends the leases of those who are gone or late, and asks the others for what the target gives away. */
  #takeBack(): void {
    const over: QueueSlot[] = [];
    for (const slot of this.table.all()) {
      const { lease } = slot;
      if (lease === undefined || slot.pending !== undefined) continue;
      const member = this.members.get(lease.member);
      if (member === undefined || lease.overdue) over.push(slot);
      else if (lease.state === LeaseState.HELD && this.#owners.get(slot.topicId)?.[slot.queue] !== member.id) {
        if (this.#settling === undefined || this.#isOutdated(member)) this.handOver.release(slot);
      }
    }
    this.handOver.end(over);
  }

  /** Whom the target gives a queue to, when that member is really there. */
  #nextOwner(slot: QueueSlot): Member | undefined {
    const id = this.#owners.get(slot.topicId)?.[slot.queue];
    const member = id === undefined ? undefined : this.members.get(id);
    return member === undefined || member.restored || this.#isOutdated(member) ? undefined : member;
  }
}

const kindName = (kind: GroupKind): string => (kind === GroupKind.FREE ? 'free' : 'assigned');
