import { parseShare } from '../filters/topic-filter.ts';
import type { SessionSubscription, ShareId, StoredPublication } from '../ports.ts';
import type { Delivery } from './delivery.ts';
import { NewShares } from './new-shares.ts';
import { isExpired } from './outbound-publish.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';
import { type Given, type Member, qosFor, Share } from './share.ts';

const keyOf = ({ name, filter }: ShareId): string => `${name}/${filter}`;

/** The shared subscriptions of the sessions that are online (MQTT 5.0 section 4.8.2). */
export class Shares {
  readonly #context: ServerContext;
  readonly #delivery: Delivery;
  readonly #shares = new Map<string, Share>();
  /** Beyond the limit, of sessions that went on with them: the first one is given messages when another one is left. */
  readonly #late = new Set<Share>();
  readonly #new = new NewShares();

  constructor(context: ServerContext, delivery: Delivery) {
    this.#context = context;
    this.#delivery = delivery;
  }

  /** Whether a session may have one more shared subscription (QNT-MQT-118): then it is about to `join`. */
  take(session: Session, filter: string): boolean {
    const { limits, nowMs } = this.#context;
    const id = parseShare(filter);
    if (id === undefined || (session.shares?.size ?? 0) >= limits.sharesPerSessionMax) return id === undefined;
    if (this.#shares.has(keyOf(id))) return true;
    return this.#shares.size < limits.sharesMax && this.#new.take(keyOf(id), nowMs);
  }

  /** A subscription whose filter is `$share/NAME/FILTER`, new or with other options. */
  join(session: Session, subscription: SessionSubscription): void {
    const id = parseShare(subscription.filter);
    if (id === undefined) return;
    const share = this.#shareOf(id);
    const member = share.members.find((one) => one.session === session);
    if (member !== undefined) member.subscription = subscription;
    else share.members.push({ session, subscription });
    session.shares ??= new Set();
    session.shares.add(keyOf(id));
    if (member === undefined) this.#giveOut(share);
  }

  #shareOf(id: ShareId): Share {
    const known = this.#shares.get(keyOf(id));
    if (known !== undefined) return known;
    const share = new Share(id);
    this.#shares.set(keyOf(id), share);
    this.#new.came(keyOf(id));
    // Refused it cannot be: the session has had it before (QNT-MQT-119).
    if (this.#shares.size - this.#late.size > this.#context.limits.sharesMax) this.#late.add(share);
    else this.#context.cluster.joinShare(id);
    return share;
  }

  /** What the session was sent goes on [MQTT-3.10.4-3]. */
  leave(session: Session, filter: string): void {
    const id = parseShare(filter);
    const share = id === undefined ? undefined : this.#shares.get(keyOf(id));
    if (share !== undefined) this.#leave(session, share);
  }

  /** The session's connection has ended: what was sent by QoS 1 and not acknowledged goes to others. */
  leaveAll(session: Session): void {
    if (session.shares === undefined) return;
    // Away first, so that nothing that comes back is given to this session again.
    const shares = [...session.shares].flatMap((key) => this.#shares.get(key) ?? []);
    for (const share of shares) share.members.splice(0, share.members.length, ...withoutSession(share, session));
    for (const flight of session.flights) {
      if (flight.state !== 'sent') continue;
      const { settle } = flight;
      flight.settle = undefined;
      settle?.(false);
    }
    for (const share of shares) this.#leave(session, share);
  }

  #leave(session: Session, share: Share): void {
    share.members.splice(0, share.members.length, ...withoutSession(share, session));
    session.shares?.delete(keyOf(share.id));
    if (session.shares?.size === 0) session.shares = undefined;
    this.#leaveIfOver(share);
  }

  /** What is being recorded for a session is not another's: until it is, the cluster must not take it back. */
  #leaveIfOver(share: Share): void {
    if (share.members.length > 0 || share.recording > 0 || this.#shares.get(keyOf(share.id)) !== share) return;
    this.#shares.delete(keyOf(share.id));
    const waiting = share.waiting;
    share.waiting = [];
    for (const { settle } of waiting) settle(false);
    if (!this.#late.delete(share)) this.#context.cluster.leaveShare(share.id);
    this.#joinLate();
  }

  #joinLate(): void {
    for (const share of this.#late) {
      if (this.#shares.size - this.#late.size >= this.#context.limits.sharesMax) return;
      this.#late.delete(share);
      this.#context.cluster.joinShare(share.id);
    }
  }

  /** Shared subscriptions that sessions here have, and those of them that wait until another one is left. */
  get sizes(): { readonly shares: number; readonly late: number } {
    return { shares: this.#shares.size, late: this.#late.size };
  }

  /** The cluster gives a message. */
  given(id: ShareId, message: StoredPublication, settle: (done: boolean) => void): void {
    const share = this.#shares.get(keyOf(id));
    if (share === undefined) return settle(false);
    share.waiting.push({ message, settle });
    if (share.waiting.length === 1) this.#giveOut(share);
  }

  /** The session has room. */
  offer(session: Session): void {
    if (session.shares === undefined) return;
    for (const key of session.shares) {
      const share = this.#shares.get(key);
      if (share !== undefined && share.waiting.length > 0) this.#giveOut(share);
    }
  }

  #giveOut(share: Share): void {
    const { waiting } = share;
    let taken = 0;
    for (const given of waiting) {
      if (!this.#giveOne(share, given)) break;
      taken++;
    }
    share.waiting = waiting.slice(taken);
  }

  #giveOne(share: Share, { message, settle }: Given): boolean {
    if (isExpired(message, this.#context.wallMs)) {
      this.#context.figures.droppedExpired++;
      settle(true);
      return true;
    }
    const member = share.next(message);
    if (member === undefined) return false;
    const { retainAsPublished, subscriptionIdentifier } = member.subscription;
    const qos = qosFor(member, message);
    this.#delivery.send(member.session, message, {
      qos,
      retain: message.retain && retainAsPublished,
      identifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
      dup: false,
      packetId: 0,
      settle: qos === 2 ? this.#recording(share, settle) : settle,
    });
    return true;
  }

  #recording(share: Share, settle: (done: boolean) => void): (done: boolean) => void {
    share.recording++;
    return (done) => {
      share.recording--;
      settle(done);
      this.#leaveIfOver(share);
    };
  }
}

const withoutSession = (share: Share, session: Session): Member[] => share.members.filter((one) => one.session !== session);
