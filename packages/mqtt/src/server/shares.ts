import { parseShare } from '../filters/topic-filter.ts';
import type { SessionSubscription, ShareId, StoredPublication } from '../ports.ts';
import { type Delivery, lower } from './delivery.ts';
import { isExpired } from './outbound-publish.ts';
import type { ServerContext } from './server-context.ts';
import type { Session } from './session.ts';

interface Member {
  readonly session: Session;
  subscription: SessionSubscription;
}

interface Given {
  readonly message: StoredPublication;
  readonly settle: (done: boolean) => void;
}

/** A shared subscription with the sessions here that have it. */
export class Share {
  readonly id: ShareId;
  readonly members: Member[] = [];
  /** Given by the cluster, for which no member has room. */
  waiting: Given[] = [];
  #turn = 0;

  constructor(id: ShareId) {
    this.id = id;
  }

  /** The next member by turns that can be sent a message of this QoS now. */
  next(message: StoredPublication): Member | undefined {
    for (let i = 0; i < this.members.length; i++) {
      const at = (this.#turn + i) % this.members.length;
      const member = this.members[at] as Member;
      if (!canTake(member, message)) continue;
      this.#turn = at + 1;
      return member;
    }
    return undefined;
  }
}

const qosFor = ({ subscription }: Member, { qos }: StoredPublication) => lower(qos, subscription.qos);

function canTake(member: Member, message: StoredPublication): boolean {
  const { session } = member;
  return session.connection.open && (qosFor(member, message) === 0 ? !session.connection.blocked : session.hasRoom);
}

const keyOf = ({ name, filter }: ShareId): string => `${name}/${filter}`;

/** The shared subscriptions of the sessions that are online (MQTT 5.0 section 4.8.2). */
export class Shares {
  readonly #context: ServerContext;
  readonly #delivery: Delivery;
  readonly #shares = new Map<string, Share>();

  constructor(context: ServerContext, delivery: Delivery) {
    this.#context = context;
    this.#delivery = delivery;
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
    session.shares.add(share);
    if (member === undefined) this.#giveOut(share);
  }

  #shareOf(id: ShareId): Share {
    const known = this.#shares.get(keyOf(id));
    if (known !== undefined) return known;
    const share = new Share(id);
    this.#shares.set(keyOf(id), share);
    this.#context.cluster.joinShare(id);
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
    const shares = [...session.shares];
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
    session.shares?.delete(share);
    if (session.shares?.size === 0) session.shares = undefined;
    if (share.members.length > 0) return;
    this.#shares.delete(keyOf(share.id));
    const waiting = share.waiting;
    share.waiting = [];
    for (const { settle } of waiting) settle(false);
    this.#context.cluster.leaveShare(share.id);
  }

  /** The cluster gives a message. */
  given(id: ShareId, message: StoredPublication, settle: (done: boolean) => void): void {
    const share = this.#shares.get(keyOf(id));
    if (share === undefined || share.members.length === 0) return settle(false);
    share.waiting.push({ message, settle });
    if (share.waiting.length === 1) this.#giveOut(share);
  }

  /** The session has room. */
  offer(session: Session): void {
    if (session.shares === undefined) return;
    for (const share of session.shares) if (share.waiting.length > 0) this.#giveOut(share);
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
    this.#delivery.send(member.session, message, {
      qos: qosFor(member, message),
      retain: message.retain && retainAsPublished,
      identifiers: subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier],
      dup: false,
      packetId: 0,
      settle,
    });
    return true;
  }
}

const withoutSession = (share: Share, session: Session): Member[] => share.members.filter((one) => one.session !== session);
