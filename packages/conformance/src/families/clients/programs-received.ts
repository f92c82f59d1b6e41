import { codeNumber, GoAway, HelloOk, LIMITS } from '@qanat/core';
import { FIELDS } from '@qanat/core/annotate';
import { hexOf } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { bytesField, frameHex, numberField, textField, typeOf, UNKNOWN_FIELDS } from '../framing/hex.ts';
import { BOTH, begin, type ClientRole, meddle, ONE_BROKER, pass, programs, work } from './steps.ts';

const setup = ONE_BROKER;
const SERVERS: readonly Partial<Step>[] = [{ of: 'nameserver', node: 0 }, { of: 'nameserver', node: 1 }, { of: 'broker' }];
const IGNORABLE = { flags: ['ONEWAY', 'IGNORABLE'] };
/** The frame header that a length counts, less the length field. */
const HEAD_BYTES = 12;
/** What no varint is: its bytes never end. */
const NO_VARINT = 'ff';

/** The number of a field of a message. */
function fieldOf(message: string, name: string): number {
  const field = FIELDS[message]?.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${message} has no ${name}`);
  return field.number;
}

const TOO_LARGE = 2n ** 53n;

/** A client works, gets something from all its servers one after the other, and has to go on working. */
const disturbed = (name: string, step: Partial<Step>, servers = SERVERS): readonly Program[] =>
  programs(
    name,
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      ...servers.flatMap((server): Step[] => [{ op: 'push', ...IGNORABLE, ...step, ...server }, pass(1_500)]),
      ...work(role),
    ],
    { setup },
  );

/** Some answers are other ones, and the client has to come through. */
const answered = (name: string, rules: (role: ClientRole) => readonly Step[], at = setup): readonly Program[] =>
  programs(name, BOTH, (role) => [...rules(role), begin(role), ...work(role), pass(1_600), ...work(role)], { setup: at });

const alterHello = (at: string, more: Parameters<typeof meddle>[4]): Step =>
  meddle(at, 'HELLO', 'answer', 'alter', { times: 1, ...more });

/** Joined frames, the last of them without MORE. */
const joinedRoutes = (count: number): readonly Step[] =>
  [0, 1].flatMap((node): Step[] => {
    const update = { op: 'push', of: 'nameserver', node, frame: 'ROUTE_UPDATE' };
    return [{ ...update, flags: ['ONEWAY', 'MORE'], times: count - 1 }, { ...update, flags: ['ONEWAY'] }, pass(1_500)];
  });

const GOAWAY = frameHex({
  type: typeOf('GOAWAY'),
  flags: 2,
  control: hexOf(GoAway.encode({ code: codeNumber('SHUTTING_DOWN'), message: 'not now' })),
});

const LIMITS_LEFT_OUT = { frameBytesMax: 0, batchBytesMax: 0, inFlightMax: 0, idleMs: 0 };

export const RECEIVED_PROGRAMS: readonly Program[] = [
  ...answered('answers-that-do-not-end', () => [
    meddle('*', 'ROUTE_QUERY', 'answer', 'endless', { count: LIMITS.MORE_FRAMES_MAX + 1 }),
  ]),
  ...disturbed('frames-below-the-least-length', { length: HEAD_BYTES - 1 }),
  ...disturbed('control-headers-over-the-end-of-their-frames', { controlLength: 1 }),
  ...disturbed('frames-above-the-limit', { length: LIMITS.FRAME_BYTES_MAX + 1 }),
  ...disturbed('control-headers-above-the-limit', { controlZeros: LIMITS.CONTROL_HEADER_BYTES_MAX + 1 }),
  ...disturbed('control-headers-at-the-limit', { controlZeros: LIMITS.CONTROL_HEADER_BYTES_MAX }),
  ...disturbed('control-headers-that-are-none', { frame: 'GOAWAY', flags: ['ONEWAY'], extra: NO_VARINT }),
  ...disturbed('routes-that-are-none', { frame: 'ROUTE_UPDATE', flags: ['ONEWAY'], extra: NO_VARINT }, SERVERS.slice(0, 2)),
  ...programs(
    'more-frames-than-may-be-joined',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      ...joinedRoutes(LIMITS.MORE_FRAMES_MAX),
      ...joinedRoutes(LIMITS.MORE_FRAMES_MAX + 1),
      ...work(role),
    ],
    { setup },
  ),
  ...answered('answers-that-are-none', (role) => [
    alterHello('ns-1', { extra: NO_VARINT }),
    alterHello('broker-a', { extra: NO_VARINT }),
    meddle('*', 'ROUTE_QUERY', 'answer', 'alter', { extra: NO_VARINT, times: 1 }),
    meddle('*', role === 'consumer' ? 'CLIENT_HEARTBEAT' : 'INIT_PRODUCER', 'answer', 'alter', { extra: NO_VARINT, times: 1 }),
  ]),
  ...answered('greetings-above-the-first-limit', () => [
    alterHello('ns-1', { padding: LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX }),
    alterHello('broker-a', { padding: LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX }),
  ]),
  ...answered('unknown-fields', () => [
    meddle('broker-a', '*', 'answer', 'alter', { extra: UNKNOWN_FIELDS, times: 30 }),
    meddle('*', '*', 'push', 'alter', { extra: UNKNOWN_FIELDS, times: 30 }),
  ]),
  ...answered('unknown-flags', () => [
    meddle('broker-a', '*', 'answer', 'alter', { flags: 0xe0, times: 30 }),
    meddle('*', '*', 'push', 'alter', { flags: 0xe0, times: 30 }),
  ]),
  ...answered('greetings-without-limits', () => [alterHello('broker-a', { set: LIMITS_LEFT_OUT })]),
  ...answered('greetings-of-unknown-roles', () => [
    alterHello('ns-1', { extra: hexOf(HelloOk.encode({ role: 99 as never })) }),
    alterHello('broker-a', { extra: hexOf(HelloOk.encode({ role: 99 as never })) }),
  ]),
  ...answered('greetings-with-too-long-a-text', () => {
    const extra = textField(fieldOf('HelloOk', 'software'), 'x'.repeat(LIMITS.LABEL_BYTES_MAX + 1));
    return [alterHello('ns-1', { extra }), alterHello('broker-a', { extra })];
  }),
  ...programs(
    'greetings-with-two-values-of-a-scalar',
    BOTH,
    (role) => [
      meddle('*', 'HELLO', 'answer', 'alter', { extra: hexOf(HelloOk.encode({ idleMs: 1_500 })), times: 20 }),
      begin(role),
      ...work(role),
      pass(4_500),
      ...work(role),
    ],
    { setup },
  ),
  ...answered('routes-without-an-address', () => {
    // Of a broker that nobody needs: whoever takes the rest goes on as if nothing was wrong.
    const extra = bytesField(fieldOf('Routes', 'brokers'), bytesField(fieldOf('BrokerRoute', 'endpoints'), ''));
    return [meddle('*', 'ROUTE_QUERY', 'answer', 'alter', { extra, times: 2 })];
  }),
  ...answered('integers-above-2-53', (role) =>
    role === 'consumer'
      ? [
          meddle('*', 'ASSIGNMENT', 'push', 'alter', {
            extra: numberField(fieldOf('Assignment', 'generation'), TOO_LARGE),
            times: 2,
          }),
          meddle('*', 'CLIENT_HEARTBEAT', 'answer', 'alter', {
            extra: numberField(fieldOf('ClientHeartbeatOk', 'generation'), TOO_LARGE),
            times: 2,
          }),
        ]
      : [
          meddle('*', 'INIT_PRODUCER', 'answer', 'alter', {
            extra: numberField(fieldOf('InitProducerOk', 'producer_id'), TOO_LARGE),
            times: 1,
          }),
        ],
  ),
  ...answered('greetings-are-refused', () => [
    meddle('*', 'HELLO', 'request', 'error', { code: 'NOT_READY', times: 2 }),
    meddle('broker-a', 'HELLO', 'answer', 'replace', { hex: GOAWAY, times: 1 }),
  ]),
];
