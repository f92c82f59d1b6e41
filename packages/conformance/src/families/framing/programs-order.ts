import { FrameType } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { frameHex, typeOf, UNKNOWN_FIELDS } from './hex.ts';
import { AWAIT_CLOSE, CONNECT, FENCE, forServers, OPEN, programFor } from './steps.ts';

const GREASE = 0x3a5a;
const PING = typeOf('PING');

const ask = (type: number, more: Partial<Step> = {}): Step => ({ op: 'frame', type, wait: true, ...more }) as Step;
const say = (type: number, flags: readonly (string | number)[], more: Partial<Step> = {}): Step =>
  ({ op: 'frame', type, flags: ['ONEWAY', ...flags], ...more }) as Step;
/** A response that nobody asked for; behind it the connection goes on. */
const respond = (type: number, correlation: number, flags: readonly (string | number)[] = []): readonly Step[] => [
  { op: 'frame', type, flags: ['RESPONSE', ...flags], correlation },
  FENCE,
];

/** Greasing, reserved, private and free numbers. */
const UNKNOWN_TYPES = [
  GREASE,
  0x0000,
  FrameType.AUTH,
  FrameType.CANCEL,
  FrameType.ACK,
  FrameType.NACK,
  FrameType.REPLICATE,
  0x7f01,
  0xffff,
];

const NAME_SERVER_TYPES = [
  typeOf('REGISTER_BROKER'),
  typeOf('BROKER_HEARTBEAT'),
  typeOf('UNREGISTER_BROKER'),
  typeOf('ROUTE_QUERY'),
];
const BROKER_TYPES = [
  typeOf('SEND'),
  typeOf('PULL'),
  typeOf('INIT_PRODUCER'),
  typeOf('TOPIC_CREATE'),
  typeOf('CLIENT_HEARTBEAT'),
];

/** What a role does not serve, whole and wrong control headers, then one-way. */
const foreign = (types: readonly number[]): readonly Step[] => [
  OPEN,
  ...types.flatMap((type) => [ask(type), ask(type, { control: 'ff' }), say(type, []), FENCE]),
  ask(typeOf('ROUTE_UPDATE')),
  ask(typeOf('ASSIGNMENT')),
  FENCE,
];

/** The decode order of the chapter of framing, line by line. */
export const ORDER_PROGRAMS: readonly Program[] = [
  ...forServers('responses-to-nothing', [
    OPEN,
    ...respond(PING, 999),
    ...respond(PING, 2),
    ...respond(PING, 1, ['ERROR']),
    ...respond(GREASE, 7, ['ERROR']),
    ...respond(GREASE, 0, ['ONEWAY']),
    ...respond(typeOf('HELLO'), 1, ['MORE']),
  ]),
  ...forServers('even-number', [OPEN, ask(PING, { correlation: 2, wait: false }), AWAIT_CLOSE]),
  ...forServers('number-zero', [OPEN, ask(PING, { correlation: 0, wait: false }), AWAIT_CLOSE]),
  ...forServers('even-number-of-an-unknown-type', [OPEN, ask(GREASE, { correlation: 0xfffffffe, wait: false }), AWAIT_CLOSE]),
  ...forServers('even-number-of-hello', [CONNECT, ask(typeOf('HELLO'), { correlation: 2, wait: false }), AWAIT_CLOSE]),
  ...forServers('ping-before-hello', [CONNECT, ask(PING, { wait: false }), AWAIT_CLOSE]),
  ...forServers('unknown-type-before-hello', [CONNECT, ask(GREASE, { wait: false }), AWAIT_CLOSE]),
  ...forServers('one-way-before-hello', [CONNECT, say(GREASE, ['IGNORABLE']), AWAIT_CLOSE]),
  programFor('nameserver', 'query-before-hello', [CONNECT, ask(typeOf('ROUTE_QUERY'), { wait: false }), AWAIT_CLOSE]),
  programFor('broker', 'list-before-hello', [CONNECT, ask(typeOf('TOPIC_LIST'), { wait: false }), AWAIT_CLOSE]),
  ...forServers('unknown-types', [OPEN, ...UNKNOWN_TYPES.map((type) => ask(type)), ask(GREASE, { control: 'ffff' }), FENCE]),
  ...forServers('unknown-one-way-ignorable', [
    OPEN,
    say(GREASE, ['IGNORABLE']),
    FENCE,
    say(FrameType.AUTH, ['IGNORABLE'], { payload: '010203' }),
    FENCE,
    say(GREASE, ['IGNORABLE', 0xe0], { correlation: 8, reserved: 255, control: 'ff' }),
    FENCE,
  ]),
  ...forServers('unknown-one-way', [OPEN, say(GREASE, []), AWAIT_CLOSE]),
  ...forServers('reserved-one-way', [OPEN, say(FrameType.CANCEL, []), AWAIT_CLOSE]),
  ...forServers('hello-twice', [OPEN, ask(typeOf('HELLO'), { wait: false }), AWAIT_CLOSE]),
  ...forServers('pings', [
    OPEN,
    ask(PING, { correlation: 0xffffffff }),
    ask(PING, { correlation: 3 }),
    ask(PING, { correlation: 3, zeros: 5 }),
    ask(PING, { flags: [0xe0], reserved: 255 }),
    ask(PING, { flags: ['ERROR'] }),
    ask(PING, { flags: ['IGNORABLE'] }),
    ask(PING, { control: UNKNOWN_FIELDS }),
    say(PING, []),
    FENCE,
    say(PING, [], { correlation: 6 }),
    FENCE,
    say(typeOf('GOAWAY'), [], { control: '088a27' }),
    FENCE,
  ]),
  programFor('nameserver', 'other-role', foreign(BROKER_TYPES)),
  programFor('broker', 'other-role', foreign(NAME_SERVER_TYPES)),
  programFor('broker', 'one-way-of-its-own', [
    OPEN,
    say(typeOf('TOPIC_CREATE'), [], { correlation: 77 }),
    FENCE,
    { op: 'oneWay', frame: 'TOPIC_CREATE', header: { topic: '~quiet', queues: 1 } },
    FENCE,
    { op: 'oneWay', frame: 'SEND', header: { topic: '~quiet', ack: 2 }, payload: { batch: { count: 1 } } },
    FENCE,
  ]),
  programFor('nameserver', 'one-way-of-its-own', [
    OPEN,
    say(typeOf('ROUTE_QUERY'), [], { correlation: 9 }),
    FENCE,
    { op: 'oneWay', frame: 'ROUTE_QUERY', header: { topics: ['~orders'] } },
    FENCE,
    say(typeOf('UNREGISTER_BROKER'), []),
    FENCE,
  ]),
  programFor('broker', 'number-in-use', [
    OPEN,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~orders', queues: 1 } },
    {
      op: 'request',
      frame: 'PULL',
      header: { waitMs: 8_000, topics: [{ topic: '~orders', queues: [{}] }] },
      correlation: 1_001,
      wait: false,
    },
    { op: 'pass', ms: 100, slacks: 3 },
    FENCE,
    ask(typeOf('TOPIC_LIST'), { correlation: 1_001, wait: false }),
    AWAIT_CLOSE,
  ]),
  ...forServers('payload-where-there-is-none', [OPEN, ask(PING, { payload: 'ffffffff' }), ask(PING, { zeros: 70_000 }), FENCE]),
  programFor('nameserver', 'query-with-a-payload', [
    OPEN,
    { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~orders'] }, payload: { zeros: 9 } },
  ]),
  programFor('broker', 'list-with-a-payload', [OPEN, { op: 'request', frame: 'TOPIC_LIST', payload: { zeros: 9 } }]),
  ...forServers('pieces', [
    OPEN,
    { op: 'bytes', hex: frameHex({ type: PING, correlation: 101 }), chunk: 1 },
    FENCE,
    { op: 'bytes', hex: frameHex({ type: PING, correlation: 103 }).slice(0, 6) },
    { op: 'pass', ms: 20 },
    { op: 'bytes', hex: frameHex({ type: PING, correlation: 103 }).slice(6) + frameHex({ type: PING, correlation: 105 }) },
    FENCE,
    {
      op: 'bytes',
      hex:
        frameHex({ type: PING, correlation: 107 }) +
        frameHex({ type: GREASE, correlation: 109 }) +
        frameHex({ type: PING, correlation: 111, payload: '00'.repeat(40) }),
      chunk: 19,
    },
    FENCE,
    FENCE,
  ]),
];
