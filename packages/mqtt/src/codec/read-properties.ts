import { isTopicName } from '../filters/topic-filter.ts';
import { MqttError, malformed, protocolError } from './mqtt-error.ts';
import type { Properties, UserProperty } from './packet.ts';
import { PROPERTIES_BYTES_MAX, USER_PROPERTIES_MAX } from './packet-limits.ts';
import type { PacketReader } from './packet-reader.ts';
import { PROPERTY_RULES, type PropertyRule } from './property-table.ts';
import { REASON } from './reason-codes.ts';

type Mutable = { -readonly [Name in keyof Properties]: Properties[Name] };
type Value = Properties[keyof Properties];

/** By identifier: none is above 42. */
const BY_ID: readonly (PropertyRule | undefined)[] = Array.from({ length: 43 }, (_, id) =>
  PROPERTY_RULES.find((rule) => rule.id === id),
);
const USER_PROPERTY = 38;

const quotaExceeded = (message: string): MqttError => new MqttError(REASON.QUOTA_EXCEEDED, message);

/** Whether what the packet may not have is no property of it at all, or one that only a server may say. */
function checkPlace(rule: PropertyRule, type: number): void {
  if ((rule.fromClient >>> type) & 1) return;
  if ((rule.fromServer >>> type) & 1) throw protocolError(`${rule.name} is not for clients to say`);
  throw malformed(`${rule.name} does not belong into this packet`);
}

function checkNumber(rule: PropertyRule, value: number): number {
  if (value >= rule.least && value <= rule.most) return value;
  if (rule.name === 'topicAlias') throw new MqttError(REASON.TOPIC_ALIAS_INVALID, 'the topic alias is 0');
  throw protocolError(`${rule.name} is ${value}`);
}

function checkText(rule: PropertyRule, text: string): string {
  if (rule.name === 'responseTopic' && !isTopicName(text)) throw protocolError('the response topic is no topic name');
  return text;
}

function readValue(reader: PacketReader, rule: PropertyRule): Value {
  switch (rule.kind) {
    case 'byte':
      return checkNumber(rule, reader.byte());
    case 'uint16':
      return checkNumber(rule, reader.uint16());
    case 'uint32':
      return checkNumber(rule, reader.uint32());
    case 'variable':
      return [checkNumber(rule, reader.variable())];
    case 'binary':
      return reader.binary();
    default:
      return checkText(rule, reader.text());
  }
}

/** The identifier was read already. [MQTT-1.5.7-1]: name and value are both texts. */
function addUserProperty(reader: PacketReader, properties: Mutable): void {
  const pairs = (properties.userProperties ?? []) as UserProperty[];
  if (pairs.length >= USER_PROPERTIES_MAX) throw quotaExceeded(`more than ${USER_PROPERTIES_MAX} user properties`);
  const name = reader.text();
  pairs.push([name, reader.text()]);
  properties.userProperties = pairs;
}

function readEach(reader: PacketReader, type: number): Properties {
  const properties: Mutable = {};
  // Bits of identifiers, which need more than 32.
  let seenLow = 0;
  let seenHigh = 0;
  while (reader.left > 0) {
    const id = reader.byte();
    const rule = BY_ID[id];
    if (rule === undefined) throw malformed(`${id} is no property`);
    checkPlace(rule, type);
    if (id === USER_PROPERTY) {
      addUserProperty(reader, properties);
      continue;
    }
    const bit = 1 << (id & 31);
    if ((id < 32 ? seenLow : seenHigh) & bit) throw protocolError(`${rule.name} comes twice`);
    if (id < 32) seenLow |= bit;
    else seenHigh |= bit;
    (properties as Record<string, Value>)[rule.name] = readValue(reader, rule);
  }
  return properties;
}

/**
 * Reads the properties of a packet that a client sent (MQTT 5.0 section 2.2.2), their length first.
 * @param type of the packet, or WILL.
 * @returns undefined where there are none.
 * @throws MqttError 0x81 where a property is unknown, cut, or none of this packet; 0x82 where one comes twice, has a value that
 * it may not have, or is not for clients; 0x94 for the topic alias 0; 0x97 beyond PROPERTIES_BYTES_MAX or USER_PROPERTIES_MAX.
 */
export function readProperties(reader: PacketReader, type: number): Properties | undefined {
  const length = reader.variable();
  if (length === 0) return undefined;
  if (length > reader.left) throw malformed('the properties are longer than the packet');
  if (length > PROPERTIES_BYTES_MAX)
    throw quotaExceeded(`${length} bytes of properties, at most ${PROPERTIES_BYTES_MAX} are taken`);
  return readEach(reader.part(length), type);
}
