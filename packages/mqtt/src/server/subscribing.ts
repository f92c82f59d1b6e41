import type { Subscribe, Subscription, Unsubscribe } from '../codec/packet.ts';
import { isFailure, REASON } from '../codec/reason-codes.ts';
import { isShared, selectionOf } from '../filters/topic-filter.ts';
import type { Place, SessionSubscription, StoredPublication } from '../ports.ts';
import { backlogOf, withPlaces } from './backlog.ts';
import type { Feeding } from './feeding.ts';
import { RETAINED_PLACES_MAX } from './limits.ts';
import type { Requests } from './requests.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import type { Shares } from './shares.ts';

/** 3.1.1 has one code for all that fails (its section 3.9.3). */
const FAILURE_3 = 0x80;

/** What one filter of SUBSCRIBE or UNSUBSCRIBE changed. */
interface Change {
  readonly filter: string;
  readonly reasonCode: number;
  readonly before: SessionSubscription | undefined;
  readonly after: SessionSubscription | undefined;
}

/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 sections 3.8 to 3.11). */
export class Subscribing {
  readonly #context: ServerContext;
  readonly #shares: Shares;
  readonly #feeding: Feeding;
  readonly #requests: Requests;

  constructor(context: ServerContext, shares: Shares, feeding: Feeding, requests: Requests) {
    this.#context = context;
    this.#shares = shares;
    this.#feeding = feeding;
    this.#requests = requests;
  }

  /** Puts a subscription where messages find it. */
  join(session: Session, subscription: SessionSubscription): void {
    session.subscribe(subscription);
    if (isShared(subscription.filter)) this.#shares.join(session, subscription);
    else this.#context.receivers.set(session, subscription);
  }

  #leave(session: Session, filter: string): void {
    session.unsubscribe(filter);
    if (isShared(filter)) this.#shares.leave(session, filter);
    else this.#context.receivers.delete(session, filter);
  }

  /**
   * The subscriptions hold at once, so that a changed one loses nothing [MQTT-3.8.4-3]; SUBACK says so when they are durable, and
   * the retained messages follow it.
   */
  subscribe(session: Session, { packetId, subscriptions, properties }: Subscribe): void {
    const identifier = properties?.subscriptionIdentifiers?.[0];
    const changes = subscriptions.map((subscription) => this.#subscribeOne(session, subscription, identifier));
    this.#record(session, changes, (ok) => {
      const reasonCodes = changes.map(({ reasonCode }) => this.#code(session, ok ? reasonCode : REASON.UNSPECIFIED_ERROR));
      this.#context.output.packet(session.connection, { type: 'SUBACK', packetId, reasonCodes });
      if (ok) for (const change of changes) this.#sendRetained(session, change);
    });
  }

  #code({ version }: Session, reasonCode: number): number {
    return version === 4 && isFailure(reasonCode) ? FAILURE_3 : reasonCode;
  }

  #subscribeOne(session: Session, subscription: Subscription, identifier: number | undefined): Change {
    const { filter } = subscription;
    const before = session.subscriptions.get(filter);
    const refusal = this.#refusal(session, filter, before === undefined);
    if (refusal !== undefined) return this.#refused(session, { filter, reasonCode: refusal, before, after: before });
    const after: SessionSubscription = { ...subscription, subscriptionIdentifier: identifier };
    this.join(session, after);
    return { filter, reasonCode: subscription.qos, before, after };
  }

  #refused({ connection, clientId }: Session, change: Change): Change {
    this.#context.figures.subscriptionsRefused++;
    const { filter, reasonCode: reason } = change;
    this.#context.tellRefusal('subscription-refused', connection.peer, { client: clientId, filter, reason });
    return change;
  }

  #refusal(session: Session, filter: string, isNew: boolean): number | undefined {
    if (!this.#context.gate.maySubscribe(session.principal, selectionOf(filter), session.clientId)) return REASON.NOT_AUTHORIZED;
    const full = session.subscriptions.size >= this.#context.limits.subscriptionsPerSessionMax;
    return isNew && (full || !this.#isKept(session, filter) || !this.#shares.take(session, filter))
      ? REASON.QUOTA_EXCEEDED
      : undefined;
  }

  /** Whether the cluster keeps one more subscription of the session (QNT-MQT-120). */
  #isKept({ clientId, expiryInterval, subscriptions, filterBytes }: Session, filter: string): boolean {
    if (expiryInterval === 0) return true;
    return this.#context.cluster.mayHold(clientId, subscriptions.size + 1, filterBytes + Buffer.byteLength(filter));
  }

  unsubscribe(session: Session, { packetId, filters }: Unsubscribe): void {
    const changes = filters.map((filter) => this.#unsubscribeOne(session, filter));
    this.#record(session, changes, (ok) => {
      const codes = changes.map(({ reasonCode }) => (ok ? reasonCode : REASON.UNSPECIFIED_ERROR));
      const reasonCodes = session.version === 4 ? [] : codes;
      this.#context.output.packet(session.connection, { type: 'UNSUBACK', packetId, reasonCodes });
    });
  }

  #unsubscribeOne(session: Session, filter: string): Change {
    const before = session.subscriptions.get(filter);
    if (before !== undefined) this.#leave(session, filter);
    const reasonCode = before === undefined ? REASON.NO_SUBSCRIPTION_EXISTED : REASON.SUCCESS;
    return { filter, reasonCode, before, after: undefined };
  }

  /** Has the session written, where something changed, and answers in the order of the packets. */
  #record(session: Session, changes: readonly Change[], answer: (ok: boolean) => void): void {
    const { clientId, epoch, connection, subscriptions } = session;
    this.#requests.begin(session);
    const backlog = withPlaces(backlogOf(session), this.#retainedPlaces(session, changes));
    const standing = { subscriptions: [...subscriptions.values()], backlog };
    this.#context.cluster.subscribed(clientId, epoch, standing, (ok) => {
      if (!connection.open) return;
      if (!ok) for (const change of changes) this.#undo(session, change);
      answer(ok);
      this.#requests.end(session);
      this.#context.answered();
    });
  }

  /** What could not be written does not hold, unless a later packet has changed it again. */
  #undo(session: Session, { filter, before, after }: Change): void {
    if (session.subscriptions.get(filter) !== after || before === after) return;
    if (before === undefined) this.#leave(session, filter);
    else this.join(session, before);
  }

  /** Of the retained messages that follow: whoever goes on with the session knows of them, too. */
  #retainedPlaces(session: Session, changes: readonly Change[]): Place[] {
    const places: Place[] = [];
    if (session.expiryInterval === 0) return places;
    for (const change of changes) {
      if (change.after?.qos === 0) continue;
      for (const message of this.#retainedFor(session, change)) {
        if (places.length === RETAINED_PLACES_MAX) return places;
        if (message.qos > 0) places.push(message);
      }
    }
    return places;
  }

  #sendRetained(session: Session, change: Change): void {
    const { after } = change;
    if (after === undefined) return;
    const deliveries = [...this.#retainedFor(session, change)].map((message) => ({ message, subscription: after }));
    this.#feeding.retained(session, deliveries);
  }

  /** [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a shared subscription gets none (section 4.8.2). */
  *#retainedFor(session: Session, { filter, reasonCode, before, after }: Change): Iterable<StoredPublication> {
    if (isFailure(reasonCode) || after === undefined || isShared(filter)) return;
    if (after.retainHandling === 2 || (after.retainHandling === 1 && before !== undefined)) return;
    for (const message of this.#context.cluster.retained(filter)) {
      if (!(after.noLocal && message.clientId === session.clientId)) yield message;
    }
  }
}
