import { LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import {
  classOf,
  dialled,
  endingAfter,
  endingText,
  isDisturbed,
  isServedAfter,
  isWhole,
  kitEndOf,
  requestsOf,
  SERVERS,
} from './circumstances.ts';
import { protoFields } from './proto-fields.ts';

const MESSAGE_FIELD = 2;

/** Frames of the subject that bear an error: answers with ERROR, GOAWAY. */
const errorsOf = (view: View): readonly FrameSeen[] =>
  view.frames.filter((one) => one.from === 'subject' && (one.isError || (one.name === 'GOAWAY' && !one.isResponse)));

/** The text of an error as it stands on the wire. */
const messageOf = (frame: FrameSeen): Uint8Array | undefined =>
  protoFields(frame.control)
    .filter(({ number }) => number === MESSAGE_FIELD)
    .at(-1)?.bytes;

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));

const closesByClass: Clause = {
  id: 'QNT-ERR-003',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of dialled(view).filter(isWhole)) {
      for (const exchange of requestsOf(connection)) {
        const { response, code } = exchange;
        if (response?.isError !== true || code === undefined) continue;
        if (classOf(response) === 1) judgeCloses(view, connection, response, code, judge);
        else if (!ENDS_ANYWAY.has(code)) judgeKeeps(view, exchange, response, code, judge);
      }
    }
  },
};

/** Of the chapter of authentication: other classes keep the connection, and these end it. */
const ENDS_ANYWAY: ReadonlySet<string> = new Set(['UNAUTHENTICATED', 'AUTH_FAILED']);

type ToJudge = Parameters<Clause['check']>[1];

function judgeCloses(view: View, connection: ConnectionSeen, response: FrameSeen, code: string, judge: ToJudge): void {
  const ending = endingAfter(view, connection, response);
  if (ending === undefined) return;
  judgeThat(judge, response, ending.closed, () => `the connection has to be closed after ${code}, and was ${endingText(ending)}`);
}

function judgeKeeps(view: View, { connection, request }: Exchange, response: FrameSeen, code: string, judge: ToJudge): void {
  if (isServedAfter(connection, response.index)) return judge.pass(response);
  const kitEnd = kitEndOf(view, connection).index;
  const isClosed = connection.closed?.by === 'subject' && connection.closed.clean && connection.closedIndex < kitEnd;
  if (!isClosed || isDisturbed(view, 0, connection.closedIndex)) return;
  const goAway = connection.goAways.find(({ from, index }) => from === 'subject' && index > response.index);
  const isLast = !connection.frames.some(({ from, index }) => from === 'kit' && index > request.index);
  // GOAWAY with another reason is about something else, and so may be one behind a later frame.
  if (goAway === undefined || (goAway.code === code && isLast))
    judge.fail(response, `the connection has to stay after ${code}, and was closed with ${goAway?.code ?? 'no GOAWAY'}`);
}

const messageIsShort: Clause = {
  id: 'QNT-ERR-005',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of errorsOf(view)) {
      const message = messageOf(frame);
      if (message === undefined) continue;
      const max = LIMITS.ERROR_MESSAGE_BYTES_MAX;
      judgeThat(
        judge,
        frame,
        message.length <= max && isText(message),
        () =>
          message.length > max
            ? `a message of an error has at most ${max} bytes, and this one has ${message.length}`
            : 'a message of an error has to be cut between characters, and ends within one',
        'message',
      );
    }
  },
};

function isText(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

const messageSaysWhat: Clause = {
  id: 'QNT-ERR-007',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of errorsOf(view)) {
      if (!frame.isError) continue;
      judgeThat(
        judge,
        frame,
        (messageOf(frame)?.length ?? 0) > 0,
        () => `the message of ${frame.code} should say what was wrong, and is empty`,
        'message',
      );
    }
  },
};

/** So much text of a payload that it does not stand in a message by chance. */
const SECRET_BYTES = 24;

/** Texts in a payload: runs of printable bytes. */
const textsIn = (payload: Uint8Array): readonly string[] =>
  new TextDecoder('latin1')
    .decode(payload)
    .split(/[^ -~]+/)
    .filter((text) => text.length >= SECRET_BYTES);

const messageHidesPayload: Clause = {
  id: 'QNT-ERR-008',
  roles: ['broker'],
  check(view, judge) {
    for (const { response, requests, name } of view.requests('SEND', 'kit')) {
      if (response?.isError !== true) continue;
      const message = textOf(messageOf(response));
      const texts = requests.flatMap(({ payload }) => textsIn(payload.subarray(0, 65_536)));
      if (texts.length === 0) continue;
      const shown = texts.find((text) => message.includes(text.slice(0, SECRET_BYTES)));
      judgeThat(
        judge,
        response,
        shown === undefined,
        () => `the message of an error may not repeat the payload of ${name}, and says ${JSON.stringify(message)}`,
        'message',
      );
    }
  },
};

const codeIsNotZero: Clause = {
  id: 'QNT-ERR-009',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of view.frames) {
      if (frame.from !== 'subject' || !frame.isError) continue;
      const isMissing = frame.header === undefined ? /code/.test(frame.wrong?.message ?? '') : frame.header.code === 0;
      if (frame.header !== undefined || isMissing)
        judgeThat(judge, frame, !isMissing, () => 'an ErrorInfo has to have a code other than 0, and has none', 'code');
    }
  },
};

/** Codes that a request of such a type has for its items. */
const ITEM_CODES: Readonly<Record<string, ReadonlySet<string>>> = {
  PULL: new Set(['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND', 'OFFSET_OUT_OF_RANGE', 'LEASE_FENCED']),
  OFFSET_COMMIT: new Set(['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND']),
  OFFSET_FETCH: new Set(['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND']),
  OFFSET_LOOKUP: new Set(['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND']),
};

const itemsHaveCodes: Clause = {
  id: 'QNT-ERR-011',
  roles: ['broker'],
  check(view, judge) {
    for (const { request, response, name, code, answer } of view.exchanges) {
      const codes = ITEM_CODES[name ?? ''];
      if (request.from !== 'kit' || codes === undefined || response === undefined) continue;
      if (code !== undefined && codes.has(code))
        judge.fail(
          response,
          `${code} is about one item of ${name}: it has to stand there, and the whole request was answered with it`,
          'flags',
        );
      else if (code === undefined && hasItemCode(answer)) judge.pass(response);
    }
  },
};

const hasItemCode = (answer: {
  readonly results?: readonly { code: number }[];
  readonly offsets?: readonly { code: number }[];
}): boolean => (answer?.results ?? answer?.offsets ?? []).some(({ code }) => code !== 0);

export const ERROR_CLAUSES: readonly Clause[] = [
  closesByClass,
  messageIsShort,
  messageSaysWhat,
  messageHidesPayload,
  codeIsNotZero,
  itemsHaveCodes,
];
