// What a server has to refuse, packet by packet. The bytes are laid out by hand: no encoder says these.
import { hexOf } from '../../../json.ts';
import type { Program, Step } from '../../../play/program.ts';
import { stringBytes, varintBytes } from '../sent-packets.ts';
import type { WRONG_RULES } from '../wrong-rules.ts';
import { connect, ping, programOf, publish, SETTLE, subscribe } from './steps.ts';

type Rule = (typeof WRONG_RULES)[number];
type Bytes = readonly number[];

const MALFORMED = 0x81;
const PROTOCOL_ERROR = 0x82;
const TOPIC_FILTER_INVALID = 0x8f;
const TOPIC_NAME_INVALID = 0x90;
const RECEIVE_MAXIMUM_EXCEEDED = 0x93;
const TOPIC_ALIAS_INVALID = 0x94;
/** Which of the two it is many servers tell by the place at which they found it. */
const EITHER = [MALFORMED, PROTOCOL_ERROR];

const packet = (first: number, ...body: readonly Bytes[]): Bytes => [first, ...varintBytes(body.flat().length), ...body.flat()];
const ID: Bytes = [0, 9];
const NO_PROPERTIES: Bytes = [0];
const text = stringBytes;
const properties = (...bytes: readonly Bytes[]): Bytes => [...varintBytes(bytes.flat().length), ...bytes.flat()];
/** PUBLISH, SUBSCRIBE and so on as a version has them. */
const head = (version: 4 | 5): Bytes => (version === 5 ? NO_PROPERTIES : []);

/** CONNECT with other flags, name or level. */
const connectBytes = (version: number, flags = 2, name = 'MQTT', rest: Bytes = text('kitwrong')): Bytes =>
  packet(0x10, text(name), [version, flags, 0, 0], version === 5 ? NO_PROPERTIES : [], rest);

interface Wrong {
  readonly clause: Rule;
  /** What is wrong, for people. */
  readonly of: string;
  readonly bytes: Bytes;
  readonly reasons?: readonly number[];
  /** Only in this version. */
  readonly version?: 4 | 5;
}

const publishOf = (version: 4 | 5, topic: Bytes, first = 0x30, id: Bytes = [], props: Bytes = head(version)): Bytes =>
  packet(first, topic, id, props, [0x78]);
const subscribeOf = (version: 4 | 5, filter: Bytes, options = 0, first = 0x82, id: Bytes = ID): Bytes =>
  packet(first, id, head(version), filter, [options]);

const INVALID_UTF8: Bytes = [0, 3, 0x61, 0xff, 0x62];
const SURROGATE: Bytes = [0, 3, 0xed, 0xa0, 0x80];
const OVERLONG: Bytes = [0, 2, 0xc0, 0x80];
const NUL: Bytes = [0, 3, 0x61, 0, 0x62];

/** Behind a CONNECT that was accepted. */
const behindConnect = (version: 4 | 5): readonly Wrong[] => [
  ...[INVALID_UTF8, SURROGATE, OVERLONG].flatMap((bytes, at): readonly Wrong[] => [
    {
      clause: 'MQTT-1.5.4-1',
      of: `a topic that is no UTF-8 (form ${at + 1})`,
      bytes: publishOf(version, bytes),
      reasons: [...EITHER, TOPIC_NAME_INVALID],
    },
    {
      clause: 'MQTT-1.5.4-1',
      of: `a filter that is no UTF-8 (form ${at + 1})`,
      bytes: subscribeOf(version, bytes),
      reasons: [...EITHER, TOPIC_FILTER_INVALID],
    },
  ]),
  { clause: 'MQTT-1.5.4-2', of: 'a topic with U+0000', bytes: publishOf(version, NUL), reasons: [...EITHER, TOPIC_NAME_INVALID] },
  {
    clause: 'MQTT-1.5.4-2',
    of: 'a filter with U+0000',
    bytes: subscribeOf(version, NUL),
    reasons: [...EITHER, TOPIC_FILTER_INVALID],
  },
  { clause: 'MQTT-1.5.5-1', of: 'a length of PINGREQ in three bytes', bytes: [0xc0, 0x80, 0x80, 0x00], reasons: [MALFORMED] },
  { clause: 'MQTT-1.5.5-1', of: 'a length of five bytes', bytes: [0x30, 0xff, 0xff, 0xff, 0xff, 0x01], reasons: [MALFORMED] },
  {
    clause: 'MQTT-2.2.1-3',
    of: 'a PUBLISH of QoS 1 with packet id 0',
    bytes: publishOf(version, text('a'), 0x32, [0, 0]),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-2.2.1-3',
    of: 'a SUBSCRIBE with packet id 0',
    bytes: subscribeOf(version, text('a'), 0, 0x82, [0, 0]),
    reasons: EITHER,
  },
  { clause: 'MQTT-3.1.0-2', of: 'a second CONNECT', bytes: connectBytes(version), reasons: [PROTOCOL_ERROR] },
  { clause: 'MQTT-3.3.1-4', of: 'a PUBLISH with QoS 3', bytes: publishOf(version, text('a'), 0x36, ID), reasons: [MALFORMED] },
  {
    clause: 'MQTT-3.3.2-2',
    of: 'a PUBLISH to a/+',
    bytes: publishOf(version, text('a/+')),
    reasons: [...EITHER, TOPIC_NAME_INVALID],
  },
  {
    clause: 'MQTT-3.3.2-2',
    of: 'a PUBLISH to #',
    bytes: publishOf(version, text('#')),
    reasons: [...EITHER, TOPIC_NAME_INVALID],
  },
  { clause: 'MQTT-3.6.1-1', of: 'PUBREL with flags 0', bytes: packet(0x60, ID), reasons: [MALFORMED] },
  { clause: 'MQTT-3.8.1-1', of: 'SUBSCRIBE with flags 0', bytes: subscribeOf(version, text('a'), 0, 0x80), reasons: [MALFORMED] },
  { clause: 'MQTT-3.8.3-2', of: 'SUBSCRIBE without a filter', bytes: packet(0x82, ID, head(version)), reasons: EITHER },
  {
    clause: 'MQTT-3.8.3-5',
    of: 'SUBSCRIBE with reserved bits in its options',
    bytes: subscribeOf(version, text('a'), 0xc0),
    reasons: EITHER,
  },
  { clause: 'MQTT-3.8.3-5', of: 'SUBSCRIBE with QoS 3', bytes: subscribeOf(version, text('a'), 3), reasons: EITHER },
  {
    clause: 'MQTT-3.10.1-1',
    of: 'UNSUBSCRIBE with flags 0',
    bytes: packet(0xa0, ID, head(version), text('a')),
    reasons: [MALFORMED],
  },
  { clause: 'MQTT-3.10.3-2', of: 'UNSUBSCRIBE without a filter', bytes: packet(0xa2, ID, head(version)), reasons: EITHER },
  { clause: 'MQTT-3.14.1-1', of: 'DISCONNECT with flags 1', bytes: [0xe1, 0], reasons: [MALFORMED] },
  {
    clause: 'MQTT-4.7.3-1',
    of: 'a PUBLISH to an empty topic',
    bytes: publishOf(version, text('')),
    reasons: [...EITHER, TOPIC_NAME_INVALID],
  },
  ...cutShort(version),
];

/** Each type of packet that a client may send, with the end cut off: its length says no more than there is. */
const cutShort = (version: 4 | 5): readonly Wrong[] => {
  const whole: readonly (readonly [name: string, first: number, body: Bytes])[] = [
    ['PUBLISH', 0x32, [...text('abc'), ...ID, ...head(version)]],
    ['PUBACK', 0x40, ID],
    ['PUBREC', 0x50, ID],
    ['PUBREL', 0x62, ID],
    ['PUBCOMP', 0x70, ID],
    ['SUBSCRIBE', 0x82, [...ID, ...head(version), ...text('abc'), 0]],
    ['UNSUBSCRIBE', 0xa2, [...ID, ...head(version), ...text('abc')]],
  ];
  const cut = whole.map(
    ([name, first, body]): Wrong => ({
      clause: 'MQTT-4.13.1-1',
      of: `a ${name} that is cut short`,
      bytes: packet(first, body.slice(0, -1)),
      reasons: EITHER,
    }),
  );
  const stranger = (name: string, bytes: Bytes): Wrong => ({ clause: 'MQTT-4.13.1-1', of: name, bytes, reasons: EITHER });
  return [
    ...cut,
    stranger('a packet of type 0', [0x00, 0]),
    stranger('a PINGREQ with a byte in it', [0xc0, 1, 0]),
    stranger('a PINGREQ with flags', [0xc1, 0]),
    stranger('CONNACK of a client', version === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]),
    stranger('SUBACK of a client', packet(0x90, ID, head(version), [0])),
    stranger('PINGRESP of a client', [0xd0, 0]),
    ...(version === 4 ? [stranger('AUTH, which 3.1.1 does not have', [0xf0, 0])] : []),
  ];
};

const ONLY_IN_5: readonly Wrong[] = [
  {
    clause: 'MQTT-3.3.2-8',
    of: 'a topic alias 0',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x23, 0, 0])),
    reasons: [...EITHER, TOPIC_ALIAS_INVALID],
  },
  {
    clause: 'MQTT-3.3.2-8',
    of: 'a topic alias that has no topic',
    bytes: publishOf(5, text(''), 0x30, [], properties([0x23, 0, 1])),
    reasons: [...EITHER, TOPIC_ALIAS_INVALID],
  },
  {
    clause: 'MQTT-3.3.2-14',
    of: 'a response topic with a wildcard',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x08, ...text('r/#')])),
    reasons: [...EITHER, TOPIC_NAME_INVALID],
  },
  {
    clause: 'MQTT-3.3.4-6',
    of: 'a PUBLISH with a subscription identifier',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x0b, 1])),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-3.8.3-4',
    of: 'No Local on a shared subscription',
    bytes: subscribeOf(5, text('$share/g/a'), 4),
    reasons: [PROTOCOL_ERROR],
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'a property that comes twice',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x02, 0, 0, 0, 9], [0x02, 0, 0, 0, 9])),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'a property that PUBLISH does not have',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x11, 0, 0, 0, 9])),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'a property that there is not',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x7e, 1])),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'properties that are longer than the packet',
    bytes: packet(0x30, text('a'), [0x20, 0x01, 1]),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'a Payload Format Indicator of 2',
    bytes: publishOf(5, text('a'), 0x30, [], properties([0x01, 2])),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-4.13.1-1',
    of: 'a subscription identifier 0',
    bytes: packet(0x82, ID, properties([0x0b, 0]), text('a'), [0]),
    reasons: EITHER,
  },
  { clause: 'MQTT-4.13.1-1', of: 'AUTH of a client that has no method', bytes: [0xf0, 2, 0x18, 0], reasons: EITHER },
];

/** A filter with a wildcard in a wrong place: a server may also refuse it in SUBACK, so that it has programs of its own. */
const BAD_FILTERS = ['a#', 'a/#/b', 'a+', '+b/c', '#/a'];

/** In the place of CONNECT. */
const inPlaceOfConnect = (version: 4 | 5): readonly Wrong[] => [
  { clause: 'MQTT-3.1.0-1', of: 'PINGREQ before CONNECT', bytes: [0xc0, 0] },
  { clause: 'MQTT-3.1.0-1', of: 'PUBLISH before CONNECT', bytes: publishOf(version, text('a')) },
  { clause: 'MQTT-3.1.0-1', of: 'SUBSCRIBE before CONNECT', bytes: subscribeOf(version, text('a')) },
  {
    clause: 'MQTT-3.1.0-1',
    of: 'a request of HTTP',
    bytes: [...new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${'x'.repeat(99)}\r\n\r\n`)],
  },
  { clause: 'MQTT-3.1.2-1', of: 'a CONNECT of the protocol MQTX', bytes: connectBytes(version, 2, 'MQTX') },
  { clause: 'MQTT-3.1.2-2', of: 'a CONNECT of version 6', bytes: connectBytes(6), reasons: [0x01, 0x84] },
  { clause: 'MQTT-3.1.2-2', of: 'a CONNECT of version 2', bytes: connectBytes(2), reasons: [0x01, 0x84] },
  {
    clause: 'MQTT-3.1.2-3',
    of: 'a CONNECT with its reserved flag',
    bytes: connectBytes(version, 3),
    reasons: [MALFORMED, PROTOCOL_ERROR],
  },
  {
    clause: 'MQTT-3.1.4-1',
    of: 'a CONNECT with will QoS 3',
    bytes: connectBytes(version, 0x1e, 'MQTT', [...text('kitw'), ...head(version), ...text('a'), ...text('b')]),
    reasons: EITHER,
  },
  { clause: 'MQTT-3.1.4-1', of: 'a CONNECT with will QoS 1 and no will', bytes: connectBytes(version, 0x0a), reasons: EITHER },
  { clause: 'MQTT-3.1.4-1', of: 'a CONNECT with will RETAIN and no will', bytes: connectBytes(version, 0x22), reasons: EITHER },
  {
    clause: 'MQTT-3.1.4-1',
    of: 'a CONNECT without the user name that its flags tell',
    bytes: connectBytes(version, 0x82),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-3.1.4-1',
    of: 'a CONNECT with bytes behind its end',
    bytes: connectBytes(version, 2, 'MQTT', [...text('kitw'), 1, 2]),
    reasons: EITHER,
  },
  {
    clause: 'MQTT-3.1.4-1',
    of: 'a CONNECT with flags in its fixed header',
    bytes: [0x11, ...connectBytes(version).slice(1)],
    reasons: EITHER,
  },
  {
    clause: 'MQTT-1.5.4-1',
    of: 'a client id that is no UTF-8',
    bytes: connectBytes(version, 2, 'MQTT', INVALID_UTF8),
    reasons: [...EITHER, 0x85, 0x02],
  },
  ...(version === 4
    ? [
        {
          clause: 'MQTT-3.1.3-8',
          of: 'an empty client id without a clean session',
          bytes: connectBytes(4, 0, 'MQTT', text('')),
          reasons: [2],
        } as const,
      ]
    : []),
  ...(version === 5
    ? (
        [
          ['a Receive Maximum of 0', [0x21, 0, 0]],
          ['a Maximum Packet Size of 0', [0x27, 0, 0, 0, 0]],
          ['a Session Expiry Interval that comes twice', [0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1]],
          ['authentication data without a method', [0x16, 0, 1, 1]],
          ['a Request Problem Information of 2', [0x17, 2]],
        ] as const satisfies readonly (readonly [string, Bytes])[]
      ).map(
        ([of, bytes]): Wrong => ({
          clause: 'MQTT-3.1.4-1',
          of: `a CONNECT with ${of}`,
          bytes: packet(0x10, text('MQTT'), [5, 2, 0, 0], properties(bytes), text('kitw')),
          reasons: EITHER,
        }),
      )
    : []),
];

const wrongStep = ({ clause, of, bytes, reasons = [] }: Wrong): Step => ({
  op: 'wrong',
  d: 'a',
  clause,
  of,
  hex: hexOf(Uint8Array.from(bytes)),
  reasons: [...reasons],
});

/** Several to a program: each has a connection of its own. */
const PER_PROGRAM = 8;

function inGroups(name: string, all: readonly Wrong[], begin: (at: number) => Step): readonly Program[] {
  const groups = Array.from({ length: Math.ceil(all.length / PER_PROGRAM) }, (_, i) =>
    all.slice(i * PER_PROGRAM, (i + 1) * PER_PROGRAM),
  );
  return groups.map((group, i) =>
    programOf(
      `${name}-${i + 1}`,
      group.flatMap((one, at) => [begin(at), wrongStep(one)]),
    ),
  );
}

/** 3.1.1 has numbers for a version and a client id that it does not take, and none for what is malformed. */
const asOf =
  (version: 4 | 5) =>
  (wrong: Wrong): Wrong =>
    version === 5 || wrong.clause === 'MQTT-3.1.2-2' || wrong.clause === 'MQTT-3.1.3-8' ? wrong : { ...wrong, reasons: [] };

const versions = [4, 5] as const;
const nameOf = (version: 4 | 5): string => (version === 4 ? '3.1.1' : '5.0');

/** Messages under way beyond what a server takes at once; those of QoS 2 that are not released count. */
const TOO_MANY = 65_535;

export const WRONG_PROGRAMS: readonly Program[] = [
  ...versions.flatMap((version) =>
    inGroups(`wrong-packets-${nameOf(version)}`, behindConnect(version), (at) => connect('a', { version, id: `w${at}` })),
  ),
  ...inGroups('wrong-packets-of-5.0', ONLY_IN_5, (at) => connect('a', { id: `w${at}` })),
  ...versions.flatMap((version) =>
    inGroups(`wrong-connects-${nameOf(version)}`, inPlaceOfConnect(version).map(asOf(version)), () => ({
      op: 'dial',
      d: 'a',
      version,
    })),
  ),
  programOf(
    'wildcards-in-wrong-places',
    BAD_FILTERS.flatMap((filter, at) => [
      connect('a', { id: `f${at}` }),
      { ...subscribe('a'), filter: `{t}/${filter}` },
      ping('a'),
    ]),
  ),
  programOf('more-than-the-server-takes', [
    connect('a', { holds: ['PUBREC'] }),
    { op: 'tooMany', d: 'a', clause: 'MQTT-3.3.4-7', reasons: [RECEIVE_MAXIMUM_EXCEEDED], most: Math.min(TOO_MANY, 2_000) },
    SETTLE,
  ]),
  programOf('wrong-beside-right', [
    connect('b'),
    subscribe('b', { qos: 1 }),
    connect('a'),
    wrongStep({
      clause: 'MQTT-3.3.1-4',
      of: 'a PUBLISH with QoS 3',
      bytes: publishOf(5, text('a'), 0x36, ID),
      reasons: [MALFORMED],
    }),
    connect('a'),
    publish('a', { qos: 1 }),
    { op: 'collect' },
  ]),
];
