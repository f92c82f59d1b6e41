// One packet of each kind that a client sends, with as much in it as there can be.
import type { ProtocolVersion } from '@qanat/mqtt';
import { binary, concat, connect, hex, packet, props, text, uint16, uint32 } from './bytes.ts';

const PAIRS = concat([38], text('b'), text('é'), [38], text('a'), text(''));
const REASONS = props([31], text('reason'), PAIRS);
const MESSAGE = concat([1, 1, 2], uint32(60), [3], text('text/plain'), [8], text('re/ply'), [9], binary([1, 2]), PAIRS);
const LOGIN = concat([21], text('method'), [22], binary([1, 2, 3]));
const CONNECTING = props([17], uint32(9), [33, 0, 9, 39], uint32(999), [34, 0, 3, 25, 1, 23, 1], PAIRS, LOGIN);
const PAYLOAD = [
  text('client-id'),
  props([24], uint32(5), MESSAGE),
  text('will/topic'),
  binary([1, 2, 3]),
  text('user'),
  text('word'),
];
const PAYLOAD_3 = PAYLOAD.filter((_, i) => i !== 1);

export interface Sample {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
}

const of5: readonly (readonly [string, Uint8Array])[] = [
  ['CONNECT', connect({ flags: 0xf6, properties: CONNECTING, rest: PAYLOAD })],
  ['PUBLISH', packet(0x30, text('a/b'), props(), hex('00ff'))],
  ['PUBLISH with properties', packet(0x3d, text('é/b'), uint16(7), props(MESSAGE, [35, 0, 1]), hex('00ff'))],
  ['PUBACK', packet(0x40, uint16(7))],
  ['PUBACK with properties', packet(0x40, uint16(7), [0x10], REASONS)],
  ['PUBREC', packet(0x50, uint16(7), [0x87])],
  ['PUBREL', packet(0x62, uint16(7), [0x92], REASONS)],
  ['PUBCOMP', packet(0x70, uint16(7), [0x92, 0])],
  ['SUBSCRIBE', packet(0x82, uint16(7), props([11, 0x80, 1], PAIRS), text('a/+'), [0x2e], text('$share/g/#'), [1])],
  ['UNSUBSCRIBE', packet(0xa2, uint16(7), props(PAIRS), text('a/+'), text('#'))],
  ['PINGREQ', packet(0xc0)],
  ['DISCONNECT', packet(0xe0)],
  ['DISCONNECT with properties', packet(0xe0, [4], props([17], uint32(5), [31], text('bye'), PAIRS))],
  ['AUTH', packet(0xf0, [0x18], props(LOGIN, [31], text('reason'), PAIRS))],
];
const of4: readonly (readonly [string, Uint8Array])[] = [
  ['CONNECT', connect({ level: 4, flags: 0xf6, rest: PAYLOAD_3 })],
  ['PUBLISH', packet(0x32, text('a/b'), uint16(7), hex('00ff'))],
  ['PUBACK', packet(0x40, uint16(7))],
  ['PUBREC', packet(0x50, uint16(7))],
  ['PUBREL', packet(0x62, uint16(7))],
  ['PUBCOMP', packet(0x70, uint16(7))],
  ['SUBSCRIBE', packet(0x82, uint16(7), text('a/+'), [2], text('#'), [0])],
  ['UNSUBSCRIBE', packet(0xa2, uint16(7), text('a/+'), text('#'))],
  ['PINGREQ', packet(0xc0)],
  ['DISCONNECT', packet(0xe0)],
];

export const SAMPLES: readonly Sample[] = [
  ...of5.map(([name, bytes]) => ({ name: `${name} of 5.0`, version: 5 as const, bytes })),
  ...of4.map(([name, bytes]) => ({ name: `${name} of 3.1.1`, version: 4 as const, bytes })),
];
