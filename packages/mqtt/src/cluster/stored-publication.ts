import type { Message } from '@qanat/core';
import type { QoS } from '../codec/packet.ts';
import type { Publication, PublicationProperties, StoredPublication } from '../ports.ts';

/** A publication with its place. */
export class StoredMessage implements StoredPublication {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payload: Uint8Array;
  readonly clientId: string | undefined;
  readonly properties: PublicationProperties | undefined;
  readonly queue: number;
  readonly offset: number;
  readonly storeTimeMs: number;

  constructor(
    publication: Omit<Publication, 'payload'>,
    payload: Uint8Array,
    queue: number,
    offset: number,
    storeTimeMs: number,
  ) {
    this.topic = publication.topic;
    this.qos = publication.qos;
    this.retain = publication.retain;
    this.payload = payload;
    this.clientId = publication.clientId;
    this.properties = publication.properties;
    this.queue = queue;
    this.offset = offset;
    this.storeTimeMs = storeTimeMs;
  }
}

/** Turns messages of the cluster into publications; undefined for those that no device may see. */
export type ReadMessage = (message: Message) => Publication | undefined;

export function storedMessage(read: ReadMessage, message: Message, queue: number): StoredMessage | undefined {
  const publication = read(message);
  return publication === undefined
    ? undefined
    : new StoredMessage(publication, publication.payload, queue, message.offset, message.storeTimeMs);
}
