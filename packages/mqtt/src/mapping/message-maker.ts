import type { MessageInit } from '@qanat/client';
import { EncodedProperties } from '@qanat/core';
import type { Publication } from '../ports.ts';
import type { MappedTopic } from './rule.ts';
import { toMessage } from './to-message.ts';

/** Clients whose properties are kept encoded. */
export const CLIENTS_ENCODED_MAX = 16_384;
/** Longer client ids are rare, and would let devices fill the memory. */
const CLIENT_LENGTH_MAX = 128;

/** What a message of a client says beside key and payload, by its QoS and RETAIN. */
type Known = (EncodedProperties | undefined)[];

/**
 * Makes the messages of publications, as `toMessage` does. Most differ in key and payload only: what they have in common is
 * encoded once for each client.
 */
export class MessageMaker {
  readonly #clients = new Map<string, Known>();

  make(publication: Publication, mapped: MappedTopic, receivedAtMs: number): MessageInit {
    const { clientId, properties, payload: body } = publication;
    if (clientId === undefined || properties !== undefined || mapped.carriesTopic || clientId.length > CLIENT_LENGTH_MAX)
      return toMessage(publication, mapped, receivedAtMs);
    const encodedProperties = this.#encoded(clientId, publication, mapped);
    const { key, tag } = mapped;
    if (tag === undefined) return { body, key, encodedProperties, bornTimeMs: receivedAtMs };
    return { body, key, tag, encodedProperties, bornTimeMs: receivedAtMs };
  }

  #encoded(clientId: string, publication: Publication, mapped: MappedTopic): EncodedProperties {
    const known = this.#clients.get(clientId) ?? this.#newClient(clientId);
    const kind = 2 * Math.min(publication.qos, mapped.maxQos) + (publication.retain && mapped.retain ? 1 : 0);
    let encoded = known[kind];
    if (encoded === undefined) {
      encoded = new EncodedProperties(toMessage(publication, mapped, 0).properties ?? {});
      known[kind] = encoded;
    }
    return encoded;
  }

  #newClient(clientId: string): Known {
    if (this.#clients.size >= CLIENTS_ENCODED_MAX) this.#clients.clear();
    const known: Known = new Array(6).fill(undefined);
    this.#clients.set(clientId, known);
    return known;
  }
}
