import { type ByteReader, WireError } from './byte-reader.ts';

export type PropertyValue = number | string | Uint8Array | readonly [name: string, value: string];

/** One property of MQTT 5.0 as it stood in a packet. */
export interface Property {
  readonly name: PropertyName;
  readonly value: PropertyValue;
}

type Read = (reader: ByteReader) => PropertyValue;

const byte: Read = (reader) => reader.byte();
const uint16: Read = (reader) => reader.uint16();
const uint32: Read = (reader) => reader.uint32();
const varint: Read = (reader) => reader.varint();
const text: Read = (reader) => reader.text();
const binary: Read = (reader) => reader.binary();
const pair: Read = (reader) => [reader.text(), reader.text()];

/** MQTT 5.0, 2.2.2.2. */
const TABLE = {
  payloadFormat: [0x01, byte],
  messageExpiry: [0x02, uint32],
  contentType: [0x03, text],
  responseTopic: [0x08, text],
  correlation: [0x09, binary],
  subscriptionId: [0x0b, varint],
  sessionExpiry: [0x11, uint32],
  assignedClientId: [0x12, text],
  serverKeepAlive: [0x13, uint16],
  authenticationMethod: [0x15, text],
  authenticationData: [0x16, binary],
  requestProblemInformation: [0x17, byte],
  willDelay: [0x18, uint32],
  requestResponseInformation: [0x19, byte],
  responseInformation: [0x1a, text],
  serverReference: [0x1c, text],
  reasonString: [0x1f, text],
  receiveMaximum: [0x21, uint16],
  topicAliasMaximum: [0x22, uint16],
  topicAlias: [0x23, uint16],
  maximumQos: [0x24, byte],
  retainAvailable: [0x25, byte],
  user: [0x26, pair],
  maximumPacketSize: [0x27, uint32],
  wildcardAvailable: [0x28, byte],
  subscriptionIdsAvailable: [0x29, byte],
  sharedAvailable: [0x2a, byte],
} as const satisfies Readonly<Record<string, readonly [id: number, read: Read]>>;

export type PropertyName = keyof typeof TABLE;

const BY_ID: ReadonlyMap<number, readonly [name: PropertyName, read: Read]> = new Map(
  Object.entries(TABLE).map(([name, [id, read]]) => [id, [name as PropertyName, read]]),
);

/** The properties of a packet, in their order. @throws WireError for what is none, or comes twice and may not. */
export function readProperties(reader: ByteReader): readonly Property[] {
  const length = reader.varint();
  const end = reader.left - length;
  if (end < 0) throw new WireError('the properties are longer than the packet');
  const properties: Property[] = [];
  while (reader.left > end) {
    const id = reader.varint();
    const [name, read] = BY_ID.get(id) ?? [];
    if (name === undefined || read === undefined) throw new WireError(`there is no property 0x${id.toString(16)}`);
    if (name !== 'user' && name !== 'subscriptionId' && properties.some((one) => one.name === name))
      throw new WireError(`the property ${name} comes twice`);
    properties.push({ name, value: read(reader) });
  }
  if (reader.left !== end) throw new WireError('a property ends behind the properties');
  return properties;
}

/** A property that is a number; undefined where there is none. */
export const numberIn = (properties: readonly Property[], name: PropertyName): number | undefined => {
  const value = properties.find((one) => one.name === name)?.value;
  return typeof value === 'number' ? value : undefined;
};

/** A property that is a text; undefined where there is none. */
export const textIn = (properties: readonly Property[], name: PropertyName): string | undefined => {
  const value = properties.find((one) => one.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
};
