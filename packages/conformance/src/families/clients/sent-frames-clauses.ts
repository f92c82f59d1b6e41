import { decodeFrame, Feature, FRAME_NAMES, FRAMES, FrameType, LIMITS, MINOR_VERSION, QanatError } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { disorderIn, headersOf, type Said, takenApart, textsOf } from '../framing/clauses-types.ts';
import { allFields, isUtf8, messageOf, type WireMessage } from '../framing/control-header.ts';
import { faultOfBytes } from '../framing/sent-frames.ts';
import { longControlText } from '../framing/unreadable.ts';
import { endOfConnection, type Facts, factsOf, framesOf } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { mayClose, subjectFrames } from './survival.ts';

/** How long a client may take to answer. */
const ANSWER_MS = 1_000;

const hexType = ({ type, name }: FrameSeen): string => name ?? `0x${type.toString(16).padStart(4, '0')}`;

const isTooLong = (bytes: Uint8Array): boolean => faultOfBytes(bytes) === 'control too long';

/** Whether bytes are one frame whose lengths agree. */
function isWhole(bytes: Uint8Array): boolean {
  try {
    decodeFrame(bytes);
    return true;
  } catch (error) {
    if (QanatError.is(error)) return isTooLong(bytes);
    throw error;
  }
}

/** Every connection of the subject sends frames whose lengths agree, and nothing else. */
const wholeFrames = (id: string, what: string): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const numbers = new Set(facts.connections.map(({ number }) => number));
    view.events.slice(0, facts.end.index).forEach((event, index) => {
      if (event.kind === 'broken' && numbers.has(event.connection))
        judge.fail(index, `expected ${what}, got bytes that are no frames: ${event.why}`, 'length');
      else if (event.kind === 'frame' && event.from === 'subject' && numbers.has(event.connection))
        judgeThat(
          judge,
          index,
          isWhole(event.bytes),
          () => `expected ${what}, got ${event.bytes.length} bytes whose lengths contradict each other`,
          'length',
        );
    });
  },
});

const saidBy: Said = (view) => takenApart(subjectFrames(factsOf(view)));

const texts = textsOf(CLIENTS, saidBy);

const decoded = headersOf(CLIENTS, saidBy);

const headers: Clause = {
  ...decoded,
  check(view, judge) {
    decoded.check(view, judge);
    const facts = factsOf(view);
    const numbers = new Set(facts.connections.map(({ number }) => number));
    view.events.slice(0, facts.end.index).forEach((event, index) => {
      if (event.kind === 'frame' && event.from === 'subject' && numbers.has(event.connection) && isTooLong(event.bytes))
        judge.fail(index, longControlText(event.bytes), 'control');
    });
  },
};

const oneOrder: Clause = {
  id: 'QNT-TYP-010',
  roles: CLIENTS,
  check(view, judge) {
    for (const { frame, message } of saidBy(view)) {
      if (message.fields.length < 2) continue;
      const disorder = disorderIn(message);
      judgeThat(
        judge,
        frame,
        disorder === undefined,
        () => `expected fields in the order of their numbers, once, without defaults, got ${disorder}`,
        'control',
      );
    }
  },
};

/** Requests of the kit that were surely read, each with all responses of the subject to its number. */
function* questions(facts: Facts): Generator<{ readonly request: FrameSeen; readonly answers: readonly FrameSeen[] }> {
  for (const connection of facts.connections) {
    if (connection.helloOk === undefined) continue;
    const end = endOfConnection(facts, connection);
    const requests = framesOf(connection, 'kit').filter(
      ({ isResponse, isOneWay, index }) => !isResponse && !isOneWay && index < facts.end.index,
    );
    for (const request of requests) {
      const { index, correlation, type, atMs } = request;
      const answers = framesOf(connection, 'subject').filter(
        (one) => one.isResponse && one.index > index && one.correlation === correlation && one.type === type,
      );
      const asked = requests.filter((one) => one.correlation === correlation).length;
      if (asked === 1 && end.ms > atMs + ANSWER_MS + facts.view.slackMs) yield { request, answers };
      else if (asked === 1 && end.by === 'subject' && !mayClose(facts, connection)) yield { request, answers };
    }
  }
}

const answersOnce: Clause = {
  id: 'QNT-FRM-007',
  roles: CLIENTS,
  check(view, judge) {
    for (const { request, answers } of questions(factsOf(view)))
      judgeThat(
        judge,
        request,
        answers.length === 1,
        () => `expected one response to ${hexType(request)}, got ${answers.length} of its type and number`,
      );
  },
};

const noStrangeMore: Clause = {
  id: 'QNT-FRM-014',
  roles: CLIENTS,
  check(view, judge) {
    for (const frame of subjectFrames(factsOf(view))) {
      const takesMore = frame.name !== undefined && FRAMES[frame.name].more === (frame.isResponse ? 'response' : 'request');
      judgeThat(
        judge,
        frame,
        !frame.more || takesMore,
        () => `expected no MORE on ${hexType(frame)}, which does not take it on this side, got it`,
        'flags',
      );
    }
  },
};

/** Texts for people: of errors, and of GOAWAY. */
const boundedMessages: Clause = {
  id: 'QNT-ERR-005',
  roles: CLIENTS,
  check(view, judge) {
    for (const { frame, message } of saidBy(view)) {
      if (!frame.isError && frame.name !== 'GOAWAY') continue;
      const text = message.fields.find(({ field }) => field?.name === 'message')?.content ?? new Uint8Array(0);
      judgeThat(
        judge,
        frame,
        text.length <= LIMITS.ERROR_MESSAGE_BYTES_MAX && isUtf8(text),
        () =>
          `expected a message of ${LIMITS.ERROR_MESSAGE_BYTES_MAX} bytes at the most, cut between characters, got ${text.length}`,
        'message',
      );
    }
  },
};

/** `0x?a?a` is for greasing, `0x7fxx` for peers that agreed on it. */
const isFreeType = (type: number): boolean => (type & 0x0f0f) === 0x0a0a || type >> 8 === 0x7f;
const isFreeField = (number: number): boolean => number >= 18_000 && number <= 18_015;
/** Greasing, and numbers for private use. */
/** Assigned, for greasing or for private use. */
const isFreeFeature = (number: number): boolean => FEATURES.has(number) || number % 31 === 27 || number >= 32_768;

const FEATURES: ReadonlySet<number> = new Set(Object.values(Feature));

const RESERVED: ReadonlySet<number> = new Set(Object.values(FrameType).filter((type) => !FRAME_NAMES.has(type)) as number[]);

/** A number that the version of this kit does not have, in words. */
function strangeNumberIn({ type, isResponse, header, name }: FrameSeen, message: WireMessage | undefined): string | undefined {
  // A response bears the type of its request, whatever that was.
  if (!isResponse && !FRAME_NAMES.has(type) && !isFreeType(type))
    return `the type 0x${type.toString(16).padStart(4, '0')}, which is ${RESERVED.has(type) ? 'reserved' : 'not assigned'}`;
  const field = message && [...allFields(message)].find((one) => one.field === undefined && !isFreeField(one.number));
  if (field !== undefined) return `the field ${field.number}, which is not assigned`;
  const features: readonly number[] = name === 'HELLO' ? [...(header?.features ?? []), ...(header?.requiredFeatures ?? [])] : [];
  const feature = features.find((one) => !isFreeFeature(one));
  return feature === undefined ? undefined : `the feature ${feature}, which is not assigned`;
}

const assignedNumbers: Clause = {
  id: 'QNT-RGY-006',
  roles: CLIENTS,
  check(view, judge) {
    // A client of a later minor version may use what it has.
    const isLater = ({ connection }: FrameSeen): boolean => (connection.hello?.header?.minor ?? 0) > MINOR_VERSION;
    for (const frame of subjectFrames(factsOf(view)).filter((one) => !isLater(one))) {
      const strange = strangeNumberIn(frame, messageOf(frame));
      judgeThat(judge, frame, strange === undefined, () => `expected numbers of version 1.${MINOR_VERSION} only, got ${strange}`);
    }
  },
};

export const SENT_FRAME_CLAUSES: readonly Clause[] = [
  wholeFrames('QNT-INV-006', 'a length field that says how many bytes follow it'),
  wholeFrames('QNT-INV-010', 'every frame to bear its length field'),
  texts,
  headers,
  oneOrder,
  answersOnce,
  noStrangeMore,
  boundedMessages,
  assignedNumbers,
];
