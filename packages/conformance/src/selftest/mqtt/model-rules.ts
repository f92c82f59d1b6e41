// What the model server refuses beside what cannot be read at all.
import { type Packet, reasonText, type Version } from '../../families/mqtt/wire/packet.ts';
import { numberIn, type PropertyName, textIn } from '../../families/mqtt/wire/properties.ts';

/** A packet that ends its connection. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: number;

  constructor(reason: number) {
    super(reasonText(reason));
    this.reason = reason;
  }
}

const OF_PUBLISH: readonly PropertyName[] = [
  'payloadFormat',
  'messageExpiry',
  'contentType',
  'responseTopic',
  'correlation',
  'topicAlias',
  'user',
];
const OF_CONNECT: readonly PropertyName[] = [
  'sessionExpiry',
  'receiveMaximum',
  'maximumPacketSize',
  'topicAliasMaximum',
  'requestResponseInformation',
  'requestProblemInformation',
  'user',
  'authenticationMethod',
  'authenticationData',
];

const FROM_CLIENTS = new Set([
  'PUBLISH',
  'PUBACK',
  'PUBREC',
  'PUBREL',
  'PUBCOMP',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PINGREQ',
  'DISCONNECT',
]);

const malformed = (is: boolean, reason = 0x81): void => {
  if (is) throw new Refusal(reason);
};

const hasNul = (text: string): boolean => text.includes('\0');

/** @throws Refusal. */
export function checkPacket({ name, packetId, topic, properties, filters }: Packet, bytes: Uint8Array): void {
  malformed(!FROM_CLIENTS.has(name), 0x82);
  malformed(lengthIsPadded(bytes));
  malformed(packetId === 0, 0x82);
  if (name === 'PUBLISH') checkPublish(topic ?? '', properties);
  if (name === 'SUBSCRIBE' || name === 'UNSUBSCRIBE') malformed((filters ?? []).length === 0, 0x82);
  if (name === 'SUBSCRIBE') malformed(numberIn(properties, 'subscriptionId') === 0, 0x82);
  for (const { filter, qos, noLocal } of filters ?? []) {
    malformed(hasNul(filter) || filter === '' || qos === 3);
    malformed(noLocal && filter.startsWith('$share/'), 0x82);
  }
  if (name === 'SUBSCRIBE') malformed(optionsOf(bytes).some((options) => options > 0x3f));
}

/** A model takes one filter in a row as it is: the last byte has the options of the last one. */
const optionsOf = (bytes: Uint8Array): readonly number[] => [bytes.at(-1) ?? 0];

const lengthIsPadded = (bytes: Uint8Array): boolean => {
  let at = 1;
  while (((bytes[at] ?? 0) & 0x80) !== 0) at++;
  return at > 1 && bytes[at] === 0;
};

function checkPublish(topic: string, properties: Packet['properties']): void {
  malformed(/[#+]/.test(topic) || hasNul(topic), 0x90);
  malformed(topic === '' && numberIn(properties, 'topicAlias') === undefined, 0x82);
  malformed(numberIn(properties, 'topicAlias') === 0, 0x94);
  malformed(/[#+]/.test(textIn(properties, 'responseTopic') ?? ''), 0x82);
  malformed((numberIn(properties, 'payloadFormat') ?? 0) > 1);
  malformed(
    properties.some(({ name }) => !OF_PUBLISH.includes(name)),
    0x82,
  );
}

/** CONNECT: the reader takes its fields as they are. @throws Refusal. */
export function checkConnect(bytes: Uint8Array, { version, clientId, cleanStart, properties, will }: Packet): void {
  malformed(lengthIsPadded(bytes));
  const nameEnd = bytes.indexOf(0x4d) + 4;
  malformed(new TextDecoder().decode(bytes.subarray(nameEnd - 4, nameEnd)) !== 'MQTT');
  malformed(version !== 4 && version !== 5, 0x84);
  const flags = bytes[nameEnd + 1] ?? 0;
  malformed((flags & 1) !== 0 || will?.qos === 3 || ((flags & 4) === 0 && (flags & 0x38) !== 0));
  for (const name of ['receiveMaximum', 'maximumPacketSize'] as const) malformed(numberIn(properties, name) === 0, 0x82);
  malformed((numberIn(properties, 'requestProblemInformation') ?? 0) > 1, 0x82);
  malformed(
    properties.some(({ name }) => !OF_CONNECT.includes(name)),
    0x82,
  );
  const method = textIn(properties, 'authenticationMethod');
  malformed(method === undefined && properties.some(({ name }) => name === 'authenticationData'), 0x82);
  malformed(method !== undefined, 0x8c);
  malformed(version === 4 && clientId === '' && cleanStart === false, 0x85);
}

/** In 3.1.1 a refusal of CONNECT has other numbers. */
export const refusalCode = (reason: number, version: Version): number =>
  version === 5 ? reason : reason === 0x84 ? 1 : reason === 0x85 ? 2 : 5;
