// Encodes what a client sends, for tests: the codec of a server only reads it.
import type { ClientPacket, Connect, Properties, Will } from '@qanat/mqtt';
import { binary, concat, packet, props, text, uint16, uint32, variable } from './bytes.ts';

type Bytes = Uint8Array | readonly number[];
type Encode = (id: number, value: never) => Bytes;

const byte: Encode = (id, value: number) => [id, value];
const two: Encode = (id, value: number) => [id, ...uint16(value)];
const four: Encode = (id, value: number) => [id, ...uint32(value)];
const string: Encode = (id, value: string) => concat([id], text(value));
const data: Encode = (id, value: Uint8Array) => concat([id], binary(value));

const IDS: Partial<Record<keyof Properties, readonly [number, Encode]>> = {
  payloadFormatIndicator: [0x01, byte],
  messageExpiryInterval: [0x02, four],
  contentType: [0x03, string],
  responseTopic: [0x08, string],
  correlationData: [0x09, data],
  subscriptionIdentifiers: [0x0b, (id, value: readonly number[]) => value.flatMap((one) => [id, ...variable(one)])],
  sessionExpiryInterval: [0x11, four],
  authenticationMethod: [0x15, string],
  authenticationData: [0x16, data],
  requestProblemInformation: [0x17, byte],
  willDelayInterval: [0x18, four],
  requestResponseInformation: [0x19, byte],
  reasonString: [0x1f, string],
  receiveMaximum: [0x21, two],
  topicAliasMaximum: [0x22, two],
  topicAlias: [0x23, two],
  userProperties: [
    0x26,
    (id, pairs: readonly (readonly [string, string])[]) =>
      concat(...pairs.flatMap(([name, value]) => [[id], text(name), text(value)])),
  ],
  maximumPacketSize: [0x27, four],
};

function propertyBytes(properties: Properties | undefined): Uint8Array {
  return props(
    ...Object.entries(properties ?? {}).map(([name, value]) => {
      const [id, encode] = IDS[name as keyof Properties] as readonly [number, Encode];
      return encode(id, value as never);
    }),
  );
}

const willFlags = (will: Will | undefined): number => (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 0x20 : 0));

function connectBytes({ version, cleanStart, keepAlive, clientId, will, username, password, properties }: Connect): Uint8Array {
  const v5 = version === 5;
  const flags =
    (username === undefined ? 0 : 0x80) | (password === undefined ? 0 : 0x40) | willFlags(will) | (cleanStart ? 2 : 0);
  const willParts = will === undefined ? [] : [v5 ? propertyBytes(will.properties) : [], text(will.topic), binary(will.payload)];
  return packet(
    0x10,
    text('MQTT'),
    [version, flags],
    uint16(keepAlive),
    v5 ? propertyBytes(properties) : [],
    text(clientId),
    ...willParts,
    username === undefined ? [] : text(username),
    password === undefined ? [] : binary(password),
  );
}

const ACKS = { PUBACK: 0x40, PUBREC: 0x50, PUBREL: 0x62, PUBCOMP: 0x70 } as const;

/** The bytes of a packet in its longest form: reason codes and lengths of properties are always there. */
export function clientBytes(sent: ClientPacket, version: 4 | 5): Uint8Array {
  const properties = 'properties' in sent && version === 5 ? propertyBytes(sent.properties) : version === 5 ? [0] : [];
  switch (sent.type) {
    case 'CONNECT':
      return connectBytes(sent);
    case 'PUBLISH': {
      const first = 0x30 | (sent.dup ? 8 : 0) | (sent.qos << 1) | (sent.retain ? 1 : 0);
      return packet(first, text(sent.topic), sent.qos === 0 ? [] : uint16(sent.packetId), properties, sent.payload);
    }
    case 'SUBSCRIBE': {
      const entries = sent.subscriptions.map(({ filter, qos, noLocal, retainAsPublished, retainHandling }) =>
        concat(text(filter), [qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4)]),
      );
      return packet(0x82, uint16(sent.packetId), properties, ...entries);
    }
    case 'UNSUBSCRIBE':
      return packet(0xa2, uint16(sent.packetId), properties, ...sent.filters.map(text));
    case 'PINGREQ':
      return packet(0xc0);
    case 'DISCONNECT':
      return packet(0xe0, version === 5 ? [sent.reasonCode] : [], properties);
    case 'AUTH':
      return packet(0xf0, [sent.reasonCode], properties);
    default:
      return packet(ACKS[sent.type], uint16(sent.packetId), version === 5 ? [sent.reasonCode] : [], properties);
  }
}
