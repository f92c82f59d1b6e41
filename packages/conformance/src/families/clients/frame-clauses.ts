import { CONTROL_HEADERS, ErrorInfo, Flag, LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { endOfConnection, type Facts, factsOf, framesOf } from './facts.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject } from './sequences.ts';
import { judgeSurvival, kitFrames, mayClose, subjectFrames, survival, told } from './survival.ts';

/** How long a client may take to answer. */
const ANSWER_MS = 1_000;
/** The bytes of the length field. */
const LENGTH_BYTES = 4;

export const hexType = ({ type, name }: FrameSeen): string => name ?? `0x${type.toString(16).padStart(4, '0')}`;

/** Frames that the kit sent in pieces, and what follows pieces. */
const cutAnywhere: Clause = {
  id: 'QNT-FRM-001',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const cut = new Set(
      facts.meddled
        .filter(({ what }) => what === 'pieces')
        .map(({ index }) => kitFrames(facts).find((frame) => frame.index > index)),
    );
    judgeSurvival(
      facts,
      judge,
      [...cut].filter((frame) => frame !== undefined),
      (frame) => `a ${hexType(frame)} in pieces`,
    );
  },
};

const hasPayload = ({ name, isResponse }: FrameSeen): boolean =>
  (name === 'PULL' && isResponse) || (name === 'SEND' && !isResponse);

const payloadIgnored: Clause = {
  id: 'QNT-FRM-005',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const odd = kitFrames(facts).filter((frame) => frame.name !== undefined && frame.payload.length > 0 && !hasPayload(frame));
    judgeSurvival(facts, judge, odd, (frame) => `a ${hexType(frame)} with a payload`);
  },
};

const withinTheirLimit: Clause = {
  id: 'QNT-FRM-006',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of subjectFrames(facts)) {
      const { connection, bytes, index } = frame;
      const greeted = index > (connection.hello?.response?.index ?? Number.POSITIVE_INFINITY);
      const max = greeted ? told(connection.helloOk?.frameBytesMax, LIMITS.FRAME_BYTES_MAX) : LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX;
      const length = bytes.length - LENGTH_BYTES;
      judgeThat(
        judge,
        frame,
        length <= max,
        () => `expected frames of ${max} bytes at the most, got ${hexType(frame)} of ${length}`,
        'length',
      );
    }
  },
};

/** Responses of the subject with what they may belong to: requests of the kit on the same connection. */
const responses = ({ frames }: ConnectionSeen): readonly FrameSeen[] =>
  frames.filter(({ from, isResponse }) => from === 'subject' && isResponse);

const oneWayUnanswered: Clause = {
  id: 'QNT-FRM-008',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of kitFrames(facts).filter(({ isOneWay }) => isOneWay)) {
      const answer = responses(frame.connection).find(
        ({ index, type, correlation }) => index > frame.index && type === frame.type && correlation === frame.correlation,
      );
      const isRequest = frame.connection.frames.some(
        ({ from, isOneWay, isResponse, type, correlation }) =>
          from === 'kit' && !isOneWay && !isResponse && type === frame.type && correlation === frame.correlation,
      );
      if (answer !== undefined && !isRequest) judge.fail(answer, `expected no answer to a one-way ${hexType(frame)}, got one`);
      else if (survival(facts, frame).kind === 'held') judge.pass(frame);
    }
  },
};

/** Requests of the kit with the answer of the subject, where it came. */
function* questions(facts: Facts): Generator<{ readonly request: FrameSeen; readonly answer: FrameSeen | undefined }> {
  for (const connection of facts.connections)
    for (const request of framesOf(connection, 'kit')) {
      if (request.isResponse || request.isOneWay || request.index > facts.end.index) continue;
      yield {
        request,
        answer: responses(connection).find(
          ({ index, correlation }) => index > request.index && correlation === request.correlation,
        ),
      };
    }
}

const errorsAreResponses: Clause = {
  id: 'QNT-FRM-009',
  roles: CLIENTS,
  check(view, judge) {
    for (const { request, answer } of questions(factsOf(view))) {
      if (answer === undefined || request.name === 'PING') continue;
      if (!answer.isError)
        judge.fail(
          answer,
          `expected RESPONSE and ERROR in the answer to ${hexType(request)}, got flags ${answer.flags}`,
          'flags',
        );
      else if (answer.type !== request.type)
        judge.fail(answer, `expected an answer of the type ${hexType(request)}, got ${hexType(answer)}`, 'type');
      else
        judgeThat(
          judge,
          answer,
          isErrorInfo(answer),
          () => `expected an ErrorInfo with a code, got ${answer.control.length} bytes that are none`,
        );
    }
  },
};

function isErrorInfo({ control }: FrameSeen): boolean {
  try {
    return ErrorInfo.decode(control).code !== 0;
  } catch {
    return false;
  }
}

const oneWayNumbers: Clause = {
  id: 'QNT-FRM-010',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of subjectFrames(facts).filter(({ isOneWay }) => isOneWay))
      judgeThat(
        judge,
        frame,
        frame.correlation === 0,
        () => `expected the number 0 in a one-way ${hexType(frame)}, got ${frame.correlation}`,
        'correlation',
      );
    const numbered = kitFrames(facts).filter((frame) => frame.isOneWay && frame.correlation !== 0 && isDroppable(frame));
    judgeSurvival(facts, judge, numbered, (frame) => `a one-way ${hexType(frame)} with the number ${frame.correlation}`);
  },
};

/** A one-way frame that a client takes or drops. */
const isDroppable = ({ name, flags }: FrameSeen): boolean =>
  name === undefined ? (flags & Flag.IGNORABLE) !== 0 : name !== 'GOAWAY';

/** Whether any request of the subject waits for such a response. */
export function isAwaited(frame: FrameSeen): boolean {
  const { connection, index, type, correlation } = frame;
  let open = false;
  for (const one of connection.frames) {
    if (one.index >= index) break;
    if (one.correlation !== correlation) continue;
    if (one.from === 'subject' && !one.isResponse && !one.isOneWay) open = one.type === type;
    else if (one.from === 'kit' && one.isResponse && !one.more && one.type === type) open = false;
  }
  return open;
}

const strayResponses: Clause = {
  id: 'QNT-FRM-018',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const stray = kitFrames(facts).filter((frame) => frame.isResponse && !isAwaited(frame));
    judgeSurvival(
      facts,
      judge,
      stray,
      (frame) => `a response ${hexType(frame)} with the number ${frame.correlation}, for which nothing waits`,
    );
  },
};

const unknownRequests: Clause = {
  id: 'QNT-FRM-022',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { request, answer } of questions(facts)) {
      if (request.name !== undefined || !wasOpen(facts, request)) continue;
      if (answer === undefined)
        judge.fail(request, `expected UNSUPPORTED_FRAME for a request ${hexType(request)}, got nothing in ${ANSWER_MS} ms`);
      else if (answer.isError && answer.code !== 'UNSUPPORTED_FRAME')
        judge.fail(answer, `expected UNSUPPORTED_FRAME for a request ${hexType(request)}, got ${answer.code}`, 'code');
      else judgeSurvival(facts, judge, [request], () => `a request ${hexType(request)}`);
    }
  },
};

/** Whether the connection stayed open long enough for an answer. */
const wasOpen = (facts: Facts, { connection, atMs }: FrameSeen): boolean => {
  const end = endOfConnection(facts, connection);
  return (
    connection.helloOk !== undefined &&
    (end.ms > atMs + ANSWER_MS + facts.view.slackMs || (end.by === 'subject' && !mayClose(facts, connection)))
  );
};

const ignorableDropped: Clause = {
  id: 'QNT-FRM-023',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const unknown = kitFrames(facts).filter(
      ({ isOneWay, name, flags }) => isOneWay && name === undefined && (flags & Flag.IGNORABLE) !== 0,
    );
    judgeSurvival(facts, judge, unknown, (frame) => `an ignorable one-way ${hexType(frame)}`);
  },
};

const closesOnUnknown: Clause = {
  id: 'QNT-FRM-024',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of kitFrames(facts)) {
      const { isOneWay, name, flags, connection } = frame;
      if (!isOneWay || name !== undefined || (flags & Flag.IGNORABLE) !== 0) continue;
      const end = endOfConnection(facts, connection);
      const dueMs = frame.atMs + ANSWER_MS + view.slackMs;
      if (end.by === 'subject' && end.ms <= dueMs) judge.pass(frame);
      else if (end.ms > dueMs)
        judge.fail(frame, `expected the connection to be closed on a one-way ${hexType(frame)} without IGNORABLE, got it open`);
    }
  },
};

const pingAnswered: Clause = {
  id: 'QNT-FRM-026',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { request, answer } of questions(facts)) {
      if (request.name !== 'PING') continue;
      if (answer === undefined) {
        if (wasOpen(facts, request)) judge.fail(request, `expected a PING response to PING, got nothing in ${ANSWER_MS} ms`);
      } else
        judgeThat(
          judge,
          answer,
          answer.name === 'PING' && !answer.isError && answer.atMs <= request.atMs + ANSWER_MS + view.slackMs,
          () =>
            `expected a PING response to PING, got ${hexType(answer)}${answer.isError ? ` with ${answer.code}` : ''} after ${Math.round(answer.atMs - request.atMs)} ms`,
        );
    }
  },
};

const KNOWN_FLAGS = Flag.RESPONSE | Flag.ONEWAY | Flag.IGNORABLE | Flag.ERROR | Flag.MORE;

/** It has flags that version 1.0 does not know, or something in the reserved byte. */
export const isGreased = ({ flags, bytes }: FrameSeen): boolean => (flags & ~KNOWN_FLAGS) !== 0 || bytes[7] !== 0;

/** What the table of unexpected things calls not wrong, in one word; undefined for an ordinary frame. */
function oddity(frame: FrameSeen): string | undefined {
  const { flags, isResponse, isOneWay, correlation } = frame;
  if ((flags & Flag.ERROR) !== 0 && !isResponse) return 'ERROR without RESPONSE';
  if (isResponse && (flags & Flag.ONEWAY) !== 0) return 'ONEWAY together with RESPONSE';
  if (isOneWay && correlation !== 0) return 'ONEWAY with a number';
  if (!isOneWay && (flags & Flag.IGNORABLE) !== 0) return 'IGNORABLE on a request or response';
  if (isGreased(frame)) return 'unknown flags or a reserved byte';
  return hasUnknownField(frame) ? 'an unknown field' : undefined;
}

function hasUnknownField({ name, isResponse, isError, header, control }: FrameSeen): boolean {
  if (name === undefined || header === undefined) return false;
  const types = CONTROL_HEADERS[name];
  const type = isError ? ErrorInfo : isResponse ? types.response : types.request;
  return type !== undefined && (type as { encode(of: unknown): Uint8Array }).encode(header).length !== control.length;
}

const unexpectedNotWrong: Clause = {
  id: 'QNT-FRM-029',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const odd = kitFrames(facts).filter(
      (frame) => oddity(frame) !== undefined && (frame.isResponse || !frame.isOneWay || isDroppable(frame)),
    );
    judgeSurvival(facts, judge, odd, (frame) => `${oddity(frame)} in ${hexType(frame)}`);
    for (const frame of odd) judgeTaken(facts, frame, (at, sentence) => judge.fail(at, sentence));
  },
};

/** A HELLO_OK that was not taken for one: nothing is asked behind it. */
function judgeTaken(facts: Facts, frame: FrameSeen, fail: (at: FrameSeen, sentence: string) => void): void {
  if (frame.name !== 'HELLO' || !frame.isResponse || frame.isError) return;
  const end = endOfConnection(facts, frame.connection);
  const used = framesOfSubject(frame.connection).length > 1;
  if (
    !used &&
    end.by === 'subject' &&
    end.ms > frame.atMs + ANSWER_MS &&
    !facts.clients.some(({ closing }) => closing.index < end.index)
  )
    fail(frame, `expected HELLO_OK with ${oddity(frame)} to be taken, got no request behind it and the end of the connection`);
}

export const FRAME_CLAUSES: readonly Clause[] = [
  cutAnywhere,
  payloadIgnored,
  withinTheirLimit,
  oneWayUnanswered,
  errorsAreResponses,
  oneWayNumbers,
  strayResponses,
  unknownRequests,
  ignorableDropped,
  closesOnUnknown,
  pingAnswered,
  unexpectedNotWrong,
];
