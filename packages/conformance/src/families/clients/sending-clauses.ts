import { FRAME_NAMES, FRAMES, LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { sentFields } from '../framing/clauses-types.ts';
import { asked, factsOf } from './facts.ts';
import { hexType } from './frame-clauses.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject } from './sequences.ts';
import { subjectFrames } from './survival.ts';

/** Connections on which the subject has sent anything that is to be frames. */
const wholeFrames = (id: string, what: string): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    for (const connection of factsOf(view).connections) {
      const [first] = framesOfSubject(connection);
      if (connection.broken !== undefined)
        judge.fail(
          view.events.indexOf(connection.broken),
          `expected ${what}, got bytes that are no frames: ${connection.broken.why}`,
        );
      else if (first !== undefined) judge.pass(first);
    }
  },
});

const eachFrame = (
  id: string,
  holds: (frame: FrameSeen) => boolean,
  expected: (frame: FrameSeen) => string,
  field: string,
): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    for (const frame of subjectFrames(factsOf(view)))
      judgeThat(judge, frame, holds(frame), () => `expected ${expected(frame)}`, field);
  },
});

/** `0x?a?a` is for greasing, `0x7fxx` for peers that agreed on it. */
const isAssigned = ({ type, isResponse }: FrameSeen): boolean =>
  isResponse || FRAME_NAMES.has(type) || (type & 0x0f0f) === 0x0a0a || type >> 8 === 0x7f;

const takesMore = ({ name, isResponse }: FrameSeen): boolean =>
  name !== undefined && !isResponse && FRAMES[name].more === 'request';

/** Whether a response answers a request that waits; it waits no longer then. */
function takeOpen(open: FrameSeen[], { type, correlation }: FrameSeen): boolean {
  const at = open.findIndex((request) => request.type === type && request.correlation === correlation);
  if (at >= 0) open.splice(at, 1);
  return at >= 0;
}

const answeredOnce: Clause = {
  id: 'QNT-FRM-007',
  roles: CLIENTS,
  check(view, judge) {
    for (const { frames } of factsOf(view).connections) {
      const open: FrameSeen[] = [];
      for (const frame of frames) {
        if (frame.from === 'kit' && !frame.isResponse && !frame.isOneWay) open.push(frame);
        if (frame.from !== 'subject' || !frame.isResponse) continue;
        judgeThat(
          judge,
          frame,
          takeOpen(open, frame),
          () => `expected one answer to each request, of its type, got ${hexType(frame)} to number ${frame.correlation}`,
          'correlation',
        );
      }
    }
  },
};

const messageIsShort: Clause = {
  id: 'QNT-ERR-005',
  roles: CLIENTS,
  check(view, judge) {
    for (const frame of subjectFrames(factsOf(view))) {
      if (!frame.isError || typeof frame.header?.message !== 'string') continue;
      const length = new TextEncoder().encode(frame.header.message).length;
      const max = LIMITS.ERROR_MESSAGE_BYTES_MAX;
      judgeThat(judge, frame, length <= max, () => `expected a message of ${max} bytes at the most, got ${length}`, 'message');
    }
  },
};

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** The names of topics and groups that a request bears. */
function namesIn({ header }: Exchange): readonly string[] {
  if (header === undefined) return [];
  const lists = [header.topics ?? [], header.queues ?? [], header.subscription?.topics ?? []];
  const listed = lists.flat().map((one: string | { topic?: string }) => (typeof one === 'string' ? one : one.topic));
  return [header.topic, header.group, ...listed].filter((name) => typeof name === 'string' && name !== '');
}

const grammar: Clause = {
  id: 'QNT-NAM-001',
  roles: CLIENTS,
  check(view, judge) {
    for (const exchange of factsOf(view).connections.flatMap(asked)) {
      const names = namesIn(exchange);
      const wrong = names.find((name) => !NAME.test(name) || name.length > LIMITS.TOPIC_NAME_BYTES_MAX);
      if (wrong !== undefined)
        judge.fail(exchange.request, `expected names that keep the grammar, got ${JSON.stringify(wrong.slice(0, 40))}`);
      else if (names.length > 0) judge.pass(exchange.request);
    }
  },
};

/** What a client says: frames and their lengths, numbers, names. */
export const SENDING_CLAUSES: readonly Clause[] = [
  ...sentFields(CLIENTS),
  wholeFrames('QNT-INV-006', 'length fields that say how many bytes follow'),
  wholeFrames('QNT-INV-010', 'a length field in front of every frame'),
  eachFrame('QNT-RGY-006', isAssigned, (frame) => `frame types of the registry, got ${hexType(frame)}`, 'type'),
  eachFrame(
    'QNT-FRM-014',
    (frame) => !frame.more || takesMore(frame),
    (frame) => `no MORE on ${hexType(frame)}, got it`,
    'flags',
  ),
  answeredOnce,
  messageIsShort,
  grammar,
];
