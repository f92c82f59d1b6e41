import { ByteReader, varintAt, WireError } from './byte-reader.ts';
import { type Property, readProperties } from './properties.ts';

/** By the number of the type (MQTT 5.0, 2.1.2). */
const NAMES = [
  'reserved',
  'CONNECT',
  'CONNACK',
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'SUBACK',
  'UNSUBSCRIBE',
  'UNSUBACK',
  'PINGREQ',
  'PINGRESP',
  'DISCONNECT',
  'AUTH',
] as const;

export type PacketName = (typeof NAMES)[number];

/** 4 is MQTT 3.1.1. */
export type Version = 4 | 5;

export interface Filter {
  readonly filter: string;
  readonly qos: number;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: number;
}

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
  readonly properties: readonly Property[];
}

/** One packet taken apart. Fields that its type does not have are undefined. */
export interface Packet {
  readonly name: PacketName;
  readonly flags: number;
  readonly properties: readonly Property[];
  readonly packetId?: number;
  /** Of acknowledgements, CONNACK and DISCONNECT; 0 where it is left out. */
  readonly reason?: number;
  /** Of SUBACK and UNSUBACK. */
  readonly reasons?: readonly number[];
  readonly topic?: string;
  readonly payload?: Uint8Array;
  readonly qos?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly filters?: readonly Filter[];
  readonly sessionPresent?: boolean;
  readonly clientId?: string;
  readonly version?: number;
  readonly cleanStart?: boolean;
  /** s. */
  readonly keepAlive?: number;
  readonly will?: Will;
}

type Fields = Omit<Packet, 'name' | 'flags' | 'properties'> & { readonly properties?: readonly Property[] };

/** Where the packet that begins at a place ends. Undefined while it is not whole. @throws WireError for no length at all. */
export function packetEnd(bytes: Uint8Array, at: number): number | undefined {
  const length = varintAt(bytes, at + 1);
  if (length === undefined || length.end + length.value > bytes.length) return undefined;
  return length.end + length.value;
}

export const nameOf = (bytes: Uint8Array): PacketName => NAMES[(bytes[0] ?? 0) >> 4] as PacketName;

/** Takes one whole packet apart. @throws WireError for what MQTT does not know. */
export function readPacket(bytes: Uint8Array, version: Version): Packet {
  const name = nameOf(bytes);
  const flags = (bytes[0] ?? 0) & 0x0f;
  const reader = new ByteReader(bytes, varintAt(bytes, 1)?.end ?? bytes.length);
  const read = READERS[name];
  if (read === undefined) throw new WireError('there is no packet of type 0');
  if (name !== 'PUBLISH' && flags !== RESERVED_FLAGS(name))
    throw new WireError(`the reserved flags of ${name} are ${flags.toString(2)} (MQTT 5.0, 2.1.3)`);
  const fields = read(reader, version, flags);
  if (reader.left > 0) throw new WireError(`${reader.left} bytes are left behind ${name}`);
  return { name, flags, properties: [], ...fields };
}

const RESERVED_FLAGS = (name: PacketName): number =>
  name === 'PUBREL' || name === 'SUBSCRIBE' || name === 'UNSUBSCRIBE' ? 2 : 0;

type Read = (reader: ByteReader, version: Version, flags: number) => Fields;

const properties = (reader: ByteReader, version: number): readonly Property[] => (version === 5 ? readProperties(reader) : []);

/** In MQTT 5.0 reason and properties may be left out. */
const reasonAndProperties = (reader: ByteReader, version: Version): Fields => {
  if (version !== 5 || reader.left === 0) return { reason: 0 };
  const reason = reader.byte();
  return reader.left === 0 ? { reason } : { reason, properties: readProperties(reader) };
};

const acknowledgement: Read = (reader, version) => ({ packetId: reader.uint16(), ...reasonAndProperties(reader, version) });

const subscribed: Read = (reader, version) => ({
  packetId: reader.uint16(),
  properties: properties(reader, version),
  reasons: [...reader.rest()],
});

const connect: Read = (reader) => {
  reader.text();
  const version = reader.byte();
  const flags = reader.byte();
  const head = { version, cleanStart: (flags & 2) !== 0, keepAlive: reader.uint16(), properties: properties(reader, version) };
  const clientId = reader.text();
  const will = (flags & 4) === 0 ? {} : { will: willOf(reader, version, flags) };
  if ((flags & 0x80) !== 0) reader.text();
  if ((flags & 0x40) !== 0) reader.binary();
  return { ...head, clientId, ...will };
};

const willOf = (reader: ByteReader, version: number, flags: number): Will => ({
  properties: properties(reader, version),
  topic: reader.text(),
  payload: reader.binary(),
  qos: (flags >> 3) & 3,
  retain: (flags & 0x20) !== 0,
});

const publish: Read = (reader, version, flags) => {
  const qos = (flags >> 1) & 3;
  if (qos === 3) throw new WireError('a PUBLISH has QoS 3 (MQTT 5.0, 3.3.1.2)');
  return {
    qos,
    dup: (flags & 8) !== 0,
    retain: (flags & 1) !== 0,
    topic: reader.text(),
    ...(qos > 0 ? { packetId: reader.uint16() } : {}),
    properties: properties(reader, version),
    payload: reader.rest(),
  };
};

const subscribe: Read = (reader, version) => {
  const head = { packetId: reader.uint16(), properties: properties(reader, version) };
  const filters: Filter[] = [];
  while (reader.left > 0) filters.push(filterOf(reader.text(), reader.byte()));
  return { ...head, filters };
};

const filterOf = (filter: string, options: number): Filter => ({
  filter,
  qos: options & 3,
  noLocal: (options & 4) !== 0,
  retainAsPublished: (options & 8) !== 0,
  retainHandling: (options >> 4) & 3,
});

const unsubscribe: Read = (reader, version) => {
  const head = { packetId: reader.uint16(), properties: properties(reader, version) };
  const filters: Filter[] = [];
  while (reader.left > 0) filters.push(filterOf(reader.text(), 0));
  return { ...head, filters };
};

const READERS: Readonly<Partial<Record<PacketName, Read>>> = {
  CONNECT: connect,
  CONNACK: (reader, version) => ({
    sessionPresent: (reader.byte() & 1) !== 0,
    reason: reader.byte(),
    properties: properties(reader, version),
  }),
  PUBLISH: publish,
  PUBACK: acknowledgement,
  PUBREC: acknowledgement,
  PUBREL: acknowledgement,
  PUBCOMP: acknowledgement,
  SUBSCRIBE: subscribe,
  SUBACK: subscribed,
  UNSUBSCRIBE: unsubscribe,
  UNSUBACK: subscribed,
  PINGREQ: () => ({}),
  PINGRESP: () => ({}),
  DISCONNECT: reasonAndProperties,
  AUTH: reasonAndProperties,
};

/** A packet in a few words, for people. Its version is the one by which it can be read. */
export function packetText(bytes: Uint8Array): string {
  for (const version of [5, 4] as const) {
    try {
      return textOf(readPacket(bytes, version));
    } catch {
      // The other version may have it.
    }
  }
  return `${nameOf(bytes)}, ${bytes.length} bytes that cannot be read`;
}

function textOf({ name, packetId, reason, topic, payload, qos, dup, retain, clientId, filters, reasons }: Packet): string {
  const parts = [
    ...(packetId === undefined ? [] : [`id ${packetId}`]),
    ...(clientId === undefined ? [] : [`"${clientId}"`]),
    ...(topic === undefined ? [] : [`"${topic.slice(0, 60)}" QoS ${qos}${dup ? ' DUP' : ''}${retain ? ' RETAIN' : ''}`]),
    ...(filters === undefined ? [] : [filters.map(({ filter }) => filter).join(' ')]),
    ...(payload === undefined ? [] : [shownPayload(payload)]),
    ...[...(reasons ?? []), ...(reason ? [reason] : [])].map(reasonText),
  ];
  return [name, ...parts].join(' ');
}

export const reasonText = (reason: number): string => `0x${reason.toString(16).padStart(2, '0')}`;

const shownPayload = (payload: Uint8Array): string =>
  payload.length > 40 ? `${payload.length} bytes` : `"${new TextDecoder().decode(payload)}"`;
