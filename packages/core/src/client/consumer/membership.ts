import type { QanatError } from '../../errors.ts';
import type { Timer } from '../../timers.ts';
import type { ClientHeartbeatOk } from '../../wire/gen/consuming-messages.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import type { Assignment, Lease, SubscriptionInit } from '../../wire/gen/messages.ts';
import { GroupKind, LIMITS, Position } from '../../wire/gen/registry.ts';
import type { ConsumerSettings } from './options.ts';
import type { LeaseGuard } from './queue-stream.ts';
import type { ConsumerScope } from './scope.ts';

/** After an error that the broker may get over. */
const RETRY_MS = 1_000;
/** Whatever a broker asks for. */
const BEAT_MS_MIN = 100;
/** A subscription never changes in a consumer's life. */
const REVISION = 1;
/** Heartbeats without an answer, on a connection that seems open, until the connection is given up. */
const UNANSWERED_MAX = 2;

/** What a broker said last of the group. */
export interface GroupView {
  readonly members: number;
  readonly queues: number;
  readonly leases: number;
  readonly idle: boolean;
}

export interface MembershipOwner {
  readonly broker: string;
  /** The peer that keeps the leases: the broker, or a slave in its place. */
  readonly keeper: string;
  /** The keeper refuses heartbeats. */
  onKeeperRefused(): void;
  /** Everything that the member holds at this broker. */
  onLeases(leases: readonly Lease[]): void;
  /** The session was confirmed: what was held back may go on. */
  onConfirmed(): void;
  /** No answer for longer than the session: nothing is handed out until one comes. */
  onSessionLost(silentMs: number): void;
}

function subscriptionOf(settings: ConsumerSettings): SubscriptionInit {
  const { from } = settings;
  return {
    kind: GroupKind.ASSIGNED,
    strategy: settings.strategy,
    version: settings.subscriptionVersion,
    topics: [...settings.subscriptions.values()].map(({ topic, filterText }) => ({ topic, filter: filterText })),
    from: from === 'first' ? Position.FIRST : from === 'last' ? Position.LAST : Position.AT_TIME,
    fromTimeMs: typeof from === 'object' ? from.timeMs : 0,
  };
}

/** What the broker cannot get over by itself: the group's record or limits refuse us. */
const isRefusal = (error: QanatError): boolean =>
  error.wireNumber !== 0 &&
  !error.retryable &&
  error.code !== 'TOPIC_NOT_FOUND' &&
  error.code !== 'QUEUE_NOT_FOUND' &&
  error.code !== 'GROUP_NOT_FOUND';

/** This consumer as a member of its group at one broker: heartbeats, session, assignment. */
export class Membership {
  readonly guard: LeaseGuard = { validUntilMs: Number.NEGATIVE_INFINITY };
  view: GroupView | undefined;
  /** A heartbeat was answered on this connection. */
  confirmed = false;
  readonly #scope: ConsumerScope;
  readonly #owner: MembershipOwner;
  /** Of the assignment that we hold; 0: let the broker send the whole. */
  #generation = 0;
  /** The highest that was taken on this connection: a lower one is old news (QNT-GRP-007). */
  #taken = 0;
  #sendSubscription = true;
  #beatTimer: Timer | undefined;
  #sessionTimer: Timer | undefined;
  /** The keeper, and the connection to it, that heartbeats go to: what another says comes too late. */
  #life = 0;
  #pending = false;
  #again = false;
  #unanswered = 0;
  #heardMs = 0;
  #failing = false;
  /** The broker asked for no heartbeat before. */
  #restUntilMs = 0;
  #stopped = false;

  constructor(scope: ConsumerScope, owner: MembershipOwner) {
    this.#scope = scope;
    this.#owner = owner;
  }

  stop(): void {
    this.#stopped = true;
    this.confirmed = false;
    this.#beatTimer?.cancel();
    this.#sessionTimer?.cancel();
  }

  /** The connection to the keeper is new, or the keeper is another. */
  onOpen(): void {
    this.#life++;
    this.#pending = false;
    this.confirmed = false;
    this.#sendSubscription = true;
    this.#unanswered = 0;
    this.#taken = 0;
    this.beat();
  }

  /** The broker counts us as gone soon after it lost the connection (spec, chapter of groups). */
  onClosed(): void {
    this.confirmed = false;
    this.#beatTimer?.cancel();
    this.#limitSession(this.#scope.host.engine.nowMs() + LIMITS.MEMBER_LOST_MS);
  }

  /** The broker said that it does not know us: nothing that we hold is ours until it says so again. */
  onUnknown(): void {
    this.#forget();
    this.beat();
  }

  /** What we hold may differ from what the broker says that we hold: ask for the whole. */
  askAgain(): void {
    this.#generation = 0;
    this.beat();
  }

  /** Sends a heartbeat now, or right after the one under way. */
  beat(): void {
    if (this.#stopped || !this.#scope.host.isOpen(this.#owner.keeper)) return;
    if (this.#pending) {
      this.#again = true;
      return;
    }
    const { host, settings } = this.#scope;
    const sentMs = host.engine.nowMs();
    if (sentMs < this.#restUntilMs) return this.#beatAt(this.#restUntilMs);
    const withSubscription = this.#sendSubscription;
    this.#pending = true;
    this.#again = false;
    this.#sendSubscription = false;
    const header = {
      group: settings.group,
      member: settings.instanceId,
      label: settings.label,
      generation: this.#generation,
      revision: REVISION,
      subscription: withSubscription ? subscriptionOf(settings) : undefined,
      joinedAgoMs: Math.floor(sentMs - this.#scope.joinedAtMs),
      sessionMs: settings.sessionMs,
    };
    this.#beatAt(sentMs + LIMITS.MEMBER_HEARTBEAT_MS);
    const options = { timeoutMs: host.settings.attemptMs, codec: CONSUMING_REQUESTS.CLIENT_HEARTBEAT };
    const life = this.#life;
    host.request(this.#owner.keeper, 'CLIENT_HEARTBEAT', header, options, (error, response) => {
      if (life !== this.#life) return;
      this.#pending = false;
      if (this.#stopped) return;
      if (error !== undefined) this.#failed(error, withSubscription);
      else this.#answered(response.headers, sentMs, withSubscription);
      if (this.#again) this.beat();
    });
  }

  /** The broker says, unasked, what we hold now. */
  onPush(frames: readonly Assignment[]): void {
    if (!this.#stopped) this.#apply(frames);
  }

  #answered(frames: readonly ClientHeartbeatOk[], sentMs: number, withSubscription: boolean): void {
    const answer = frames[0] as ClientHeartbeatOk;
    this.#unanswered = 0;
    this.#failing = false;
    const sessionMs = answer.sessionMs || this.#scope.settings.sessionMs || LIMITS.MEMBER_SESSION_MS;
    this.#beatAt(sentMs + Math.max(BEAT_MS_MIN, Math.min(answer.heartbeatMs || LIMITS.MEMBER_HEARTBEAT_MS, sessionMs / 3)));
    if (answer.wantSubscription) {
      this.#sendSubscription = true;
      if (withSubscription) this.#beatAt(sentMs + RETRY_MS);
      else this.#again = true;
    }
    const assignments = frames.flatMap(({ assignment }) => (assignment === undefined ? [] : [assignment]));
    if (assignments.length === 0 && answer.wantSubscription) return;
    this.#heardMs = sentMs;
    if (assignments.length === 0 && answer.generation !== this.#generation) {
      this.#generation = 0;
      // What we hold is not confirmed by an answer for another generation; where nothing is held, nothing can be wrong.
      if (this.view !== undefined && this.view.leases > 0) return;
    }
    this.confirmed = true;
    this.#extendSession(sentMs + sessionMs);
    if (assignments.length > 0) this.#apply(assignments);
    this.#owner.onConfirmed();
  }

  #apply(frames: readonly Assignment[]): void {
    // Of joined frames only the lists go on (QNT-FRM-012).
    const { generation, members, queues, idle } = frames[0] as Assignment;
    if (generation < this.#taken) return;
    const leases = frames.flatMap((frame) => frame.leases);
    this.#taken = generation;
    this.#generation = generation;
    this.view = { members, queues, leases: leases.length, idle };
    this.#owner.onLeases(leases);
    this.#scope.onAssigned();
  }

  #failed(error: QanatError, withSubscription: boolean): void {
    if (withSubscription) this.#sendSubscription = true;
    const nowMs = this.#scope.host.engine.nowMs();
    this.#restUntilMs = nowMs + (error.retryAfterMs ?? 0);
    if (error.code === 'TIMEOUT') {
      this.#unanswered++;
      if (this.#unanswered >= UNANSWERED_MAX) this.#scope.host.suspect(this.#owner.keeper, error);
      else this.#again = true;
      return;
    }
    if (error.code === 'UNKNOWN_MEMBER' || error.code === 'LEASE_FENCED') {
      this.#forget();
      this.#again = !withSubscription;
      if (withSubscription) this.#beatAt(nowMs + RETRY_MS);
      return;
    }
    if (isRefusal(error)) return this.#scope.refused(error);
    if (error.wireNumber !== 0) this.#owner.onKeeperRefused();
    if (error.wireNumber !== 0 && !this.#failing) {
      this.#failing = true;
      this.#scope.trouble(error);
    }
    this.#beatAt(nowMs + (error.retryAfterMs ?? RETRY_MS));
  }

  #forget(): void {
    this.confirmed = false;
    this.#generation = 0;
    this.#sendSubscription = true;
    this.guard.validUntilMs = Number.NEGATIVE_INFINITY;
  }

  #beatAt(atMs: number): void {
    this.#beatTimer?.cancel();
    this.#beatTimer = this.#scope.host.engine.timers.at(atMs, () => this.beat());
  }

  // The session is not a deadline that somebody else keeps for us: when this process was stopped, the broker's time went on.

  #extendSession(untilMs: number): void {
    this.guard.validUntilMs = untilMs;
    this.#watchSession();
  }

  #limitSession(untilMs: number): void {
    if (untilMs >= this.guard.validUntilMs) return;
    this.guard.validUntilMs = untilMs;
    this.#watchSession();
  }

  #watchSession(): void {
    const { engine } = this.#scope.host;
    this.#sessionTimer?.cancel();
    this.#sessionTimer = engine.timers.at(this.guard.validUntilMs, () =>
      this.#owner.onSessionLost(engine.nowMs() - this.#heardMs),
    );
  }
}
