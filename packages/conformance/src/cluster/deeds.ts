import { codeNumber, type ErrorCode, ErrorInfo, encodeFrame, Flag, type Frame, joinParts } from '@qanat/core';
import type { JsonObject } from '../json.ts';
import { flagOf, numberOf, textOf } from '../play/program.ts';
import { HEADER_DEEDS } from './header-deeds.ts';
import { type Deed, onward } from './meddling-rule.ts';

const errorFrame = ({ type, correlation }: Frame, args: JsonObject): Uint8Array => {
  const code = codeNumber(textOf(args, 'code', 'NOT_READY') as ErrorCode);
  const control = ErrorInfo.encode({
    code: numberOf(args, 'number', code),
    message: textOf(args, 'message', 'the kit says so'),
    retryAfterMs: numberOf(args, 'retryAfterMs', 0),
    expectedSequence: numberOf(args, 'expectedSequence', 0),
  });
  return joinParts(encodeFrame(type, Flag.RESPONSE | Flag.ERROR, correlation, control));
};

/** What can be done with a frame, by name. */
export const DEEDS: Readonly<Record<string, Deed>> = {
  /** It never arrives. */
  drop: () => {},
  /** It arrives `ms` later. */
  delay: (wire, _, bytes, rule) => wire.later(numberOf(rule.args, 'ms', 500), () => onward(wire, rule, bytes)),
  /** The subject is answered with an error, and the server never sees the request; or instead of its answer. */
  error: (wire, frame, _, rule) => wire.send(errorFrame(frame, rule.args)),
  /** The server sees the request, and the connection breaks before or instead of what follows. */
  close: (wire) => wire.abort(),
  /** The server takes the request, then the connection breaks. */
  takeAndClose: (wire, _, bytes, rule) => {
    onward(wire, rule, bytes);
    wire.later(numberOf(rule.args, 'ms', 5), () => wire.abort());
  },
  twice: (wire, _, bytes, rule) => {
    onward(wire, rule, bytes);
    onward(wire, rule, bytes);
  },
  /** An unknown one-way frame that is to be ignored goes before it; reserved bits and flags are set. */
  grease: (wire, _, bytes, rule) => {
    const greased = bytes.slice();
    greased[6] = (greased[6] as number) | 0xe0;
    greased[7] = 0xa5;
    wire.send(joinParts(encodeFrame(0x3a5a, Flag.ONEWAY | Flag.IGNORABLE, 0, new Uint8Array(0))));
    onward(wire, rule, greased);
  },
  /** One byte is another one: `byte` from the start, or from the end where it is negative. */
  flip: (wire, _, bytes, rule) => {
    const flipped = bytes.slice();
    const byte = numberOf(rule.args, 'byte', -1);
    const at = byte < 0 ? flipped.length + byte : byte;
    if (at >= 0 && at < flipped.length) flipped[at] = (flipped[at] as number) ^ 0x01;
    onward(wire, rule, flipped);
  },
  /** Other bytes go in its place: `hex`, with the correlation number of the frame where `correlate` says so. */
  replace: (wire, frame, _, rule) => {
    const bytes = Uint8Array.from(textOf(rule.args, 'hex').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    if (flagOf(rule.args, 'correlate') && bytes.length >= 12) new DataView(bytes.buffer).setUint32(8, frame.correlation);
    wire.send(bytes);
  },
  ...HEADER_DEEDS,
};
