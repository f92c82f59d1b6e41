import { FilterTree } from '../filters/filter-tree.ts';
import { isShared } from '../filters/topic-filter.ts';
import type { SessionSubscription, StoredPublication } from '../ports.ts';

/** Whether a subscription makes its session remember a message: shared ones have a group for that, QoS 0 is not kept. */
export const isKept = ({ filter, qos }: SessionSubscription): boolean => qos > 0 && !isShared(filter);

/** Whether the message is one that a subscription which selects its topic keeps, for a client [MQTT-3.8.3-3]. */
export const keeps = (subscription: SessionSubscription, message: StoredPublication, clientId: string): boolean =>
  message.qos > 0 && !(subscription.noLocal && message.clientId === clientId);

/**
 * Which messages a session has to get although it is not there: those of QoS 1 and 2 that its subscriptions of QoS 1 and 2
 * select.
 */
export class Selector {
  readonly #clientId: string;
  readonly #tree = new FilterTree<SessionSubscription>();

  constructor(clientId: string, subscriptions: readonly SessionSubscription[]) {
    this.#clientId = clientId;
    for (const subscription of subscriptions.filter(isKept)) this.#tree.set(subscription.filter, '', subscription);
  }

  /** It selects nothing, ever. */
  get empty(): boolean {
    return this.#tree.size === 0;
  }

  selects(message: StoredPublication): boolean {
    if (message.qos === 0) return false;
    let found = false;
    this.#tree.match(message.topic, (subscription) => {
      found ||= keeps(subscription, message, this.#clientId);
    });
    return found;
  }
}
