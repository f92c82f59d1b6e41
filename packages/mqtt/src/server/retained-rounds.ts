import { hasWildcard } from '../filters/topic-filter.ts';
import type { Cluster, Place, SessionSubscription, StoredPublication } from '../ports.ts';

/** The retained messages that a SUBSCRIBE asks for [MQTT-3.3.1-9]: found when their turn comes, not before. */
export interface Round {
  readonly subscription: SessionSubscription;
  /** By queue the offset behind what had arrived when the subscription began to hold: what came later comes by itself. */
  readonly arrivedTo: ReadonlyMap<number, number>;
}

/** A retained message that a new subscription selects. The bridge holds it anyway, so it is no place. */
export interface RetainedDelivery {
  readonly message: StoredPublication;
  readonly subscription: SessionSubscription;
}

interface Begun {
  readonly subscription: SessionSubscription;
  readonly messages: readonly StoredPublication[];
  at: number;
}

/**
 * The rounds of a session: one that has begun, and of each filter one at most that waits. Who asks again meanwhile gets the
 * messages once more after the round that has begun, however often it asks.
 */
export class RetainedRounds {
  #begun: Begun | undefined;
  readonly #waiting = new Map<string, Round>();

  get empty(): boolean {
    return this.#begun === undefined && this.#waiting.size === 0;
  }

  /** Those that have not begun. */
  get waiting(): Iterable<Round> {
    return this.#waiting.values();
  }

  /** The next message of the round that has begun; undefined: none has, or it is over. */
  get first(): RetainedDelivery | undefined {
    const message = this.#begun?.messages[this.#begun.at];
    return this.#begun && message && { message, subscription: this.#begun.subscription };
  }

  shift(): void {
    if (this.#begun !== undefined && ++this.#begun.at >= this.#begun.messages.length) this.#begun = undefined;
  }

  add(round: Round): void {
    this.#waiting.set(round.subscription.filter, round);
  }

  /** The filter is subscribed to no more. What has begun may go on [MQTT-3.10.4-3]. */
  drop(filter: string): void {
    this.#waiting.delete(filter);
  }

  /** Takes the round that is to begin. */
  next(): Round | undefined {
    for (const [filter, round] of this.#waiting) {
      this.#waiting.delete(filter);
      return round;
    }
    return undefined;
  }

  begin({ subscription }: Round, messages: readonly StoredPublication[]): void {
    this.#begun = messages.length === 0 ? undefined : { subscription, messages, at: 0 };
  }

  /** What is left of the round that has begun. */
  *rest(): Generator<RetainedDelivery> {
    if (this.#begun === undefined) return;
    const { subscription, messages, at } = this.#begun;
    for (let i = at; i < messages.length; i++) yield { message: messages[i] as StoredPublication, subscription };
  }
}

/** Of the context of a server: who has the retained messages. */
interface RetainedHolder {
  readonly cluster: Cluster;
}

/** The messages of a round for a client. */
export function* messagesOf({ cluster }: RetainedHolder, clientId: string, round: Round): Generator<StoredPublication> {
  const { subscription, arrivedTo } = round;
  for (const message of cluster.retained(subscription.filter)) {
    if (subscription.noLocal && message.clientId === clientId) continue;
    if (message.offset < (arrivedTo.get(message.queue) ?? Number.POSITIVE_INFINITY)) yield message;
  }
}

/** What it costs to look for the messages of a filter: for those that a wildcard selects, all there is may be passed by. */
export const costOf = ({ cluster }: RetainedHolder, { subscription }: Round): number =>
  hasWildcard(subscription.filter) ? cluster.retainedCount() : 1;

/**
 * The places of rounds that have not begun, so that whoever goes on with the session sends them. Looks at one round at least,
 * and at further ones while the cost is below the limit.
 */
export function placesOf(context: RetainedHolder, clientId: string, rounds: Iterable<Round>, costMax: number): Place[] {
  const places: Place[] = [];
  let cost = 0;
  for (const round of rounds) {
    if (round.subscription.qos === 0) continue;
    for (const message of messagesOf(context, clientId, round)) {
      if (places.length === costMax) return places;
      if (message.qos > 0) places.push({ queue: message.queue, offset: message.offset });
    }
    cost += costOf(context, round);
    if (cost >= costMax) return places;
  }
  return places;
}
