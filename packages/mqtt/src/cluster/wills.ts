import type { QueueId } from '@qanat/core';
import type { CarriedProperties, Publication, PublicationProperties } from '../ports.ts';
import type { InboundExchanges } from './inbound-exchanges.ts';
import { type SessionRecord, withoutUndefined } from './session-record.ts';
import { willKey } from './state-keys.ts';

/** What of a packet's properties goes along with its message; the message expires counted from now. */
function carried(properties: CarriedProperties, wallMs: number): PublicationProperties {
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic, correlationData, userProperties } =
    properties;
  const expiresAtMs = messageExpiryInterval === undefined ? undefined : wallMs + messageExpiryInterval * 1_000;
  return withoutUndefined({ payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties, expiresAtMs });
}

/**
 * When the will of a session whose connection ended at `nowMs` is due, ms since 1970 [MQTT-3.1.3-9]: with the session's end at
 * the latest.
 */
export function willDueMs({ will, expiryInterval }: SessionRecord, nowMs: number): number {
  if (will === undefined) return 0;
  return nowMs + Math.min(will.properties?.willDelayInterval ?? 0, expiryInterval) * 1_000;
}

/** Stores a will under its name; tells in which queue, undefined where it could not be stored. */
export type PublishWill = (publication: Publication, dedupId: string, done: (queue: QueueId | undefined) => void) => void;

/** Publishes wills, each once: whoever tries again after a crash stores it not a second time. */
export class Wills {
  readonly #publish: PublishWill;
  readonly #inbound: InboundExchanges;
  readonly #wallMs: () => number;

  constructor(publish: PublishWill, inbound: InboundExchanges, wallMs: () => number) {
    this.#publish = publish;
    this.#inbound = inbound;
    this.#wallMs = wallMs;
  }

  /**
   * Resolves when the will is stored, or cannot be [MQTT-3.1.2-8].
   * @returns what is to be called once the record does not have this will any more.
   */
  async publish({ clientId, claim, will }: SessionRecord): Promise<() => Promise<void>> {
    if (will === undefined) return async () => {};
    const { topic, payload, qos, retain, properties } = will;
    const publication: Publication = {
      topic,
      payload,
      qos,
      retain,
      clientId,
      properties: properties === undefined ? undefined : carried(properties, this.#wallMs()),
    };
    const queue = await new Promise<QueueId | undefined>((resolve) =>
      this.#publish(publication, willKey(clientId, claim), resolve),
    );
    return async () => {
      try {
        if (queue !== undefined) await this.#inbound.forgetWill(queue, clientId, claim);
      } catch {
        // It stays: no other will ever has its name, and with the session it goes.
      }
    };
  }
}
