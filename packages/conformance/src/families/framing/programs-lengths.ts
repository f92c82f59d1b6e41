import { LIMITS } from '@qanat/core';
import type { Program, Step } from '../../play/program.ts';
import { bytesField, typeOf } from './hex.ts';
import { AWAIT_CLOSE, CONNECT, FENCE, forServers, OPEN } from './steps.ts';

const PING = typeOf('PING');
const HEADER_REST = 12;
const hex32 = (value: number): string => value.toString(16).padStart(8, '0');
const { FRAME_BEFORE_HELLO_BYTES_MAX, FRAME_BYTES_MAX, CONTROL_HEADER_BYTES_MAX } = LIMITS;

/** Nothing but a length field. */
const claim = (length: number): Step => ({ op: 'bytes', hex: hex32(length) });
const ping = (more: Partial<Step>): Step => ({ op: 'frame', type: PING, ...more }) as Step;

/** Lengths at their limits and beyond. */
export const LENGTH_PROGRAMS: readonly Program[] = [
  ...forServers('length-below-the-least', [OPEN, ping({ length: HEADER_REST - 1 }), AWAIT_CLOSE]),
  ...forServers('length-zero', [OPEN, ping({ length: 0 }), AWAIT_CLOSE]),
  ...forServers('length-below-the-least-before-hello', [CONNECT, ping({ length: 3 }), AWAIT_CLOSE]),
  ...forServers('longest-before-hello', [
    CONNECT,
    { op: 'frame', type: typeOf('HELLO'), zeros: FRAME_BEFORE_HELLO_BYTES_MAX - HEADER_REST, wait: true },
    FENCE,
  ]),
  ...forServers('too-long-before-hello', [CONNECT, claim(FRAME_BEFORE_HELLO_BYTES_MAX + 1), AWAIT_CLOSE]),
  ...forServers('longest', [OPEN, ping({ zeros: FRAME_BYTES_MAX - HEADER_REST, wait: true }), FENCE]),
  ...forServers('too-long', [OPEN, claim(FRAME_BYTES_MAX + 1), AWAIT_CLOSE]),
  ...forServers('much-too-long', [OPEN, claim(0xffffffff), AWAIT_CLOSE]),
  ...forServers('control-over-the-end', [OPEN, ping({ zeros: 4, controlLength: 5 }), AWAIT_CLOSE]),
  ...forServers('control-over-the-end-before-hello', [CONNECT, ping({ controlLength: 0xffffffff }), AWAIT_CLOSE]),
  ...forServers('control-too-long', [
    OPEN,
    ping({ zeros: CONTROL_HEADER_BYTES_MAX + 1, controlLength: CONTROL_HEADER_BYTES_MAX + 1 }),
    AWAIT_CLOSE,
  ]),
  ...forServers('longest-control', [
    OPEN,
    { op: 'long', type: PING, head: bytesField(18_000, '00'.repeat(CONTROL_HEADER_BYTES_MAX - 6)), wait: true },
    FENCE,
  ]),
];
