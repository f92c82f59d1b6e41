import { Flag, FRAMES, LIMITS } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import { type Exchange, type FrameSeen, type Header, saysTooShortFrames, type View } from '../../history/view.ts';
import { readMessage } from './control-header.ts';
import { judgedOf, lineOf, SERVERS, tell, traitOf } from './outcome.ts';
import { outlooksOf, type Prospect } from './outlook.ts';
import type { SentFrame } from './sent-frames.ts';
import { judgeLongFrames, wholeFrames } from './unreadable.ts';

const UNKNOWN_FLAGS = 0xe0;

/** Frames of the subject on connections that the kit opened. */
const heard = (view: View): readonly FrameSeen[] =>
  view.frames.filter(({ from, connection }) => from === 'subject' && connection.openedBy === 'kit');

const hasUnknownField = ({ sent, name }: Prospect): boolean =>
  name !== undefined && readMessage(FRAMES[name].request, sent.control).fields.some(({ field }) => field === undefined);

const isGreased = ({ flags, reserved }: SentFrame): boolean => reserved !== 0 || (flags & UNKNOWN_FLAGS) !== 0;

/** Whether a frame has something of the table of things that are unexpected and not wrong. */
function isOdd(prospect: Prospect): boolean {
  const { sent } = prospect;
  const has = (flag: number): boolean => (sent.flags & flag) !== 0;
  return (
    (has(Flag.ERROR) && !sent.isResponse) ||
    (has(Flag.ONEWAY) && sent.isResponse) ||
    (sent.isOneWay && sent.correlation !== 0) ||
    (has(Flag.IGNORABLE) && !sent.isOneWay) ||
    isGreased(sent) ||
    (prospect.expect === 'answered' && hasUnknownField(prospect))
  );
}

const hasIdlePayload = ({ sent, name, expect }: Prospect): boolean =>
  sent.payload.length > 0 && name !== undefined && name !== 'SEND' && (expect === 'answered' || expect === 'ignored');

const noOneWayAnswer: Clause = {
  id: 'QNT-FRM-008',
  roles: SERVERS,
  check(view, judge) {
    for (const { outlook, prospect, outcome } of judgedOf(view)) {
      const { sent } = prospect;
      if (!sent.isOneWay) continue;
      const answer = outlook.strays.find(
        ({ index, type, correlation }) => index > sent.index && type === sent.type && correlation === sent.correlation,
      );
      if (answer !== undefined) judge.fail(answer, 'a one-way frame must not be answered; got an answer', 'flags');
      else if (outcome.kind === 'held') judge.pass(outcome.at);
    }
  },
};

const answeredOnce: Clause = {
  id: 'QNT-FRM-007',
  roles: SERVERS,
  check(view, judge) {
    for (const { outlook, prospect, outcome } of judgedOf(view)) {
      if (prospect.expect !== 'answered' && prospect.expect !== 'refused') continue;
      const answer = outlook.answers.get(prospect.sent);
      if (answer !== undefined) judge.pass(answer);
      else tell(judge, outcome);
    }
    for (const { strays, sent } of outlooksOf(view))
      for (const stray of strays) {
        // An answer to a one-way frame breaks another rule.
        if (sent.some(({ isOneWay, correlation }) => isOneWay && correlation === stray.correlation)) continue;
        judge.fail(
          stray,
          `a response has to answer a request that waits, once and by its type; got one of type ${stray.name ?? stray.type} to number ${stray.correlation}`,
          'correlation',
        );
      }
  },
};

const errorShape: Clause = {
  id: 'QNT-FRM-009',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of heard(view)) {
      if (!frame.isError) {
        const lone = (frame.flags & Flag.ERROR) !== 0;
        if (lone) judge.fail(frame, 'ERROR has to come together with RESPONSE; got it alone', 'flags');
        continue;
      }
      judgeThat(
        judge,
        frame,
        frame.header !== undefined && frame.header.code !== 0,
        () => `a frame with ERROR has to bear an ErrorInfo; got ${frame.control.length} bytes that are none`,
        'control',
      );
    }
  },
};

const oneWayNumber: Clause = {
  id: 'QNT-FRM-010',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of heard(view))
      if (frame.isOneWay)
        judgeThat(
          judge,
          frame,
          frame.correlation === 0,
          () => `a one-way frame has the correlation number 0; got ${frame.correlation}`,
          'correlation',
        );
    for (const { prospect, outcome } of judgedOf(view))
      if (prospect.sent.isOneWay && prospect.sent.correlation !== 0) tell(judge, outcome);
  },
};

/** What the client of a connection said that it takes; 0 where it left the choice to the server, or may not say so. */
const saidMax = ({ connection }: FrameSeen): number =>
  connection.helloOk === undefined || saysTooShortFrames(connection) ? 0 : (connection.hello?.header?.frameBytesMax ?? 0);

const noLongerFrame: Clause = {
  id: 'QNT-FRM-006',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of heard(view)) {
      const length = frame.bytes.length - 4;
      const said = saidMax(frame);
      const max = said === 0 ? LIMITS.FRAME_BYTES_MAX : said;
      if (length > max)
        judge.fail(frame, `no frame may be longer than the client's frame_bytes_max of ${max}; got ${length}`, 'length');
      else if (said !== 0 && length > max / 2) judge.pass(frame);
    }
    judgeLongFrames(view, judge);
  },
};

/** Requests that only ask for a list of short items. */
const isPlainList = ({ name, header }: Exchange): boolean =>
  name === 'TOPIC_LIST' ||
  name === 'GROUP_LIST' ||
  name === 'TOPIC_DESCRIBE' ||
  (name === 'ROUTE_QUERY' && header?.watch === false);

/** Answers and updates that would pass what the client takes. */
const cutIntoFrames: Clause = {
  id: 'QNT-FRM-031',
  roles: SERVERS,
  check(view, judge) {
    for (const frame of heard(view)) {
      const said = saidMax(frame);
      if (said !== 0 && frame.bytes.length - 4 > said)
        judge.fail(frame, `an answer that passes ${said} bytes has to be cut; got ${frame.bytes.length - 4}`, 'length');
    }
    for (const exchange of view.exchanges) {
      const { request, responses, response, name, code } = exchange;
      if (request.from !== 'kit' || name === undefined || response === undefined) continue;
      const said = saidMax(request);
      if (said === 0) continue;
      const total = responses.reduce((sum, { bytes }) => sum + bytes.length, 0);
      if (responses.length > 1 && total > said) judge.pass(response);
      if (code !== 'LIMIT_EXCEEDED') continue;
      if (FRAMES[name].more !== 'response') judge.pass(response);
      else if (isPlainList(exchange) && responses.length < LIMITS.MORE_FRAMES_MAX)
        judge.fail(response, `an answer to ${name} that passes ${said} bytes has to be cut; got LIMIT_EXCEEDED`, 'code');
    }
    checkNoEffect(view, judge);
  },
};

/** A commit whose answer would be too long: what it named is not committed, where nothing else committed in that group. */
function checkNoEffect(view: View, judge: Judge): void {
  const commits = view.requests('OFFSET_COMMIT', 'kit');
  for (const { header, code, response } of commits) {
    if (header === undefined || response === undefined || code !== 'LIMIT_EXCEEDED' || saidMax(response) === 0) continue;
    if (commits.filter((other) => other.header?.group === header.group).length > 1) continue;
    for (const fetch of view.requests('OFFSET_FETCH', 'kit')) {
      if (fetch.header?.group !== header.group || fetch.answer === undefined || fetch.request.index < response.index) continue;
      const committed = fetch.answer.offsets.find((one: Header) => one.committed);
      judgeThat(
        judge,
        fetch.response ?? fetch.request,
        committed === undefined,
        () => `a request that is answered LIMIT_EXCEEDED takes no effect; got a committed offset of ${committed.topic}`,
        'committed',
      );
    }
  }
}

/** One-way frames of the subject that MORE joins: nothing but GOAWAY between them. */
const unbrokenPushes: Clause = {
  id: 'QNT-FRM-016',
  roles: SERVERS,
  check(view, judge) {
    for (const connection of view.connections) {
      let begun: FrameSeen | undefined;
      for (const frame of connection.frames) {
        if (frame.from !== 'subject' || !frame.isOneWay || frame.name === 'GOAWAY') continue;
        if (begun !== undefined && frame.type !== begun.type)
          judge.fail(
            frame,
            `the frames of one ${begun.name} have to follow each other; got ${frame.name ?? 'one of an unknown type'} between`,
            'type',
          );
        else if (begun !== undefined && !frame.more) judge.pass(frame);
        begun = frame.more ? frame : undefined;
      }
    }
  },
};

export const FRAME_CLAUSES: readonly Clause[] = [
  wholeFrames('QNT-INV-006', 'the length field says how many bytes follow it'),
  lineOf('QNT-INV-007'),
  lineOf('QNT-INV-008'),
  traitOf('QNT-INV-009', ({ prospect }) => isGreased(prospect.sent)),
  wholeFrames('QNT-INV-010', 'every frame bears its length field'),
  traitOf('QNT-FRM-001', ({ prospect }) => prospect.sent.cut && prospect.sent.fault === undefined),
  lineOf('QNT-FRM-002'),
  lineOf('QNT-FRM-004'),
  traitOf('QNT-FRM-005', ({ prospect }) => hasIdlePayload(prospect)),
  noLongerFrame,
  answeredOnce,
  noOneWayAnswer,
  errorShape,
  oneWayNumber,
  lineOf('QNT-FRM-014'),
  unbrokenPushes,
  lineOf('QNT-FRM-017'),
  lineOf('QNT-FRM-018'),
  lineOf('QNT-FRM-019'),
  // At a NameServer nothing waits long enough to be surely in flight.
  lineOf('QNT-FRM-020', ['broker']),
  lineOf('QNT-FRM-021'),
  lineOf('QNT-FRM-022'),
  lineOf('QNT-FRM-023'),
  lineOf('QNT-FRM-024'),
  lineOf('QNT-FRM-025'),
  lineOf('QNT-FRM-026'),
  lineOf('QNT-FRM-027'),
  lineOf('QNT-FRM-028'),
  traitOf('QNT-FRM-029', ({ prospect }) => isOdd(prospect)),
  cutIntoFrames,
];
