import { codeNumber, decodeFrame, ErrorInfo, encodeFrame, Flag, type Frame, FrameType, joinParts } from '@qanat/core';
import type { Role } from '../driver/driver.ts';
import type { Rewrite } from './control-group.ts';
import { endsInsideFrame, type StreamMeddling } from './tcp-proxy.ts';

interface Mutation {
  readonly name: string;
  /** Has to go red. */
  readonly clause: string;
  readonly role: Role;
}

/** Something between kit and server changes what the server sends, frame by frame. */
export interface FrameMutation extends Mutation {
  readonly role: 'nameserver' | 'broker';
  /** Makes one for each connection. */
  readonly rewrite: () => Rewrite;
}

/** Something between kit and subject changes streams of bytes. */
export interface StreamMutation extends Mutation {
  readonly meddling: StreamMeddling;
}

/** A program that runs over TCP as elsewhere, for a clause that has none for TCP alone. */
export const FRAMES_IN_PIECES = 'pieces';

const isAnswer = ({ flags }: Frame): boolean => (flags & Flag.RESPONSE) !== 0;
const isError = (frame: Frame): boolean => isAnswer(frame) && (frame.flags & Flag.ERROR) !== 0;

/** Other bytes for some frames. */
const where =
  (chosen: (frame: Frame) => boolean, change: (frame: Frame, bytes: Uint8Array) => readonly Uint8Array[]): (() => Rewrite) =>
  () =>
  (bytes) => {
    const frame = decodeFrame(bytes);
    return chosen(frame) ? change(frame, bytes) : [bytes];
  };

const frameOf = ({ type, flags, correlation, control, payload }: Frame, more: Partial<Frame>): Uint8Array[] => {
  const { type: t, flags: f, correlation: c, control: h, payload: p } = { type, flags, correlation, control, payload, ...more };
  return [joinParts(encodeFrame(t, f, c, h, [p]))];
};

/** Control headers of errors with the message changed at the place of its first byte. */
const inMessage = (frame: Frame, byte: number): Uint8Array => {
  const control = frame.control.slice();
  const { message } = ErrorInfo.decode(control);
  const at = Buffer.from(control).indexOf(message);
  if (message !== '' && at >= 0) control[at] = byte;
  return control;
};

const everyThird = (): Rewrite => {
  let count = 0;
  return (bytes) => (isAnswer(decodeFrame(bytes)) && ++count % 3 === 0 ? [] : [bytes]);
};

const isPullAnswer = (frame: Frame): boolean =>
  isAnswer(frame) && !isError(frame) && frame.type === FrameType.PULL && frame.payload.length > 64;

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const changed = bytes.slice();
  changed[at] = (changed[at] as number) ^ 1;
  return changed;
};

export const FRAME_MUTATIONS: readonly FrameMutation[] = [
  {
    name: 'every answer comes twice',
    clause: 'QNT-FRM-007',
    role: 'nameserver',
    rewrite: where(isAnswer, (_, bytes) => [bytes, bytes]),
  },
  { name: 'every third answer is lost', clause: 'QNT-FRM-007', role: 'nameserver', rewrite: everyThird },
  {
    name: 'answers to other requests',
    clause: 'QNT-FRM-007',
    role: 'nameserver',
    rewrite: where(isAnswer, (frame) => frameOf(frame, { correlation: frame.correlation + 2 })),
  },
  {
    name: 'answers of another type',
    clause: 'QNT-FRM-007',
    role: 'nameserver',
    rewrite: where(isAnswer, (frame) => frameOf(frame, { type: FrameType.PING })),
  },
  {
    name: 'words of errors that are no UTF-8',
    clause: 'QNT-TYP-009',
    role: 'nameserver',
    rewrite: where(isError, (frame) => frameOf(frame, { control: inMessage(frame, 0xff) })),
  },
  {
    name: 'errors without the flag ERROR',
    clause: 'QNT-LIM-003',
    role: 'nameserver',
    rewrite: where(isError, (frame) => frameOf(frame, { flags: frame.flags & ~Flag.ERROR })),
  },
  {
    name: 'one code for every error',
    clause: 'QNT-FRM-022',
    role: 'nameserver',
    rewrite: where(isError, (frame) =>
      frameOf(frame, { control: ErrorInfo.encode({ ...ErrorInfo.decode(frame.control), code: codeNumber('INVALID_ARGUMENT') }) }),
    ),
  },
  {
    name: 'MORE on answers that take none',
    clause: 'QNT-CON-015',
    role: 'nameserver',
    rewrite: where(
      ({ type, flags }) => type === FrameType.HELLO && (flags & Flag.RESPONSE) !== 0,
      (frame) => frameOf(frame, { flags: frame.flags | Flag.MORE }),
    ),
  },
  {
    name: 'one bit of what is stored',
    clause: 'QNT-BAT-002',
    role: 'broker',
    rewrite: where(isPullAnswer, (frame) => frameOf(frame, { payload: flipped(frame.payload, frame.payload.length - 1) })),
  },
  {
    name: 'one bit of a base offset',
    clause: 'QNT-PUL-006',
    role: 'broker',
    rewrite: where(isPullAnswer, (frame) => frameOf(frame, { payload: flipped(frame.payload, 15) })),
  },
];

const PREFACE = Uint8Array.of(0xab, 0x51, 0x4e, 0x54, 1, 0, 0, 0);
const changedAt = (bytes: Uint8Array, at: number, byte: number): Uint8Array => {
  const changed = bytes.slice();
  changed[at] = byte;
  return changed;
};

const STREAMS: readonly (readonly [clause: string, name: string, meddling: StreamMeddling, role?: Role])[] = [
  ['QNT-INV-001', 'speaks before it has heard anything', { greeting: PREFACE }],
  ['QNT-INV-002', 'another version in its preface', { toDialler: (bytes, first) => (first ? changedAt(bytes, 4, 2) : bytes) }],
  ['QNT-INV-003', 'goes on behind the preface of another version', { listenerEnd: 'kept' }],
  ['QNT-INV-004', 'refuses reserved bytes of a preface', { refuses: (bytes) => bytes.subarray(5, 8).some((byte) => byte > 0) }],
  ['QNT-TCP-001', 'another mark in its preface', { toDialler: (bytes, first) => (first ? changedAt(bytes, 0, 0x51) : bytes) }],
  ['QNT-TCP-002', 'never ends a connection', { listenerEnd: 'kept' }],
  ['QNT-TCP-003', 'waits for ever for HELLO', { listenerEnd: 'kept' }],
  ['QNT-TCP-004', 'does not take the end for the end', { diallerEnd: 'kept' }],
  ['QNT-TCP-006', 'ends with a reset', { listenerEnd: 'reset' }],
  ['QNT-FRM-001', 'wants each frame in one piece', { refuses: endsInsideFrame }],
  [
    'QNT-INV-005',
    'takes every version for its own',
    { toDialler: (bytes, first) => (first ? changedAt(bytes, 4, 1) : bytes) },
    'producer',
  ],
];

export const STREAM_MUTATIONS: readonly StreamMutation[] = STREAMS.map(([clause, name, meddling, role = 'nameserver']) => ({
  clause,
  name,
  role,
  meddling,
}));
