import type { Request, ServerSession } from '../../connection/server-session.ts';
import { type ErrorCode, QanatError } from '../../errors.ts';
import { checkName } from '../../model/names.ts';
import type { GroupState, GroupStateInit, StateRecord, Subscription } from '../../wire/gen/messages.ts';
import { GroupKind } from '../../wire/gen/registry.ts';
import type { GroupFigures } from '../figures.ts';
import { describeGroup, lagOf, listGroups } from './describe.ts';
import { Group } from './group.ts';
import { DEFAULT_GROUP_OPTIONS, GROUP_TOPICS_MAX, type GroupEnv, type GroupOptions, sessionTimes } from './group-env.ts';
import type { Settle } from './hand-over.ts';
import type { GroupHost } from './host.ts';
import { LeaseTable, liveLease } from './lease-table.ts';
import { checkAnswerFits, fetchOffsets, planCommit } from './offsets.ts';
import { resetGroup } from './reset.ts';
import { checkKind, checkSession, checkSubscription, storedRecord, unsubscribed } from './subscription.ts';

/**
 * The groups of one broker: members, leases, committed offsets (spec, chapters of groups and offsets).
 *
 * Durable state changes only in `apply`. The host calls it for each durable record in the order of the log, and afterwards what
 * `appendState` was given to settle. In recovery: `restore`, then `apply` for every record behind the snapshot (each after the
 * topics that it names are known to the host), then `start`.
 */
export class Groups {
  readonly #host: GroupHost;
  readonly #options: GroupOptions;
  readonly #env: GroupEnv;
  readonly #groups = new Map<string, Group>();
  /** By topic: the groups that subscribe to it. */
  readonly #subscribers = new Map<string, Set<string>>();
  /** Who waits for the record of a group to become durable. */
  readonly #changing = new Map<string, Settle[]>();
  readonly #sessions = new Map<ServerSession, Map<object, () => void>>();
  #generation = 0;
  #stopped = false;

  constructor(host: GroupHost, options: Partial<GroupOptions> = {}) {
    this.#host = host;
    this.#options = { ...DEFAULT_GROUP_OPTIONS, ...options };
    this.#env = this.#makeEnv();
  }

  /**
   * @returns whether the frame is of groups.
   * @throws QanatError which is the answer.
   */
  handle(request: Request): boolean {
    const { name } = request;
    switch (name) {
      case 'CLIENT_HEARTBEAT':
        this.#heartbeat(request as never, this.#host.engine.nowMs());
        return true;
      case 'RELEASE':
      case 'LEAVE':
        this.#giveBack(request as never);
        return true;
      case 'OFFSET_COMMIT':
        this.#commit(request as never);
        return true;
      case 'OFFSET_FETCH':
        this.#fetch(request as never);
        return true;
      case 'GROUP_LIST':
        listGroups(this.#host, this.#groups.values(), request as never);
        return true;
      case 'GROUP_DESCRIBE':
        this.#describe(request as never);
        return true;
      case 'GROUP_RESET':
        this.#reset(request as never);
        return true;
      default:
        return false;
    }
  }

  /** Why a PULL may not read this queue for this group. */
  pullError(groupName: string, member: string, topicId: number, queue: number, epoch: number): ErrorCode | undefined {
    const group = this.#groups.get(groupName);
    if (group === undefined) return epoch === 0 ? undefined : 'LEASE_FENCED';
    if (group.kind === GroupKind.FREE) return undefined;
    const lease = liveLease(group.table.find(topicId, queue));
    if (lease !== undefined && lease.epoch === epoch && lease.member === member) return undefined;
    return epoch === 0 && group.members.get(member) === undefined ? 'UNKNOWN_MEMBER' : 'LEASE_FENCED';
  }

  get size(): number {
    return this.#groups.size;
  }

  *figures(): Iterable<GroupFigures> {
    for (const group of this.#groups.values())
      yield { group: group.name, members: group.members.size, lag: lagOf(this.#host, group) };
  }

  // ---- durable state ----

  restore(states: readonly GroupState[]): void {
    for (const { group: name, kind, subscription, offsets, leases } of states) {
      // A large group comes in pieces.
      const group = this.#groups.get(name) ?? new Group(this.#env, name, subscription ?? unsubscribed(kind));
      this.#groups.set(name, group);
      group.table.committed(offsets, true);
      for (const lease of leases) group.table.granted(lease);
    }
  }

  snapshot(): GroupStateInit[] {
    return [...this.#groups.values()].map((group) => group.snapshot());
  }

  names(): string[] {
    return [...this.#groups.keys()];
  }

  snapshotOf(name: string): GroupStateInit | undefined {
    return this.#groups.get(name)?.snapshot();
  }

  apply(record: StateRecord): void {
    const { groupChanged, leaseGranted, leaseEnded, offsetsCommitted, topicRemoved } = record;
    if (groupChanged !== undefined)
      this.#setRecord(groupChanged.group, groupChanged.subscription ?? unsubscribed(groupChanged.kind));
    // A record may have been staged before its topic was removed, and come behind.
    if (leaseGranted !== undefined && this.#host.topicName(leaseGranted.topicId) !== undefined) {
      this.#groups.get(leaseGranted.group)?.table.granted(leaseGranted);
    }
    if (leaseEnded !== undefined) this.#groups.get(leaseEnded.group)?.table.ended(leaseEnded);
    if (offsetsCommitted !== undefined) {
      const group = this.#groups.get(offsetsCommitted.group);
      const offsets = offsetsCommitted.offsets.filter(({ topicId }) => this.#host.topicName(topicId) !== undefined);
      group?.table.committed(offsets, offsetsCommitted.reset || group.kind === GroupKind.FREE);
    }
    if (topicRemoved !== undefined) this.topicRemoved(topicRemoved.topicId);
  }

  /** All records that are staged and not applied were cut off the log. */
  rolledBack(): void {
    for (const group of this.#groups.values()) group.handOver.rolledBack();
  }

  /** Recovery is over, or the broker became master: members of the leases have a session's time to come back. */
  start(): void {
    this.#stopped = false;
    for (const group of this.#groups.values()) group.start();
  }

  /** The broker is a slave from now on: it grants nothing, and takes nobody for gone. Leases are what the log says. */
  standDown(): void {
    this.#stopped = true;
    this.#generation = 0;
    for (const group of this.#groups.values()) group.standDown();
  }

  /** CLIENT_HEARTBEAT at a slave: what the member holds here is what it holds already (spec, chapter of replication). */
  renew(request: Request<'CLIENT_HEARTBEAT'>): void {
    const { generation, sessionMs } = request.header;
    checkSession(sessionMs);
    request.respond({ generation, ...sessionTimes(this.#options, sessionMs) });
  }

  /** Why a PULL may not read this queue of a slave: a lease that it does not know yet may be in force. */
  pullErrorAtSlave(groupName: string, member: string, topicId: number, queue: number, epoch: number): ErrorCode | undefined {
    const group = this.#groups.get(groupName);
    if (epoch === 0 || group?.kind === GroupKind.FREE) return this.pullError(groupName, member, topicId, queue, epoch);
    const lease = group?.table.find(topicId, queue)?.lease;
    if (lease === undefined || lease.epoch < epoch) return 'NOT_YET';
    return lease.epoch === epoch && lease.member === member ? undefined : 'LEASE_FENCED';
  }

  /**
   * The broker is about to stop: its members hear nothing more from it, and it nothing from them. Until the next life of the
   * broker nobody is taken for gone and no lease is moved, so that a planned restart hands nothing out twice.
   */
  stop(): void {
    this.#stopped = true;
  }

  // ---- what happens around ----

  sessionClosed(session: ServerSession): void {
    const attached = this.#sessions.get(session);
    this.#sessions.delete(session);
    for (const lost of attached?.values() ?? []) lost();
  }

  /** The queues of a topic over all brokers are others. */
  topologyChanged(topic: string): void {
    for (const name of this.#subscribers.get(topic) ?? []) this.#groups.get(name)?.topologyChanged();
  }

  /** A topic of this broker is gone. */
  topicRemoved(topicId: number): void {
    for (const group of this.#groups.values()) group.topicRemoved(topicId);
  }

  // ---- frames ----

  /** @param arrivedMs when the frame came, however long it has waited for the record of its group since. */
  #heartbeat(request: Request<'CLIENT_HEARTBEAT'>, arrivedMs: number): void {
    const { group: name, subscription } = request.header;
    checkName('group', name);
    checkSession(request.header.sessionMs);
    const group = this.#groups.get(name);
    if (subscription !== undefined) {
      checkSubscription(subscription);
      this.#checkTopics(subscription);
      if (this.#changing.has(name) || group === undefined || group.isReplacedBy(subscription)) {
        return this.#change(name, subscription, (error) =>
          this.#again(request, error, () => this.#heartbeat(request, arrivedMs)),
        );
      }
    }
    if (group === undefined)
      request.respond({ wantSubscription: true, heartbeatMs: this.#options.heartbeatMs, sessionMs: this.#options.sessionMs });
    else group.heartbeat(request, arrivedMs);
  }

  /** What groups no longer subscribe to makes room again. */
  #checkTopics({ topics }: Subscription): void {
    const fresh = topics.filter(({ topic }) => !this.#subscribers.has(topic)).length;
    if (fresh > 0 && this.#subscribers.size + fresh > GROUP_TOPICS_MAX) {
      const has = `the groups of this broker subscribe to ${this.#subscribers.size} topics`;
      throw new QanatError('LIMIT_EXCEEDED', `${has}, at most ${GROUP_TOPICS_MAX} are allowed (GROUP_TOPICS_MAX)`);
    }
  }

  /** Makes or replaces the record of a group; whoever comes meanwhile waits for the change that is under way. */
  #change(name: string, subscription: Subscription, settle: Settle): void {
    const waiting = this.#changing.get(name);
    if (waiting !== undefined) {
      if (waiting.length >= this.#options.membersPerGroupMax) {
        throw new QanatError(
          'LIMIT_EXCEEDED',
          `${waiting.length} requests wait for group ${name} to be made (MEMBERS_PER_GROUP_MAX)`,
        );
      }
      waiting.push(settle);
      return;
    }
    const { groupsMax } = this.#options;
    if (!this.#groups.has(name) && this.#groups.size + this.#changing.size >= groupsMax) {
      throw new QanatError('LIMIT_EXCEEDED', `this broker has ${groupsMax} groups (GROUPS_PER_BROKER_MAX)`);
    }
    const waiters = [settle];
    this.#changing.set(name, waiters);
    this.#host.appendState({ groupChanged: { group: name, ...storedRecord(subscription) } }, (error) => {
      this.#changing.delete(name);
      for (const waiter of waiters) waiter(error);
    });
  }

  /** Handles a request again that waited for the record of its group. */
  #again(request: Request, error: QanatError | undefined, handle: () => void): void {
    if (!request.session.alive) return;
    if (error !== undefined) return request.fail(error);
    try {
      handle();
    } catch (failure) {
      if (!QanatError.is(failure)) throw failure;
      request.fail(failure);
    }
  }

  #giveBack(request: Request<'RELEASE'> | Request<'LEAVE'>): void {
    const group = this.#known(request.header.group);
    checkAnswerFits(request.header.offsets, request.session.controlBytesMax);
    if (request.name === 'RELEASE') group.release(request as Request<'RELEASE'>);
    else group.leave(request as Request<'LEAVE'>);
  }

  #commit(request: Request<'OFFSET_COMMIT'>): void {
    const { group: name, kind, member, offsets } = request.header;
    const group = this.#groups.get(name);
    checkAnswerFits(offsets, request.session.controlBytesMax);
    if (group !== undefined) {
      if (kind !== GroupKind.ASSIGNED && kind !== group.kind)
        throw new QanatError('GROUP_KIND_CONFLICT', `group ${name} is of another kind`);
      return group.commit(request);
    }
    checkName('group', name);
    checkKind(kind);
    const record = unsubscribed(kind);
    // A commit that comes to nothing makes no group.
    const plan = planCommit(this.#host, { name, kind, table: new LeaseTable() }, member, offsets, false);
    if (plan.offsets.length === 0) return request.respond({ results: plan.failed });
    this.#change(name, record, (error) => this.#again(request, error, () => this.#commit(request)));
  }

  #fetch(request: Request<'OFFSET_FETCH'>): void {
    fetchOffsets(this.#host, this.#groups.get(request.header.group)?.table, request);
  }

  #describe(request: Request<'GROUP_DESCRIBE'>): void {
    describeGroup(this.#host, this.#known(request.header.group), request);
  }

  #reset(request: Request<'GROUP_RESET'>): void {
    resetGroup(this.#host, this.#known(request.header.group), request);
  }

  #known(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined) throw new QanatError('GROUP_NOT_FOUND', `there is no group ${JSON.stringify(name)} at this broker`);
    return group;
  }

  #setRecord(name: string, record: Subscription): void {
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, new Group(this.#env, name, record));
    else group.setRecord(record);
  }

  #makeEnv(): GroupEnv {
    return {
      host: this.#host,
      options: this.#options,
      population: { size: 0 },
      at: (dueMs, run, options) => {
        const unlessStopped = (): void => {
          if (!this.#stopped) run();
        };
        return this.#host.engine.timers.at(dueMs, unlessStopped, options);
      },
      nextGeneration: () => {
        // Epochs are unique to a term, so a generation of an earlier life of the broker never looks like a present one.
        this.#generation = this.#generation === 0 ? this.#host.nextEpoch() : this.#generation + 1;
        return this.#generation;
      },
      attach: (session, key, lost) => {
        const attached = this.#sessions.get(session) ?? new Map();
        this.#sessions.set(session, attached.set(key, lost));
      },
      detach: (session, key) => {
        const attached = this.#sessions.get(session);
        attached?.delete(key);
        if (attached?.size === 0) this.#sessions.delete(session);
      },
      subscribe: (topic, name) => {
        const names = this.#subscribers.get(topic) ?? new Set();
        this.#subscribers.set(topic, names.add(name));
      },
      unsubscribe: (topic, name) => {
        const names = this.#subscribers.get(topic);
        names?.delete(name);
        if (names?.size !== 0) return;
        this.#subscribers.delete(topic);
        this.#host.unwatchTopic?.(topic);
      },
    };
  }
}
