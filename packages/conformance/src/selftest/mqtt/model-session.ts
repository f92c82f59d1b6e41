import type { Filter } from '../../families/mqtt/wire/packet.ts';
import type { Property } from '../../families/mqtt/wire/properties.ts';
import type { JsonObject } from '../../json.ts';

/** A message as the model server keeps it. */
export interface Stored {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  readonly properties: readonly Property[];
  readonly from: string;
  readonly atMs: number;
  /** Infinite where it does not expire. */
  readonly expiresAtMs: number;
}

export interface Subscribed extends Filter {
  readonly subscriptionId: number | undefined;
}

/** A message on its way to one client. */
export interface Outgoing {
  readonly message: Stored;
  readonly qos: number;
  readonly retain: boolean;
  readonly subscriptionIds: readonly number[];
  packetId: number;
  state: 'waiting' | 'sent' | 'received';
  /** The link on which it was sent last. */
  link: number;
}

/** What the model server knows of a client. */
export class ModelSession {
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscribed>();
  readonly outgoing: Outgoing[] = [];
  /** Packet ids of QoS 2 that came and were not released. */
  readonly incoming = new Set<number>();
  /** A connection has been sent what was left of the one before. */
  resumed = false;
  expiresAtMs = Number.POSITIVE_INFINITY;
  /** Undefined while it is offline. */
  link: number | undefined;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  freeId(): number {
    const used = new Set(this.outgoing.map(({ packetId }) => packetId));
    let id = 1;
    while (used.has(id)) id++;
    return id;
  }
}

/** What belongs to a message, as the steps of programs write it. */
export function fieldsOf({ properties, expiresAtMs }: Stored, nowMs: number): JsonObject {
  const value = (name: Property['name']): Property['value'] | undefined => properties.find((one) => one.name === name)?.value;
  const correlation = value('correlation');
  const all = {
    format: value('payloadFormat'),
    contentType: value('contentType'),
    responseTopic: value('responseTopic'),
    correlation: correlation === undefined ? undefined : Buffer.from(correlation as Uint8Array).toString('hex'),
    expiry: expiresAtMs === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1_000)),
    user: properties.filter(({ name }) => name === 'user').map((one) => one.value),
  };
  return Object.fromEntries(Object.entries(all).filter(([, one]) => one !== undefined)) as JsonObject;
}
