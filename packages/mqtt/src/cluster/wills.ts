import type { QueueId } from '@qanat/core';
import type { CarriedProperties, Publication, PublicationProperties, PublishOutcome } from '../ports.ts';
import type { InboundExchanges } from './inbound-exchanges.ts';
import { type SessionRecord, withoutUndefined } from './session-record.ts';

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

/** Stores a will under its name; tells in which queue, undefined where it was not stored. */
export type PublishWill = (
  publication: Publication,
  dedupId: string,
  done: (outcome: PublishOutcome, queue: QueueId | undefined) => void,
) => void;

/** A will with these is never stored, however often it is tried. */
const FINAL: ReadonlySet<PublishOutcome> = new Set(['topic-name-invalid', 'not-authorized', 'packet-too-large']);

/** Publishes wills, each once: whoever tries again after a crash stores it not a second time. */
export class Wills {
  /** Those that can never be stored. */
  dropped = 0;
  readonly #publish: PublishWill;
  readonly #inbound: InboundExchanges;
  readonly #wallMs: () => number;
  readonly #onDropped: (clientId: string, topic: string, why: PublishOutcome) => void;

  constructor(
    publish: PublishWill,
    inbound: InboundExchanges,
    wallMs: () => number,
    onDropped: (clientId: string, topic: string, why: PublishOutcome) => void,
  ) {
    this.#publish = publish;
    this.#inbound = inbound;
    this.#wallMs = wallMs;
    this.#onDropped = onDropped;
  }

  /**
   * Resolves when the will is stored, or can never be [MQTT-3.1.2-8].
   * @returns what is to be called once the record does not have this will any more. Undefined: it could not be stored now, and
   *   must stay in the record, to be tried again by the same claim.
   */
  async publish({ clientId, claim, will }: SessionRecord): Promise<(() => Promise<void>) | undefined> {
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
    const { outcome, queue } = await new Promise<{ outcome: PublishOutcome; queue: QueueId | undefined }>((resolve) =>
      this.#publish(publication, this.#inbound.willKey(clientId, claim), (outcome, queue) => resolve({ outcome, queue })),
    );
    if (queue === undefined && !FINAL.has(outcome)) return undefined;
    if (queue === undefined) this.#drop(clientId, topic, outcome);
    return async () => {
      try {
        if (queue !== undefined) await this.#inbound.forgetWill(queue, clientId, claim);
      } catch {
        // It stays: no other will ever has its name, and with the session it goes.
      }
    };
  }

  #drop(clientId: string, topic: string, why: PublishOutcome): void {
    this.dropped++;
    this.#onDropped(clientId, topic, why);
  }
}
