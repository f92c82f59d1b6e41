import { codeNumber, encodeFrame, Flag, FrameType, GoAway, HelloOk, joinParts, LIMITS } from '@qanat/core';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/driver/driver.ts';
import { FAMILIES } from '../../src/families/index.ts';
import { websocket } from '../../src/families/websocket/index.ts';
import { WebSocketGround } from '../../src/ground/web-socket-ground.ts';
import { CLOSE, closePayload } from '../../src/ground/websocket/close-codes.ts';
import { agreeingText, headOf, refusingText, requestText } from '../../src/ground/websocket/upgrade.ts';
import type { HistoryEvent, Side } from '../../src/history/event.ts';
import { bytesOf } from '../../src/json.ts';
import { inProcessSite } from '../../src/run/in-process-site.ts';
import { judgeRun, runProgram } from '../../src/run/run-program.ts';
import { addRun, type Finding, newFinding } from '../../src/run/survey.ts';
import { HELLO, HELLO_OK } from './streams.ts';

const PATIENCE_MS = 60_000;
const SLACK_MS = 400;
const PING = '0000000c000300000000000300000000';
const PONG = '0000000c000301000000000300000000';
const LATER_PING = '0000000c000300000000000500000000';
const LATER_PONG = '0000000c000301000000000500000000';

type Rest = HistoryEvent extends infer E ? (E extends HistoryEvent ? Omit<E, 'atMs' | 'connection'> : never) : never;
type Happening = readonly [atMs: number, event: Rest];

const frame = (from: Side, hex: string): Rest => ({ kind: 'frame', from, bytes: bytesOf(hex) });
const message = (from: Side, type: 'binary' | 'text' | 'ping' | 'pong' | 'close', more: object = {}): Rest => ({
  kind: 'message',
  from,
  type,
  length: 0,
  pieces: 1,
  bytes: new Uint8Array(0),
  ...more,
});
const closeMessage = (from: Side, code: number | undefined): Rest => {
  const bytes = closePayload(code);
  return message(from, 'close', { length: bytes.length, bytes });
};
const goAway = (code: Parameters<typeof codeNumber>[0]): Rest => ({
  kind: 'frame',
  from: 'subject',
  bytes: joinParts(encodeFrame(FrameType.GOAWAY, Flag.ONEWAY, 0, GoAway.encode({ code: codeNumber(code), message: 'no' }))),
});
const closed = (by: Side, clean = true): Rest => ({ kind: 'closed', by, clean });
const asks = (text = requestText('subject:1')): Rest => ({ kind: 'upgrade', from: 'kit', text });
const answers = (text: string): Rest => ({ kind: 'upgrade', from: 'subject', text });
const AGREED = agreeingText(headOf(requestText('subject:1')));
const agreedWith = (changes: Record<string, string | null>): string => agreeingText(headOf(requestText('subject:1')), changes);
const note = (text: string, args: object): HistoryEvent =>
  ({ kind: 'note', atMs: 0, note: text, args: { connection: 1, ...args } }) as HistoryEvent;

/** The history of one stream of the kit to a server. */
const stream = (endMs: number, ...happenings: readonly Happening[]): HistoryEvent[] => [
  { kind: 'connected', atMs: 0, connection: 1, node: 'subject' },
  ...happenings.map(([atMs, event]) => ({ ...event, atMs, connection: 1 }) as HistoryEvent),
  { kind: 'step', atMs: endMs, step: 9, op: 'end' },
];

const OPENED: Rest = { kind: 'opened', by: 'kit', node: 'subject', binding: 'websocket' };
const agreed: readonly Happening[] = [
  [1, asks()],
  [2, answers(AGREED)],
  [2, OPENED],
];
const greeted: readonly Happening[] = [...agreed, [3, frame('kit', HELLO)], [4, frame('subject', HELLO_OK)]];

/** How often the clauses for a role passed and failed; those that said nothing are left out. */
const judged = (events: readonly HistoryEvent[], role: Role, id: string): string =>
  judgeRun(
    { events, slackMs: SLACK_MS },
    websocket.clauses.filter((one) => one.id === id && one.roles.includes(role)),
  )
    .map(({ passes, failures }) => `+${passes} -${failures.length}`)
    .join();

type Case = readonly [id: string, what: string, events: readonly HistoryEvent[], says: string];
const HOLDS = '+1 -0';
const BREAKS = '+0 -1';
const NOTHING = '+0 -0';

const request = (changes: Record<string, string | null>, line?: string): Rest => asks(requestText('subject:1', changes, line));
const refused: Rest = { kind: 'refused', node: 'subject', why: 'another answer' };
const upgrade = (asked: Rest, answer: string): HistoryEvent[] => stream(900, [1, asked], [2, answers(answer)], [3, refused]);

describe('how servers answer requests for the upgrade', () => {
  const offers = (protocol: string | null): Rest => request({ 'Sec-WebSocket-Protocol': protocol });
  const origin = request({ Origin: 'https://a.example' });
  const deflate = request({ 'Sec-WebSocket-Extensions': 'permessage-deflate' });
  const cases: readonly Case[] = [
    ['QNT-WSK-002', 'qanat.v1 is agreed to', stream(900, ...agreed), HOLDS],
    ['QNT-WSK-002', 'it is agreed to among others', upgrade(offers('a, qanat.v1'), AGREED), HOLDS],
    ['QNT-WSK-002', 'it is not agreed to', upgrade(asks(), agreedWith({ 'Sec-WebSocket-Protocol': null })), BREAKS],
    ['QNT-WSK-002', 'it is refused', upgrade(asks(), refusingText('400 Bad Request')), BREAKS],
    ['QNT-WSK-002', 'another one is refused with 400', upgrade(offers('qanat.v2'), refusingText('400 Bad Request')), HOLDS],
    ['QNT-WSK-002', 'another one is refused otherwise', upgrade(offers(null), refusingText('404 Not Found')), BREAKS],
    ['QNT-WSK-002', 'another one is agreed to', upgrade(offers('qanat.v2'), AGREED), BREAKS],
    ['QNT-WSK-002', 'nothing comes', stream(12_000, [1, asks()]), BREAKS],
    ['QNT-WSK-002', 'the program ends before', stream(900, [1, asks()]), NOTHING],
    ['QNT-WSK-004', 'no upgrade: 426', upgrade(request({ Upgrade: null }), refusingText('426 Upgrade Required')), HOLDS],
    ['QNT-WSK-004', 'no upgrade: 400', upgrade(request({ Upgrade: null }), refusingText('400 Bad Request')), BREAKS],
    ['QNT-WSK-004', 'version 8: agreed to', upgrade(request({ 'Sec-WebSocket-Version': '8' }), AGREED), BREAKS],
    ['QNT-WSK-004', 'another path: 404', upgrade(request({}, 'GET /x HTTP/1.1'), refusingText('404 Not Found')), HOLDS],
    ['QNT-WSK-004', 'another path: agreed to', upgrade(request({}, 'GET /x HTTP/1.1'), AGREED), BREAKS],
    ['QNT-WSK-004', 'two things are wrong', upgrade(request({ Upgrade: null }, 'GET /x HTTP/1.1'), AGREED), NOTHING],
    ['QNT-WSK-005', 'an origin: 403', upgrade(origin, refusingText('403 Forbidden')), HOLDS],
    ['QNT-WSK-005', 'an origin: agreed to', upgrade(origin, AGREED), BREAKS],
    ['QNT-WSK-005', 'none: 403', upgrade(asks(), refusingText('403 Forbidden')), BREAKS],
    ['QNT-WSK-005', 'none', stream(900, ...agreed), NOTHING],
    ['QNT-WSK-006', 'no extension', upgrade(deflate, AGREED), HOLDS],
    ['QNT-WSK-006', 'an extension', upgrade(deflate, agreedWith({ 'Sec-WebSocket-Extensions': 'permessage-deflate' })), BREAKS],
    ['QNT-WSK-006', 'none offered', stream(900, ...agreed), NOTHING],
    ['QNT-WSK-007', 'silence ends in time', stream(9_000, [5_010, refused]), HOLDS],
    ['QNT-WSK-007', 'silence ends too late', stream(9_000, [7_000, refused]), BREAKS],
    ['QNT-WSK-007', 'silence does not end', stream(9_000), BREAKS],
    ['QNT-WSK-007', 'the upgrade counts', stream(9_000, ...agreed, [5_010, closed('subject')]), HOLDS],
    [
      'QNT-WSK-007',
      'it begins anew with the upgrade',
      stream(14_000, [3_000, asks()], [3_001, answers(AGREED)], [3_001, OPENED], [8_000, closed('subject')]),
      BREAKS,
    ],
    ['QNT-WSK-007', 'the program ends before', stream(900), NOTHING],
  ];
  it.each(cases)('%s: %s', (id, _, events, says) => expect(judged(events, 'nameserver', id)).toBe(says));
});

const sent = (type: 'binary' | 'text', length: number, ...frames: readonly string[]): HistoryEvent[] =>
  stream(900, ...greeted, ...frames.map((hex): Happening => [5, frame('subject', hex)]), [
    6,
    message('subject', type, { length }),
  ]);
/** A response to PING of so many bytes. */
const long = (bytes: number): string =>
  Buffer.from(joinParts(encodeFrame(FrameType.PING, Flag.RESPONSE, 3, new Uint8Array(0), [new Uint8Array(bytes - 16)]))).toString(
    'hex',
  );

describe('what is sent', () => {
  const first = HELLO_OK.length / 2;
  const preface: Rest = { kind: 'broken', why: 'too long', bytes: bytesOf('ab514e5401000000') };
  const unmasked: Rest = { kind: 'broken', why: 'no WebSocket: a client masks everything', bytes: new Uint8Array(0) };
  const cases: readonly Case[] = [
    ['QNT-WSK-001', 'a frame comes first', stream(900, ...greeted), HOLDS],
    ['QNT-WSK-001', 'a preface comes first', stream(900, ...agreed, [3, preface]), BREAKS],
    ['QNT-WSK-001', 'nothing comes', stream(900, ...agreed), NOTHING],
    ['QNT-WSK-008', 'whole frames', sent('binary', first + 16, PONG), HOLDS],
    ['QNT-WSK-008', 'some of a frame', sent('binary', first + 7), BREAKS],
    ['QNT-WSK-008', 'nothing in it', sent('binary', 0).filter((event) => event.kind !== 'frame'), BREAKS],
    ['QNT-WSK-008', 'text', sent('text', first), BREAKS],
    ['QNT-WSK-008', 'no WebSocket', stream(900, ...greeted, [5, unmasked]), BREAKS],
    ['QNT-WSK-009', 'short ones share', sent('binary', first + 16, PONG), HOLDS],
    ['QNT-WSK-009', 'long ones share', sent('binary', first + 17_000, long(17_000)), BREAKS],
    [
      'QNT-WSK-009',
      'a long one is alone',
      sent('binary', 17_000, long(17_000)).filter((event) => event.kind !== 'frame' || event.bytes.length > 100),
      HOLDS,
    ],
  ];
  it.each(cases)('%s: %s', (id, _, events, says) => expect(judged(events, 'broker', id)).toBe(says));
});

const laidOut = (hex: string, more: object = {}): Rest => {
  const bytes = bytesOf(hex);
  return message('kit', 'binary', { length: bytes.length, bytes, ...more });
};
/** A server gets a message behind HELLO, and something follows. */
const behind = (made: Rest, ...happenings: readonly Happening[]): HistoryEvent[] =>
  stream(12_000, ...greeted, [10, made], ...happenings);
const ends = (code: Parameters<typeof codeNumber>[0], close: number = CLOSE.normal): readonly Happening[] => [
  [11, goAway(code)],
  [12, closeMessage('subject', close)],
  [13, closed('subject')],
];

describe('what servers make of messages', () => {
  const empty = laidOut('');
  const cut = laidOut('0000000c0003');
  const text = laidOut(PING, { type: 'text' });
  const tooLong = laidOut(PING, { length: 4 + LIMITS.FRAME_BYTES_MAX + 1 });
  const inPieces = laidOut(PING, { pieces: 5 });
  const inMany = laidOut(PING, { pieces: 1_025 });
  const asked: Happening = [10, frame('kit', PING)];
  const answered: Happening = [11, frame('subject', PONG)];
  const more: readonly Happening[] = [
    [20, frame('kit', LATER_PING)],
    [21, frame('subject', LATER_PONG)],
  ];
  const cases: readonly Case[] = [
    ...[empty, cut].flatMap((made): Case[] => [
      ['QNT-WSK-010', 'it ends the connection', behind(made, ...ends('MALFORMED_FRAME')), HOLDS],
      ['QNT-WSK-010', 'it ends it with another code', behind(made, ...ends('FRAME_TOO_LARGE')), BREAKS],
      ['QNT-WSK-010', 'it ends it without GOAWAY', behind(made, [13, closed('subject')]), BREAKS],
      ['QNT-WSK-010', 'it is passed over', behind(made, ...more), BREAKS],
      ['QNT-WSK-010', 'nothing follows', behind(made), BREAKS],
      ['QNT-WSK-010', 'the server stops', behind(made, ...ends('SHUTTING_DOWN')), NOTHING],
    ]),
    ['QNT-WSK-011', 'text ends the connection with 1003', behind(text, ...ends('MALFORMED_FRAME', CLOSE.unsupportedData)), HOLDS],
    ['QNT-WSK-011', 'text ends it with 1000', behind(text, ...ends('MALFORMED_FRAME')), BREAKS],
    ['QNT-WSK-011', 'text is passed over', behind(text, ...more), BREAKS],
    ['QNT-WSK-012', 'a long one ends the connection', behind(tooLong, ...ends('FRAME_TOO_LARGE')), HOLDS],
    ['QNT-WSK-012', 'a long one is malformed', behind(tooLong, ...ends('MALFORMED_FRAME')), BREAKS],
    [
      'QNT-WSK-012',
      'before HELLO',
      stream(12_000, ...agreed, [3, laidOut(HELLO, { length: 16_389 })], ...ends('FRAME_TOO_LARGE')),
      HOLDS,
    ],
    [
      'QNT-WSK-012',
      'while HELLO is on its way',
      stream(12_000, ...agreed, [3, frame('kit', HELLO)], [3, laidOut(PING, { length: 16_389 })], ...ends('FRAME_TOO_LARGE')),
      NOTHING,
    ],
    ['QNT-WSK-013', 'pieces are taken', behind(inPieces, asked, answered), HOLDS],
    ['QNT-WSK-013', 'pieces end the connection', behind(inPieces, asked, ...ends('MALFORMED_FRAME')), BREAKS],
    ['QNT-WSK-013', 'pieces are not answered', behind(inPieces, asked), BREAKS],
    ['QNT-WSK-013', 'the kit ends it', behind(inPieces, asked, [12, closed('kit')]), NOTHING],
    ['QNT-WSK-013', 'one piece', behind(laidOut(PING), asked, answered), NOTHING],
    ['QNT-WSK-014', 'many are taken', behind(inMany, asked, answered), HOLDS],
    ['QNT-WSK-014', 'many are malformed', behind(inMany, asked, ...ends('MALFORMED_FRAME')), HOLDS],
    ['QNT-WSK-014', 'many are something else', behind(inMany, asked, ...ends('FRAME_TOO_LARGE')), BREAKS],
    ['QNT-WSK-014', 'many are passed over', behind(inMany, asked), BREAKS],
  ];
  it.each(cases)('%s: %s', (id, _, events, says) => expect(judged(events, 'nameserver', id)).toBe(says));
});

/** Of a broker that closes after a second of silence. */
const SHORT_LIVED = Buffer.from(
  joinParts(encodeFrame(FrameType.HELLO, Flag.RESPONSE, 1, HelloOk.encode({ role: 1, frameBytesMax: 4_259_840, idleMs: 1_000 }))),
).toString('hex');

describe('how connections to servers live and end', () => {
  const idle: readonly Happening[] = [
    ...agreed,
    [3, frame('kit', HELLO)],
    [4, frame('subject', SHORT_LIVED)],
    [600, message('kit', 'ping')],
  ];
  const crowd = message('kit', 'ping', { pieces: 300, length: 1_200, bytes: bytesOf('0000012c') });
  const pong = (hex: string): Rest => message('subject', 'pong', { length: 4, bytes: bytesOf(hex) });
  const each = Array.from({ length: 300 }, (_, i): Happening => [11, pong((i + 1).toString(16).padStart(8, '0'))]);
  const deaf = (events: readonly HistoryEvent[]): HistoryEvent[] => [note('deaf', {}), ...events];
  const cutOff = (events: readonly HistoryEvent[]): HistoryEvent[] => [
    ...events.slice(0, -1),
    note('ended', { cutOff: true }),
    ...events.slice(-1),
  ];
  const cases: readonly Case[] = [
    [
      'QNT-WSK-017',
      'silence is silence',
      stream(9_000, ...idle, [1_010, goAway('IDLE_TIMEOUT')], [1_011, closed('subject')]),
      HOLDS,
    ],
    ['QNT-WSK-017', 'pings keep it open', stream(9_000, ...idle), BREAKS],
    ['QNT-WSK-017', 'it ends late', stream(9_000, ...idle, [1_700, goAway('IDLE_TIMEOUT')], [1_701, closed('subject')]), BREAKS],
    ['QNT-WSK-017', 'no pings', stream(9_000, ...idle.slice(0, -1)), NOTHING],
    [
      'QNT-WSK-018',
      'the newest is answered',
      stream(900, ...greeted, [10, crowd], ...each.slice(0, 1), ...each.slice(-1)),
      HOLDS,
    ],
    ['QNT-WSK-018', 'each is answered', stream(900, ...greeted, [10, crowd], ...each), BREAKS],
    ['QNT-WSK-018', 'others are answered', stream(5_000, ...greeted, [10, crowd], ...each.slice(0, 1)), BREAKS],
    ['QNT-WSK-018', 'the program ends before', stream(500, ...greeted, [10, crowd]), NOTHING],
    ['QNT-WSK-019', 'a reason, then 1000', stream(900, ...greeted, ...ends('MALFORMED_FRAME')), HOLDS],
    [
      'QNT-WSK-019',
      'a reason, then another code',
      stream(900, ...greeted, ...ends('MALFORMED_FRAME', CLOSE.internalError)),
      BREAKS,
    ],
    [
      'QNT-WSK-019',
      'a reason, then the end',
      stream(900, ...greeted, [11, goAway('MALFORMED_FRAME')], [13, closed('subject', false)]),
      BREAKS,
    ],
    ['QNT-WSK-019', 'dropped at once', deaf(stream(9_000, ...greeted, ...ends('MALFORMED_FRAME'))), BREAKS],
    [
      'QNT-WSK-019',
      'dropped in the end',
      deaf(stream(9_000, ...greeted, ...ends('MALFORMED_FRAME').slice(0, 2), [5_012, closed('subject')])),
      HOLDS,
    ],
    [
      'QNT-WSK-019',
      'something was on its way',
      stream(900, ...greeted, [11, goAway('MALFORMED_FRAME')], [12, frame('kit', PING)], [13, closed('subject')]),
      NOTHING,
    ],
    ['QNT-WSK-020', 'the end is the end', cutOff(stream(5_000, ...greeted, [10, closed('kit', false)])), HOLDS],
    ['QNT-WSK-020', 'it goes on', cutOff(stream(5_000, ...greeted)), BREAKS],
    ['QNT-WSK-020', 'an end with a close message', stream(5_000, ...greeted, [10, closed('kit')]), NOTHING],
  ];
  it.each(cases)('%s: %s', (id, _, events, says) => expect(judged(events, 'nameserver', id)).toBe(says));
});

/** The history of a producer with one connection to a broker of the kit. */
function client(endMs: number, answer: string, ...happenings: readonly Happening[]): HistoryEvent[] {
  const all: readonly Happening[] = [
    [10, { kind: 'upgrade', from: 'subject', text: requestText('kit:1') }],
    [10, { kind: 'upgrade', from: 'kit', text: answer }],
    [10, { kind: 'opened', by: 'subject', node: 'broker-a', binding: 'websocket' }],
    ...happenings,
  ];
  return [
    { kind: 'call', atMs: 0, id: 1, op: 'producer.start', args: { client: 'p' } },
    { kind: 'result', atMs: 5, id: 1, op: 'producer.start', ok: null },
    ...all.map(([atMs, event]) => ({ ...event, atMs, connection: 1 }) as HistoryEvent),
    { kind: 'step', atMs: endMs, step: 9, op: 'end' },
    { kind: 'node', atMs: endMs, what: 'ended', node: '*' },
  ];
}

const met: readonly Happening[] = [
  [11, frame('subject', HELLO)],
  [12, frame('kit', HELLO_OK)],
];
/** A client gets a message, and something follows. */
const got = (made: Rest, ...happenings: readonly Happening[]): HistoryEvent[] =>
  client(9_000, AGREED, ...met, [100, made], ...happenings);
const ended = (args: object): Rest => ({ kind: 'note', note: 'ended', args: { connection: 1, ...args } }) as Rest;
const told = (args: object): Rest => ({ kind: 'told', event: 'disconnected', client: 'p', args }) as Rest;
const toClose: Rest = { kind: 'call', id: 2, op: 'close', args: { client: 'p' } };
const LOST = { error: { code: 'CONNECTION_LOST' } };

describe('what clients do', () => {
  const v2 = agreedWith({ 'Sec-WebSocket-Protocol': 'qanat.v2' });
  const left: Happening = [120, closed('subject')];
  const said: Happening = [110, closeMessage('subject', CLOSE.unsupportedData)];
  const tooLong = laidOut(PING, { length: 4 + LIMITS.FRAME_BYTES_MAX + 1 });
  const text = laidOut(PING, { type: 'text' });
  const served: Happening = [101, frame('kit', PING)];
  const pings: readonly Happening[] = [...met, [31_000, message('kit', 'ping')]];
  const cases: readonly Case[] = [
    ['QNT-WSK-001', 'asks at /, and offers qanat.v1', client(900, AGREED), HOLDS],
    ['QNT-WSK-003', 'leaves another version', client(9_000, v2, [20, closed('subject')]), HOLDS],
    ['QNT-WSK-003', 'speaks to another version', client(9_000, v2, [11, frame('subject', HELLO)]), BREAKS],
    ['QNT-WSK-003', 'stays at another version', client(9_000, v2), BREAKS],
    ['QNT-WSK-003', 'is agreed with', client(9_000, AGREED, ...met), NOTHING],
    ['QNT-WSK-010', 'leaves on an empty message', got(laidOut(''), left), HOLDS],
    ['QNT-WSK-010', 'stays', got(laidOut('0000')), BREAKS],
    ['QNT-WSK-011', 'leaves on text with 1003', got(text, said, left), HOLDS],
    ['QNT-WSK-011', 'leaves on text without a word', got(text, left), BREAKS],
    ['QNT-WSK-011', 'stays', got(text), BREAKS],
    ['QNT-WSK-012', 'leaves on what is too long', got(tooLong, left), HOLDS],
    ['QNT-WSK-012', 'stays', got(tooLong), BREAKS],
    ['QNT-WSK-013', 'goes on behind pieces', got(laidOut(PING, { pieces: 4 }), served, [700, frame('subject', PONG)]), HOLDS],
    ['QNT-WSK-017', 'leaves the silent', client(90_000, AGREED, ...pings, [60_100, closed('subject')]), HOLDS],
    ['QNT-WSK-017', 'stays with them', client(90_000, AGREED, ...pings), BREAKS],
    [
      'QNT-WSK-019',
      'ends as planned',
      client(900, AGREED, ...met, [20, toClose], [21, closeMessage('subject', CLOSE.normal)], [22, closed('subject')]),
      HOLDS,
    ],
    ['QNT-WSK-019', 'ends without a word', client(900, AGREED, ...met, [20, toClose], [22, closed('subject', false)]), BREAKS],
    [
      'QNT-WSK-020',
      'takes an end for a loss',
      client(9_000, AGREED, ...met, [20, ended({})], [21, told(LOST)], [22, closed('subject', false)]),
      HOLDS,
    ],
    [
      'QNT-WSK-020',
      'takes it for a clean end',
      client(9_000, AGREED, ...met, [20, ended({})], [21, told({})], [22, closed('subject', false)]),
      BREAKS,
    ],
    ['QNT-WSK-020', 'passes it over', client(9_000, AGREED, ...met, [20, ended({})]), BREAKS],
    [
      'QNT-WSK-021',
      '1001 is clean',
      client(9_000, AGREED, ...met, [20, ended({ code: CLOSE.goingAway })], [21, told({})], [22, closed('kit')]),
      HOLDS,
    ],
    [
      'QNT-WSK-021',
      '1001 is an error',
      client(9_000, AGREED, ...met, [20, ended({ code: CLOSE.goingAway })], [21, told(LOST)], [22, closed('kit')]),
      BREAKS,
    ],
    [
      'QNT-WSK-021',
      '1011 is an error',
      client(9_000, AGREED, ...met, [20, ended({ code: CLOSE.internalError })], [21, told(LOST)], [22, closed('kit')]),
      HOLDS,
    ],
    [
      'QNT-WSK-021',
      '1011 is clean',
      client(9_000, AGREED, ...met, [20, ended({ code: CLOSE.internalError })], [21, told({})], [22, closed('kit')]),
      BREAKS,
    ],
    ['QNT-WSK-021', 'nothing is told', client(9_000, AGREED, ...met, [20, ended({ code: null })], [22, closed('kit')]), NOTHING],
  ];
  it.each(cases)('%s: a client %s', (id, _, events, says) => expect(judged(events, 'producer', id)).toBe(says));
});

describe('the implementation of this repository over WebSocket', { timeout: PATIENCE_MS }, () => {
  it.each(['nameserver', 'broker', 'producer', 'consumer'] as const)(
    'keeps every clause as a %s, with evidence for each',
    async (role) => {
      const site = inProcessSite({ role, ground: () => new WebSocketGround() });
      const clauses = FAMILIES.flatMap((family) => family.clauses.filter(({ roles }) => roles.includes(role)));
      const own = websocket.clauses.filter(({ roles }) => roles.includes(role)).map(({ id }) => id);
      const findings = new Map<string, Finding>(clauses.map((clause) => [clause.id, newFinding(clause)]));
      const programs = websocket.programs.filter((program) => program.role === role);
      const runs = await Promise.all(programs.map((program) => runProgram(site, program, FAMILIES)));
      expect(runs.flatMap(({ harness, senseless }) => [...(harness === undefined ? [] : [harness]), ...senseless])).toEqual([]);
      for (const run of runs) addRun(findings, run, judgeRun(run, clauses));
      const red = [...findings.values()].flatMap(({ clause, failures }) =>
        failures.map(({ run, failure }) => `${clause.id} in ${run.program.name}: ${failure.sentence}`),
      );
      expect(red).toEqual([]);
      expect(own.filter((id) => findings.get(id)?.passes === 0)).toEqual([]);
    },
  );
});
