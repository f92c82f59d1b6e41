import type { QoS } from '../codec/packet.ts';
import { FilterTree } from '../filters/filter-tree.ts';
import type { SessionSubscription } from '../ports.ts';
import { MATCHES_MAX, RECEIVERS_KEPT_MAX } from './limits.ts';
import type { Session } from './session.ts';

/** One subscription of one session in the tree. */
interface Entry {
  readonly session: Session;
  readonly subscription: SessionSubscription;
}

/** How a session receives a topic: one copy for all its subscriptions that select it [MQTT-3.3.4-2]. */
export interface Receiver {
  readonly session: Session;
  /** The highest that was granted. */
  readonly qos: QoS;
  /** One of the subscriptions wants the RETAIN flag as it was published. */
  readonly retainAsPublished: boolean;
  /** Of all the subscriptions [MQTT-3.3.4-3] [MQTT-3.3.4-4]. */
  readonly identifiers: readonly number[] | undefined;
  /** As it receives what it published itself, when one of the subscriptions says No Local; null: not at all [MQTT-3.8.3-3]. */
  readonly own: Receiver | null | undefined;
}

/** The receiver of a message that the client with this id published. */
export function receiverOf(receiver: Receiver, publisher: string | undefined): Receiver | undefined {
  if (receiver.own === undefined || publisher !== receiver.session.clientId) return receiver;
  return receiver.own ?? undefined;
}

/** Several subscriptions as one; undefined where there are none. */
export function merged(session: Session, subscriptions: readonly SessionSubscription[]): Receiver | undefined {
  const first = subscriptions[0];
  if (first === undefined) return undefined;
  const identifiers = subscriptions.flatMap(({ subscriptionIdentifier }) => subscriptionIdentifier ?? []);
  const foreign = subscriptions.filter(({ noLocal }) => !noLocal);
  return {
    session,
    qos: subscriptions.reduce<QoS>((most, { qos }) => (qos > most ? qos : most), 0),
    retainAsPublished: subscriptions.some(({ retainAsPublished }) => retainAsPublished),
    identifiers: identifiers.length > 0 ? identifiers : undefined,
    own: foreign.length === subscriptions.length ? undefined : (merged(session, foreign) ?? null),
  };
}

/** Who receives one topic. */
class Audience {
  readonly receivers: readonly Receiver[];
  #bySession: Map<Session, Receiver> | undefined;

  constructor(receivers: readonly Receiver[]) {
    this.receivers = receivers;
  }

  of(session: Session): Receiver | undefined {
    this.#bySession ??= new Map(this.receivers.map((receiver) => [receiver.session, receiver]));
    return this.#bySession.get(session);
  }
}

/** The subscriptions of all sessions that are online, shared ones left out, and for topics of late who receives them. */
export class Receivers {
  readonly #tree = new FilterTree<Entry>();
  readonly #audiences = new Map<string, Audience>();
  #kept = 0;

  /** Number of subscriptions. */
  get size(): number {
    return this.#tree.size;
  }

  set(session: Session, subscription: SessionSubscription): void {
    this.#tree.set(subscription.filter, session.clientId, { session, subscription });
    this.#forget(0);
  }

  delete(session: Session, filter: string): void {
    this.#tree.delete(filter, session.clientId);
    this.#forget(0);
  }

  /** Every session that receives the topic, once. Holds until a subscription changes. */
  of(topic: string): readonly Receiver[] {
    return this.#audience(topic).receivers;
  }

  /** How this session receives the topic; undefined: no subscription of it selects it. */
  one(session: Session, topic: string): Receiver | undefined {
    return this.#audience(topic).of(session);
  }

  #audience(topic: string): Audience {
    const known = this.#audiences.get(topic);
    if (known !== undefined) return known;
    const audience = new Audience(this.#match(topic));
    this.#kept += audience.receivers.length;
    if (this.#audiences.size >= MATCHES_MAX || this.#kept > RECEIVERS_KEPT_MAX) this.#forget(audience.receivers.length);
    this.#audiences.set(topic, audience);
    return audience;
  }

  /** @param kept receivers of the topic that is remembered next. */
  #forget(kept: number): void {
    this.#audiences.clear();
    this.#kept = kept;
  }

  #match(topic: string): Receiver[] {
    const found = new Map<Session, SessionSubscription[]>();
    this.#tree.match(topic, ({ session, subscription }) => {
      const there = found.get(session);
      if (there === undefined) found.set(session, [subscription]);
      else there.push(subscription);
    });
    const receivers: Receiver[] = [];
    for (const [session, subscriptions] of found) {
      const receiver = merged(session, subscriptions);
      if (receiver !== undefined) receivers.push(receiver);
    }
    return receivers;
  }
}
