import { LIMITS } from '@qanat/core';
import { CLOSE } from '../../ground/websocket/close-codes.ts';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { typeOf } from '../framing/hex.ts';
import { BREACH_NAMES } from './layout.ts';
import { CROWD } from './life-clauses.ts';

type Server = 'nameserver' | 'broker';

const programFor = (role: Server, name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'websocket',
  name,
  role,
  binding: 'websocket',
  steps,
  ...more,
});

const forServers = (name: string, steps: readonly Step[]): readonly Program[] =>
  (['nameserver', 'broker'] as const).map((role) => programFor(role, name, steps));

const OPEN: Step = { op: 'open' };
const UPGRADE: Step = { op: 'upgrade' };
const HELLO: Step = { op: 'request', frame: 'HELLO', header: { software: 'qanat-conformance' } };
const FENCE: Step = { op: 'fence' };
const AWAIT_CLOSE: Step = { op: 'awaitClose' };
/** For a connection that has to be dropped behind the longest wait of the chapter. */
const AWAIT_DROP: Step = { op: 'awaitClose', withinMs: 9_000 };
const pass = (ms: number): Step => ({ op: 'pass', ms });
const asks = (headers: JsonObject, line?: string): Step => ({ op: 'upgrade', headers, ...(line === undefined ? {} : { line }) });
const message = (layout: JsonObject): Step => ({ op: 'message', ...layout });

/** Places in a request that lie in its first line and in the middle of its header. */
const IN_THE_LINE = 7;
const IN_THE_HEADER = 60;

const UPGRADE_PROGRAMS: readonly Program[] = [
  ...forServers('subprotocol-among-others', [asks({ 'Sec-WebSocket-Protocol': 'mqtt, qanat.v1, chat' }), HELLO, FENCE]),
  ...forServers('no-subprotocol', [asks({ 'Sec-WebSocket-Protocol': null }), pass(50)]),
  ...forServers('other-subprotocols', [
    asks({ 'Sec-WebSocket-Protocol': 'qanat.v2' }),
    asks({ 'Sec-WebSocket-Protocol': 'qanat.v11, qanat' }),
    asks({ 'Sec-WebSocket-Protocol': 'mqtt' }),
  ]),
  ...forServers('no-upgrade', [
    asks({ Upgrade: null, Connection: 'keep-alive' }),
    asks({ Upgrade: 'h2c' }),
    asks({ 'Content-Length': '0' }, 'POST / HTTP/1.1'),
  ]),
  ...forServers('other-versions-of-websocket', [asks({ 'Sec-WebSocket-Version': '8' }), asks({ 'Sec-WebSocket-Version': null })]),
  ...forServers('other-paths', [asks({}, 'GET /qanat HTTP/1.1'), asks({}, 'GET /index.html HTTP/1.1')]),
  ...forServers('foreign-origins', [
    asks({ Origin: 'https://page.example' }),
    asks({ Origin: 'null' }),
    asks({ Origin: 'http://127.0.0.1' }),
    UPGRADE,
    HELLO,
    FENCE,
  ]),
  ...forServers('compression-offered', [
    asks({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame' }),
    HELLO,
    FENCE,
  ]),
  ...forServers('names-in-any-case', [asks({ Upgrade: 'WebSocket', Connection: 'keep-alive, upgrade' }), HELLO, FENCE]),
  ...forServers('request-in-pieces', [
    { op: 'upgrade', upTo: IN_THE_LINE, wait: false },
    pass(30),
    { op: 'say', from: IN_THE_LINE, upTo: IN_THE_HEADER, wait: false },
    pass(30),
    { op: 'say', from: IN_THE_HEADER },
    HELLO,
    FENCE,
  ]),
  ...forServers('silence', [{ op: 'upgrade', upTo: 0, wait: false }, AWAIT_DROP]),
  ...forServers('half-a-request', [{ op: 'upgrade', upTo: IN_THE_HEADER, wait: false }, AWAIT_DROP]),
  ...forServers('upgrade-and-no-hello', [UPGRADE, AWAIT_DROP]),
  ...forServers('late-upgrade-and-no-hello', [{ op: 'upgrade', upTo: 0, wait: false }, pass(3_000), { op: 'say' }, AWAIT_DROP]),
];

const HEAD_BYTES = 12;
const LENGTH_BYTES = 4;
/** One more than a message may be long before HELLO, and behind it. */
const TOO_LONG_BEFORE = LENGTH_BYTES + LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1;
const TOO_LONG = LENGTH_BYTES + LIMITS.FRAME_BYTES_MAX + 1;
/** So many PING requests are longer than a message may be before HELLO. */
const MANY = 1_100;
/** The beginning of a frame, and the rest of it. */
const BEGUN = '0000000c0003';
const REST = '0000000000630000 0000';
const PIECES_FOR_ALL = 1_024;

const MESSAGE_PROGRAMS: readonly Program[] = [
  ...forServers('frames-share-messages', [OPEN, message({ pings: 20 }), message({ pings: 3, chunk: 1 }), FENCE]),
  ...forServers('hello-in-pieces', [UPGRADE, message({ hello: true, each: 1 }), message({ pings: 2, each: 3 }), FENCE]),
  ...forServers('messages-in-pieces', [
    OPEN,
    message({ pings: 3, each: 1 }),
    message({ pings: 2, cut: [1, 17, 20] }),
    message({ pings: 1, cut: [8], between: true }),
    message({ pings: 2, each: 5, empty: 3 }),
    message({ pings: 2, each: 16, empty: 1, between: true, chunk: 7 }),
    FENCE,
  ]),
  ...forServers('longest-message', [
    OPEN,
    message({ pings: 1, pad: LIMITS.FRAME_BYTES_MAX - HEAD_BYTES }),
    message({ pings: 1, pad: LIMITS.FRAME_BYTES_MAX - HEAD_BYTES, each: 65_536 }),
    FENCE,
  ]),
  ...forServers('as-many-pieces-as-everybody-takes', [OPEN, message({ pings: 1, cut: [4], empty: PIECES_FOR_ALL - 2 }), FENCE]),
  ...forServers('more-pieces', [OPEN, message({ pings: 1, cut: [4], empty: PIECES_FOR_ALL - 1 })]),
  ...forServers('far-more-pieces', [OPEN, message({ pings: 1, cut: [4, 9], empty: 4 * PIECES_FOR_ALL })]),
  ...forServers('empty-messages', [OPEN, message({}), AWAIT_CLOSE, OPEN, message({ empty: 2 }), AWAIT_CLOSE]),
  ...forServers('empty-first-message', [UPGRADE, message({}), AWAIT_CLOSE]),
  ...forServers('messages-end-inside-frames', [
    OPEN,
    message({ pings: 1, extra: BEGUN, wait: false }),
    AWAIT_CLOSE,
    OPEN,
    message({ extra: '0000' }),
    AWAIT_CLOSE,
    UPGRADE,
    message({ hello: true, extra: '00', each: 7, wait: false }),
    AWAIT_CLOSE,
  ]),
  ...forServers('a-frame-in-two-messages', [
    OPEN,
    message({ extra: BEGUN }),
    message({ extra: REST }),
    { op: 'fence', withinMs: 1_000 },
    AWAIT_CLOSE,
  ]),
  ...forServers('text', [
    UPGRADE,
    message({ hello: true, text: true, wait: false }),
    AWAIT_CLOSE,
    OPEN,
    message({ pings: 1, text: true, wait: false }),
    AWAIT_CLOSE,
    OPEN,
    message({ text: true }),
    AWAIT_CLOSE,
  ]),
  ...forServers('too-long-before-hello', [
    UPGRADE,
    message({ hello: true, claims: TOO_LONG_BEFORE, wait: false }),
    AWAIT_CLOSE,
    UPGRADE,
    message({ hello: true, pings: MANY, wait: false }),
    AWAIT_CLOSE,
    UPGRADE,
    // The piece that is too many comes before HELLO is whole.
    message({ hello: true, cut: [10], claims: TOO_LONG_BEFORE, wait: false }),
    AWAIT_CLOSE,
  ]),
  ...forServers('too-long-behind-hello', [
    OPEN,
    message({ pings: 1, claims: TOO_LONG, wait: false }),
    AWAIT_CLOSE,
    OPEN,
    message({ pings: 2, cut: [16], claims: TOO_LONG, wait: false }),
    AWAIT_CLOSE,
  ]),
  ...forServers('what-is-no-websocket', [
    OPEN,
    ...BREACH_NAMES.flatMap((breach) => [OPEN, message({ pings: 1, breach, wait: false }), AWAIT_CLOSE, { op: 'fence', c: 0 }]),
  ]),
];

/** A name so long that a list of some hundred of them is longer than frames may share a message. */
const LONG_NAME = 'a-name-that-is-as-long-as-nobody-calls-a-topic';
const ALL: JsonObject = { frame: 'ROUTE_QUERY', header: { all: true } };

/** Answers of which each is short enough for a message with others, and two are not. */
const SHARING_PROGRAMS: readonly Program[] = [
  programFor(
    'nameserver',
    'long-answers-together',
    [
      OPEN,
      {
        op: 'request',
        frame: 'REGISTER_BROKER',
        header: {
          broker: '~b',
          cluster: 'default',
          storeId: { $hex: '02'.repeat(16) },
          term: 1,
          revision: 1,
          endpoints: [{ listener: 'default', scheme: 'ws', address: 'broker:7681' }],
          software: 'kit',
          topics: Array.from({ length: 150 }, (_, i) => ({ topic: `~${LONG_NAME}.${i}`, queues: 1 })),
        },
      },
      message({ requests: [ALL, ALL, ALL] }),
      message({ pings: 3 }),
    ],
    { alone: true },
  ),
  programFor('broker', 'long-answers-together', [
    OPEN,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~long', queues: 3 } },
    ...[0, 1, 2].map(
      (queue): Step => ({
        op: 'request',
        frame: 'SEND',
        header: { topic: '~long', queue },
        payload: { batch: { records: [{ size: 9_000 }] } },
      }),
    ),
    message({
      requests: [0, 1, 2].map((queue) => ({
        frame: 'PULL',
        header: { topics: [{ topic: '~long', queues: [{ queue, offset: 0 }] }], maxBytes: 65_536 },
      })),
    }),
    message({ pings: 3 }),
  ]),
];

const PINGS_MS = 200;

const LIFE_PROGRAMS: readonly Program[] = [
  ...forServers('pings-of-websocket-only', [
    { op: 'open', hello: { idleMs: 1_000 } },
    ...Array.from({ length: 10 }, (): readonly Step[] => [{ op: 'pings' }, pass(PINGS_MS)]).flat(),
    AWAIT_CLOSE,
  ]),
  ...forServers('a-crowd-of-pings', [OPEN, { op: 'pings', count: 5 * CROWD }, FENCE, { op: 'pass', ms: 50, slacks: 2 }, FENCE]),
  ...forServers('closed-with-a-reason', [OPEN, { op: 'frame', type: typeOf('PING'), correlation: 2 }, AWAIT_CLOSE]),
  ...forServers('closed-at-a-peer-that-does-not-answer', [
    OPEN,
    { op: 'deaf' },
    { op: 'frame', type: typeOf('PING'), correlation: 2 },
    AWAIT_DROP,
  ]),
  ...forServers('end-without-a-close-message', [OPEN, FENCE, { op: 'cutOff' }, pass(3_000)]),
  ...forServers('end-inside-a-message', [OPEN, message({ pings: 1, claims: 400, wait: false }), { op: 'cutOff' }, pass(3_000)]),
  ...forServers('end-before-hello', [UPGRADE, { op: 'cutOff' }, pass(3_000)]),
  ...forServers(
    'close-codes',
    [CLOSE.normal, undefined, CLOSE.goingAway, CLOSE.internalError, CLOSE.private].flatMap((code) => [
      OPEN,
      { op: 'closeWith', ...(code === undefined ? {} : { code }) },
    ]),
  ),
];

/** A broker is a client of its NameServers. */
const BROKER_PROGRAMS: readonly Program[] = [
  programFor(
    'broker',
    'name-servers-agree-to-something-else',
    [
      { op: 'agree', headers: { 'Sec-WebSocket-Protocol': 'qanat.v2' } },
      { op: 'lose' },
      pass(2_500),
      { op: 'agree', headers: { 'Sec-WebSocket-Protocol': null } },
      { op: 'lose' },
      pass(2_500),
    ],
    { setup: { kit: { nameServers: 1 } }, needs: ['register'], alone: true },
  ),
];

export const SERVER_PROGRAMS: readonly Program[] = [
  ...UPGRADE_PROGRAMS,
  ...MESSAGE_PROGRAMS,
  ...SHARING_PROGRAMS,
  ...LIFE_PROGRAMS,
  ...BROKER_PROGRAMS,
];
