import { LIMITS } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import { isMark, prefaceOf } from '../../history/preface.ts';
import type { ConnectionSeen, View } from '../../history/view.ts';
import { SERVERS } from './outcome.ts';
import { outlooksOf } from './outlook.ts';
import { type Fault, faultOfBytes, uint32At } from './sent-frames.ts';

/** Bytes of the subject that the kit could not read as a frame. */
interface Unreadable {
  readonly at: number;
  readonly why: string;
  readonly bytes: Uint8Array;
  /** Undefined behind something else than a preface: where frames begin there nobody knows. */
  readonly fault: Fault | undefined;
}

function unreadableOf(connection: ConnectionSeen): Unreadable | undefined {
  const { broken, brokenIndex, binding } = connection;
  if (broken === undefined) return undefined;
  const isLost = binding === 'tcp' && !isMark(prefaceOf(connection));
  return { at: brokenIndex, why: broken.why, bytes: broken.bytes, fault: isLost ? undefined : faultOfBytes(broken.bytes) };
}

/** Says of each connection whose bytes have one fault what is wrong. */
function judgeFault(view: View, judge: Judge, fault: Fault, sentence: (bytes: Uint8Array) => string, field: string): void {
  for (const { connection } of outlooksOf(view)) {
    const unreadable = unreadableOf(connection);
    if (unreadable?.fault === fault) judge.fail(unreadable.at, sentence(unreadable.bytes), field);
  }
}

/** Connections on which the subject has sent anything that is to be frames: their lengths agree with each other. */
export const wholeFrames = (id: string, what: string): Clause => ({
  id,
  roles: SERVERS,
  check(view, judge) {
    for (const { connection } of outlooksOf(view)) {
      const unreadable = unreadableOf(connection);
      const first = connection.frames.find(({ from }) => from === 'subject');
      if (unreadable?.fault === 'short' || unreadable?.fault === 'control over the end')
        judge.fail(unreadable.at, `${what}; got bytes that are no frames: ${unreadable.why}`, 'length');
      else if (first !== undefined) judge.pass(first);
    }
  },
});

/** What is wrong with a frame whose control header no receiver takes, however well it is formed. */
export const longControlText = (bytes: Uint8Array): string =>
  `a control header has at most ${LIMITS.CONTROL_HEADER_BYTES_MAX} bytes (CONTROL_HEADER_BYTES_MAX), a receiver takes no longer one; got ${uint32At(bytes, 12)}`;

export const judgeLongControls = (view: View, judge: Judge): void =>
  judgeFault(view, judge, 'control too long', longControlText, 'control');

/** A length so far above every limit that the kit did not wait for the frame. */
export const judgeLongFrames = (view: View, judge: Judge): void =>
  judgeFault(
    view,
    judge,
    'too long',
    (bytes) =>
      `no frame is longer than ${LIMITS.FRAME_BYTES_MAX} bytes (FRAME_BYTES_MAX); got one that says ${uint32At(bytes, 0)}`,
    'length',
  );
