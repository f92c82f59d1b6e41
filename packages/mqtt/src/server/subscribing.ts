import type { Subscribe, Subscription, Unsubscribe } from '../codec/packet.ts';
import { isFailure, REASON } from '../codec/reason-codes.ts';
import { isShared, levelsOf, selectionOf } from '../filters/topic-filter.ts';
import type { Backlog, SessionSubscription } from '../ports.ts';
import { backlogOf, NOTHING_LEFT } from './backlog.ts';
import type { Feeding } from './feeding.ts';
import { FILTER_LEVELS_MAX } from './limits.ts';
import type { Requests } from './requests.ts';
import type { Round } from './retained-rounds.ts';
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
  /** The retained messages that follow. */
  readonly round: Round | undefined;
}

/** A SUBSCRIBE or UNSUBSCRIBE. */
interface Asked {
  readonly changes: readonly Change[];
  /** What it takes up until it is answered, in small requests. */
  readonly weight: number;
  readonly answer: (ok: boolean) => void;
}

const isChange = ({ changes }: Asked): boolean => changes.some(({ before, after }) => before !== after);

function isSame(one: SessionSubscription, other: SessionSubscription): boolean {
  return (
    one.qos === other.qos &&
    one.noLocal === other.noLocal &&
    one.retainAsPublished === other.retainAsPublished &&
    one.retainHandling === other.retainHandling &&
    one.subscriptionIdentifier === other.subscriptionIdentifier
  );
}

const FILTER_BYTES = 64;
const SMALL_REQUEST_BYTES = 1_024;

/** Filters may be few or many, short or long. */
const weightOf = (changes: readonly Change[]): number =>
  Math.ceil(changes.reduce((bytes, { filter }) => bytes + filter.length + FILTER_BYTES, 0) / SMALL_REQUEST_BYTES);

/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5.0 sections 3.8 to 3.11). */
export class Subscribing {
  readonly #context: ServerContext;
  readonly #shares: Shares;
  readonly #feeding: Feeding;
  readonly #requests: Requests;
  /** Of the sessions that are being written: what was asked for meanwhile. */
  readonly #waiting = new Map<Session, Asked[]>();

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
    const answer = (ok: boolean): void => {
      const reasonCodes = changes.map(({ reasonCode }) => this.#code(session, ok ? reasonCode : REASON.UNSPECIFIED_ERROR));
      this.#context.output.packet(session.connection, { type: 'SUBACK', packetId, reasonCodes });
      if (ok) for (const change of changes) this.#sendRetained(session, change);
    };
    this.#record(session, { changes, weight: weightOf(changes), answer });
  }

  #code({ version }: Session, reasonCode: number): number {
    return version === 4 && isFailure(reasonCode) ? FAILURE_3 : reasonCode;
  }

  #subscribeOne(session: Session, subscription: Subscription, identifier: number | undefined): Change {
    const { filter } = subscription;
    const before = session.subscriptions.get(filter);
    const refusal = this.#refusal(session, filter, before === undefined);
    if (refusal !== undefined)
      return this.#refused(session, { filter, reasonCode: refusal, before, after: before, round: undefined });
    const wanted: SessionSubscription = { ...subscription, subscriptionIdentifier: identifier };
    const after = before !== undefined && isSame(before, wanted) ? before : wanted;
    if (after !== before) this.join(session, after);
    return { filter, reasonCode: subscription.qos, before, after, round: this.#roundOf(before, after) };
  }

  #refused({ connection, clientId }: Session, change: Change): Change {
    this.#context.figures.subscriptionsRefused++;
    const { filter, reasonCode: reason } = change;
    this.#context.tellRefusal('subscription-refused', connection.peer, { client: clientId, filter, reason });
    return change;
  }

  #refusal(session: Session, filter: string, isNew: boolean): number | undefined {
    if (!this.#context.gate.maySubscribe(session.principal, selectionOf(filter), session.clientId)) return REASON.NOT_AUTHORIZED;
    const hasRoom =
      !isNew || (this.#hasRoomFor(session, filter) && this.#isKept(session, filter) && this.#shares.take(session, filter));
    return hasRoom ? undefined : REASON.QUOTA_EXCEEDED;
  }

  /** Whether the cluster keeps one more subscription of the session (QNT-MQT-120). */
  #isKept({ clientId, expiryInterval, subscriptions, filterBytes }: Session, filter: string): boolean {
    if (expiryInterval === 0) return true;
    return this.#context.cluster.mayHold(clientId, subscriptions.size + 1, filterBytes + Buffer.byteLength(filter));
  }

  #hasRoomFor({ subscriptions, filterLevels }: Session, filter: string): boolean {
    const { subscriptionsPerSessionMax } = this.#context.limits;
    return subscriptions.size < subscriptionsPerSessionMax && filterLevels + levelsOf(filter) <= FILTER_LEVELS_MAX;
  }

  unsubscribe(session: Session, { packetId, filters }: Unsubscribe): void {
    const changes = filters.map((filter) => this.#unsubscribeOne(session, filter));
    const answer = (ok: boolean): void => {
      const codes = changes.map(({ reasonCode }) => (ok ? reasonCode : REASON.UNSPECIFIED_ERROR));
      const reasonCodes = session.version === 4 ? [] : codes;
      this.#context.output.packet(session.connection, { type: 'UNSUBACK', packetId, reasonCodes });
      for (const { filter } of changes) if (!session.subscriptions.has(filter)) this.#feeding.unsubscribed(session, filter);
    };
    this.#record(session, { changes, weight: weightOf(changes), answer });
  }

  #unsubscribeOne(session: Session, filter: string): Change {
    const before = session.subscriptions.get(filter);
    if (before !== undefined) this.#leave(session, filter);
    const reasonCode = before === undefined ? REASON.NO_SUBSCRIPTION_EXISTED : REASON.SUCCESS;
    return { filter, reasonCode, before, after: undefined, round: undefined };
  }

  /**
   * Has the session written where something changed, and answers in the order of the packets. One write is under way at a time:
   * what is asked for meanwhile makes the next one together.
   */
  #record(session: Session, asked: Asked): void {
    const waiting = this.#waiting.get(session);
    if (waiting === undefined && !isChange(asked)) return asked.answer(true);
    this.#requests.begin(session, asked.weight);
    if (waiting === undefined) this.#write(session, [asked]);
    else waiting.push(asked);
  }

  #write(session: Session, batch: readonly Asked[]): void {
    const { clientId, epoch, connection, subscriptions } = session;
    this.#waiting.set(session, []);
    const standing = { subscriptions: [...subscriptions.values()], backlog: this.#backlog(session, batch) };
    this.#context.cluster.subscribed(clientId, epoch, standing, (ok) => {
      if (!connection.open) return void this.#waiting.delete(session);
      if (ok) this.#answer(session, batch, true);
      this.#goOn(session, batch, ok);
      this.#context.answered();
    });
  }

  /** Of a session that ends with its connection nobody needs to know what it still has to send. */
  #backlog(session: Session, batch: readonly Asked[]): Backlog {
    if (session.expiryInterval === 0) return NOTHING_LEFT;
    const rounds = batch.flatMap(({ changes }) => changes.flatMap(({ round }) => round ?? []));
    return backlogOf(this.#context, session, { rounds });
  }

  #goOn(session: Session, written: readonly Asked[], ok: boolean): void {
    const waiting = this.#waiting.get(session) ?? [];
    if (ok && waiting.some(isChange)) return this.#write(session, waiting);
    this.#waiting.delete(session);
    if (ok) return this.#answer(session, waiting, true);
    // What was asked for since builds on what does not hold.
    const failed = [...written, ...waiting];
    for (const { changes } of failed.toReversed()) for (const change of changes.toReversed()) this.#undo(session, change);
    this.#answer(session, failed, false);
  }

  #answer(session: Session, batch: readonly Asked[], ok: boolean): void {
    for (const { answer, weight } of batch) {
      answer(ok);
      this.#requests.end(session, weight);
    }
  }

  #undo(session: Session, { filter, before, after }: Change): void {
    if (before === after) return;
    if (before === undefined) this.#leave(session, filter);
    else this.join(session, before);
  }

  #sendRetained(session: Session, { filter, round }: Change): void {
    if (round !== undefined && session.subscriptions.has(filter)) this.#feeding.retained(session, round);
  }

  /** [MQTT-3.3.1-9] to [MQTT-3.3.1-11]; a shared subscription gets none (section 4.8.2). */
  #roundOf(before: SessionSubscription | undefined, after: SessionSubscription): Round | undefined {
    const { filter, retainHandling } = after;
    if (isShared(filter) || retainHandling === 2 || (retainHandling === 1 && before !== undefined)) return undefined;
    return { subscription: after, arrivedTo: this.#context.arrivedByNow() };
  }
}
