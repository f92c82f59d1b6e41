// What devices of the kit send. `mqtt-packet` makes the bytes; what it cannot say is put into them by hand.
import { generate, type Packet as MqttPacket, writeToStream } from 'mqtt-packet';
import type { JsonObject } from '../../json.ts';
import { bytesOf } from '../../json.ts';
import { flagOf, listOf, numberOf, objectOf, sizeOf, textOf } from '../../play/program.ts';
import { varintAt } from './wire/byte-reader.ts';
import type { Version } from './wire/packet.ts';

// Else it makes 65,536 buffers before the first packet.
Object.assign(writeToStream, { cacheNumbers: false });

/** Any packet, in the words of `mqtt-packet`. @throws Error for what it cannot say. */
export function encoded(packet: object, version: Version): Uint8Array {
  return new Uint8Array(generate(packet as MqttPacket, { protocolVersion: version } as never));
}

type Pairs = readonly (readonly [name: string, value: string])[];

const defined = (fields: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const optionalNumber = (step: JsonObject, name: string): number | undefined =>
  typeof step[name] === 'number' ? (step[name] as number) : undefined;

const optionalText = (step: JsonObject, name: string, named: Named): string | undefined =>
  typeof step[name] === 'string' ? named(step[name] as string) : undefined;

/** Makes names of programs those of one run. */
export type Named = (text: string) => string;

/** What a publication and a will have alike. */
const messageProperties = (step: JsonObject, named: Named): object =>
  defined({
    messageExpiryInterval: optionalNumber(step, 'expiry'),
    payloadFormatIndicator: optionalNumber(step, 'format') === undefined ? undefined : numberOf(step, 'format', 0) === 1,
    contentType: optionalText(step, 'contentType', named),
    responseTopic: optionalText(step, 'responseTopic', named),
    correlationData: typeof step.correlation === 'string' ? Buffer.from(bytesOf(step.correlation)) : undefined,
  });

const pairsIn = (step: JsonObject): Pairs =>
  listOf(step, 'user').flatMap((pair) => (Array.isArray(pair) ? [[String(pair[0]), String(pair[1])] as const] : []));

/** One object has no order of equal names: a will has each name once. */
const userObject = (pairs: Pairs): object => (pairs.length === 0 ? {} : { userProperties: Object.fromEntries(pairs) });

/** The body of a publication: `body` as text, or `size` bytes that begin with it. */
export function payloadOf(step: JsonObject, fallback: string, named: Named): Uint8Array {
  const text = new TextEncoder().encode(named(textOf(step, 'body', fallback)));
  const size = sizeOf(step, 'size');
  if (size <= text.length) return text;
  const bytes = new Uint8Array(size).fill(0x2e);
  bytes.set(text);
  return bytes;
}

/**
 * CONNECT: `clean`, `keepAlive` (s), `expiry` of the session (s), `receiveMax`, `packetMax`, `aliasMax`, `problems`, `method` of
 * authentication, `will`.
 */
export function connectPacket(step: JsonObject, clientId: string, version: Version, named: Named): Uint8Array {
  const will = objectOf(step, 'will');
  const properties = {
    sessionExpiryInterval: optionalNumber(step, 'expiry'),
    receiveMaximum: optionalNumber(step, 'receiveMax'),
    maximumPacketSize: optionalNumber(step, 'packetMax'),
    topicAliasMaximum: optionalNumber(step, 'aliasMax'),
    requestProblemInformation: typeof step.problems === 'boolean' ? step.problems : undefined,
    authenticationMethod: optionalText(step, 'method', named),
  };
  return encoded(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId,
      clean: flagOf(step, 'clean', true),
      keepalive: numberOf(step, 'keepAlive', 0),
      ...(version === 5 ? { properties: defined(properties) } : {}),
      ...(step.will === undefined ? {} : { will: willOf(will, version, named) }),
    },
    version,
  );
}

const willOf = (will: JsonObject, version: Version, named: Named): object => ({
  topic: named(textOf(will, 'topic', '{t}/will')),
  payload: Buffer.from(payloadOf(will, 'the will', named)),
  qos: numberOf(will, 'qos', 0),
  retain: flagOf(will, 'retain'),
  ...(version === 5
    ? {
        properties: {
          ...messageProperties(will, named),
          ...defined({ willDelayInterval: optionalNumber(will, 'delay') }),
          ...userObject(pairsIn(will)),
        },
      }
    : {}),
});

/** What PUBLISH says of one message beside its packet id. */
export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
}

/** PUBLISH: the properties of MQTT 5.0 from the step, User Properties as pairs in any order. */
export function publishPacket(step: JsonObject, message: Message, packetId: number, version: Version, named: Named): Uint8Array {
  const ids = listOf(step, 'subscriptionIds').map(Number);
  const bytes = encoded(
    {
      cmd: 'publish',
      topic: message.topic,
      payload: Buffer.from(message.payload),
      qos: message.qos,
      retain: message.retain,
      dup: flagOf(step, 'dup'),
      ...(message.qos > 0 ? { messageId: packetId } : {}),
      ...(version === 5
        ? {
            properties: {
              ...messageProperties(step, named),
              ...defined({ topicAlias: optionalNumber(step, 'alias') }),
              ...(ids.length === 0 ? {} : { subscriptionIdentifier: ids }),
            },
          }
        : {}),
    },
    version,
  );
  const pairs = pairsIn(step);
  return version === 4 || pairs.length === 0 ? bytes : withUserProperties(bytes, pairs, message.qos > 0);
}

/** Puts User Properties behind the other properties of a PUBLISH, in their order. */
function withUserProperties(bytes: Uint8Array, pairs: Pairs, hasId: boolean): Uint8Array {
  const begin = varintAt(bytes, 1)?.end ?? bytes.length;
  const topicEnd = begin + 2 + (bytes[begin] as number) * 256 + (bytes[begin + 1] as number);
  const at = topicEnd + (hasId ? 2 : 0);
  const length = varintAt(bytes, at) ?? { value: 0, end: at };
  const end = length.end + length.value;
  const added = pairs.flatMap(([name, value]) => [0x26, ...stringBytes(name), ...stringBytes(value)]);
  const properties = [...varintBytes(length.value + added.length), ...bytes.subarray(length.end, end), ...added];
  const body = [...bytes.subarray(begin, at), ...properties, ...bytes.subarray(end)];
  return Uint8Array.from([bytes[0] as number, ...varintBytes(body.length), ...body]);
}

export function stringBytes(text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length >> 8, bytes.length & 0xff, ...bytes];
}

export function varintBytes(value: number): readonly number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return bytes;
}

/** One filter of a SUBSCRIBE as a program writes it. */
function subscriptionOf(json: JsonObject, named: Named): object {
  return {
    topic: named(textOf(json, 'filter', '{t}/#')),
    qos: numberOf(json, 'qos', 0),
    nl: flagOf(json, 'noLocal'),
    rap: flagOf(json, 'retainAsPublished'),
    rh: numberOf(json, 'retainHandling', 0),
  };
}

/** SUBSCRIBE: `filters`, each `filter`, `qos`, `noLocal`, `retainAsPublished`, `retainHandling`; or one in the step itself. */
export function subscribePacket(step: JsonObject, packetId: number, version: Version, named: Named): Uint8Array {
  const filters = listOf(step, 'filters').map((one) => one as JsonObject);
  const id = optionalNumber(step, 'subscriptionId');
  return encoded(
    {
      cmd: 'subscribe',
      messageId: packetId,
      subscriptions: (filters.length > 0 ? filters : [step]).map((one) => subscriptionOf(one, named)),
      ...(version === 5 && id !== undefined ? { properties: { subscriptionIdentifier: id } } : {}),
    },
    version,
  );
}

/** UNSUBSCRIBE: `filters`, texts, or one `filter`. */
export function unsubscribePacket(step: JsonObject, packetId: number, version: Version, named: Named): Uint8Array {
  const filters = listOf(step, 'filters').map(String);
  const unsubscriptions = (filters.length > 0 ? filters : [textOf(step, 'filter', '{t}/#')]).map(named);
  return encoded({ cmd: 'unsubscribe', messageId: packetId, unsubscriptions }, version);
}
