import type { Header } from '../../history/view.ts';
import { type Act, type Span, subjectEvents } from './acts.ts';
import { type Committed, committedOf } from './committed.ts';
import type { KnownBroker } from './known.ts';
import { type AssignmentSeen, assignmentsOf, type Lease, leasesOf, lifeOf } from './leases.ts';
import type { Life } from './topic-model.ts';

export const GROUP_KINDS = ['ASSIGNED', 'FREE', 'SHARED'] as const;

/** A member that is silent for less than this is alive, whatever its session. */
const LOST_MS_LEAST = 500;

export type Fence = 'OK' | 'LEASE_FENCED' | 'UNKNOWN_MEMBER';

/** What is known of one group. */
export class GroupModel {
  readonly name: string;
  /** Everything that was asked in its name, in order. */
  readonly acts: readonly Act[];
  readonly #model: KnownBroker;
  readonly #makers: readonly Act[];
  #assignments: readonly AssignmentSeen[] | undefined;
  #leases: readonly Lease[] | undefined;

  constructor(name: string, model: KnownBroker) {
    this.name = name;
    this.#model = model;
    this.acts = model.acts.filter(({ header }) => header.group === name);
    this.#makers = this.acts.filter((act) => act.done !== 'no' && mayMake(act));
  }

  /** Heartbeats that bring a subscription, from the first on. */
  get subscribers(): readonly Act[] {
    return this.#makers.filter(({ name }) => name === 'CLIENT_HEARTBEAT');
  }

  get assignments(): readonly AssignmentSeen[] {
    this.#assignments ??= assignmentsOf(this.#model.view, this.acts).filter(({ group }) => group === this.name);
    return this.#assignments;
  }

  get leases(): readonly Lease[] {
    this.#leases ??= leasesOf(this.assignments);
    return this.#leases;
  }

  /** Whether the broker knows the group. */
  exists(span: Span): boolean | undefined {
    if (this.#model.isBlind(span)) return undefined;
    if (this.#makers.some((act) => act.to < span.from && makes(act))) return true;
    return this.#makers.some((act) => act.from < span.to) ? undefined : false;
  }

  /** 0: assigned, 1: free. */
  kind(span: Span): number | undefined {
    if (this.exists(span) !== true) return undefined;
    const first = Math.min(...this.#makers.filter(makes).map(({ to }) => to));
    const kinds = new Set(this.#makers.filter(({ from }) => from < first).map(kindOf));
    return kinds.size === 1 ? [...kinds][0] : undefined;
  }

  /** Whether a member is alive; only what is heard of it says that it is. */
  isAlive(member: string, span: Span): boolean | undefined {
    const heard = this.acts.filter((act) => act.name === 'CLIENT_HEARTBEAT' && act.header.member === member && act.done !== 'no');
    const left = this.acts.filter((act) => act.name === 'LEAVE' && act.header.member === member && act.done !== 'no');
    const leave = left.findLast(({ done, to }) => done === 'yes' && to < span.from);
    if (!heard.some((act) => act.to > (leave?.from ?? -1) && act.from < span.to)) return false;
    const last = heard.findLast((act) => act.done === 'yes' && act.to < span.from && !act.answer.wantSubscription);
    if (last === undefined || left.some((act) => act.to > last.from && act.from < span.to)) return undefined;
    const { view } = this.#model;
    const atMs = view.events[Math.min(span.to, view.events.length - 1)]?.atMs ?? view.endMs;
    const isHeard = atMs - last.atMs < Math.max(LOST_MS_LEAST, (last.answer.sessionMs ?? 0) - view.slackMs);
    const isThere =
      last.connection.closedIndex > span.to && !subjectEvents(view).some(({ index }) => index > last.from && index < span.to);
    return isHeard && isThere ? true : undefined;
  }

  /** The leases of a queue, in the order in which they were told. */
  leasesAt(topic: string, queue: number): readonly Lease[] {
    return this.leases.filter((lease) => lease.topic === topic && lease.queue === queue);
  }

  /** Whether this lease lets its member in. */
  lease(topic: string, queue: number, member: string, epoch: number, span: Span): 'live' | 'dead' | undefined {
    if (this.#model.isBlind(span)) return undefined;
    const leases = this.leasesAt(topic, queue);
    const lease = leases.find((one) => one.epoch === epoch && one.member === member);
    if (lease === undefined) return this.#isRevealed(topic, queue, epoch) ? undefined : 'dead';
    const life = lifeOf(
      lease,
      this.acts,
      leases.filter((one) => one.epoch > epoch),
      span,
    );
    if (life !== 'live') return life;
    return this.isAlive(member, span) === true && !this.#isReplaced(span) ? life : undefined;
  }

  /** What a broker says to a PULL of a queue. */
  fence(topic: string, queue: number, member: string, epoch: number, span: Span): Fence | undefined {
    if (this.name === '') return 'OK';
    if (this.exists(span) === false) return epoch === 0 ? 'OK' : undefined;
    const kind = this.kind(span);
    if (kind !== 0) return kind === 1 && epoch === 0 ? 'OK' : undefined;
    if (epoch !== 0) {
      const life = this.lease(topic, queue, member, epoch, span);
      return life === undefined ? undefined : life === 'live' ? 'OK' : 'LEASE_FENCED';
    }
    const alive = this.isAlive(member, span);
    return alive === undefined ? undefined : alive ? 'LEASE_FENCED' : 'UNKNOWN_MEMBER';
  }

  /** Whether a commit bears the lease that it has to bear. */
  mayCommit(topic: string, queue: number, member: string, epoch: number, span: Span): boolean | undefined {
    const exists = this.exists(span);
    const kind = exists === true ? this.kind(span) : undefined;
    if (kind === 1) return true;
    if (exists === undefined || (exists && kind === undefined)) return undefined;
    if (epoch !== 0) {
      if (exists === false) return false;
      const life = this.lease(topic, queue, member, epoch, span);
      return life === undefined ? undefined : life === 'live';
    }
    if (!this.subscribers.some(({ from }) => from < span.to)) return true;
    const isHeld = this.leasesAt(topic, queue).some((one) => this.lease(topic, queue, one.member, one.epoch, span) === 'live');
    return isHeld ? false : undefined;
  }

  /** The committed offset of a queue; undefined where nothing is known of it. */
  committed(life: Life, queue: number, span: Span): Committed | undefined {
    const exists = this.exists(span);
    if (exists === false) return { has: false, least: 0, most: 0 };
    const kind = exists === true ? this.kind(span) : undefined;
    if (kind === undefined) return undefined;
    return committedOf({ model: this.#model, group: this, life, queue, isFree: kind === 1 }, span);
  }

  /** The topics of its subscription, where all members agree on them. A free group needs none. */
  topics(span: Span): readonly string[] | undefined {
    if (this.kind(span) !== 0) return this.kind(span) === 1 ? [] : undefined;
    const begun = this.subscribers.filter(({ from }) => from < span.to);
    if (begun.length === 0) return [];
    const texts = new Set(begun.map(({ header }) => JSON.stringify(topicsOf(header))));
    const first = begun.find(({ done, to }) => done === 'yes' && to < span.from);
    return texts.size > 1 || first === undefined ? undefined : topicsOf(first.header);
  }

  /** Epochs that GROUP_DESCRIBE told, of leases that their members may not have heard of. */
  #isRevealed(topic: string, queue: number, epoch: number): boolean {
    return this.acts.some(
      ({ name, answer }) =>
        name === 'GROUP_DESCRIBE' &&
        answer?.queues.some((one: Header) => one.topic === topic && one.queue === queue && one.epoch === epoch),
    );
  }

  /** Members with other subscriptions: some of them have to go. */
  #isReplaced({ to }: Span): boolean {
    const versions = new Set(this.subscribers.filter(({ from }) => from < to).map(({ header }) => header.subscription.version));
    return versions.size > 1;
  }
}

export const topicsOf = (header: Header): readonly string[] =>
  header.subscription.topics.map(({ topic }: { readonly topic: string }) => topic).sort();

/** Whether a request may be the first one of its group. */
const mayMake = ({ name, header }: Act): boolean =>
  name === 'OFFSET_COMMIT' || (name === 'CLIENT_HEARTBEAT' && header.subscription !== undefined);

/** A commit of which nothing was taken may have made no group. */
const makes = ({ name, header, done, answer }: Act): boolean =>
  done === 'yes' && (name === 'CLIENT_HEARTBEAT' || header.offsets.length > answer.results.length);

const kindOf = ({ name, header }: Act): number => (name === 'OFFSET_COMMIT' ? header.kind : header.subscription.kind);
