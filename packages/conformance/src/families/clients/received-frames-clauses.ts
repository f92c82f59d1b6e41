import { LIMITS } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { messageOf, verdictOnFrame } from '../framing/control-header.ts';
import { judgeClosing } from './closing.ts';
import { type Facts, factsOf } from './facts.ts';
import { isAwaited } from './frame-clauses.ts';
import { silences } from './limit-clauses.ts';
import { joinedOn, type Offence, offencesOf } from './received-frames.ts';
import { CLIENTS } from './roles.ts';
import { judgeSurvival, kitFrames } from './survival.ts';

const UNKNOWN_FLAGS = 0xe0;

const describe = ({ fault, size }: Offence): string => {
  if (fault === 'too many joined') return `${size} frames that MORE joins`;
  if (fault === 'control too long') return `a control header of ${size} bytes`;
  if (fault === 'control over the end') return `a control header of ${size} bytes in a frame that is too short for it`;
  return `a frame of ${size} bytes`;
};

/** Closes a connection on some offences. */
const closesOn = (id: string, isMeant: (offence: Offence) => boolean): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const offence of offencesOf(view).filter(isMeant)) judgeClosing(facts, judge, offence, describe(offence));
  },
});

const isGreased = ({ flags, bytes }: FrameSeen): boolean => bytes[7] !== 0 || (flags & UNKNOWN_FLAGS) !== 0;

const reservedIgnored: Clause = {
  id: 'QNT-INV-009',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const greased = kitFrames(facts).filter((frame) => isGreased(frame) && isHeard(frame));
    judgeSurvival(facts, judge, greased, () => 'a frame with reserved bits');
  },
};

/** What a client takes or drops, whatever is odd about it. */
const isHeard = ({ name, isOneWay }: FrameSeen): boolean => !isOneWay || (name !== undefined && name !== 'GOAWAY');

const unknownFieldsSkipped: Clause = {
  id: 'QNT-TYP-002',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const odd = kitFrames(facts).filter(
      (frame) =>
        isHeard(frame) &&
        verdictOnFrame(frame).kind === 'fine' &&
        messageOf(frame)?.fields.some(({ field }) => field === undefined) === true,
    );
    judgeSurvival(facts, judge, odd, ({ name }) => `a ${name} with an unknown field`);
  },
};

/** What a server says of its limits, and may leave out. */
const LIMITS_TOLD = ['frameBytesMax', 'batchBytesMax', 'inFlightMax', 'idleMs'] as const;

const absentIsDefault: Clause = {
  id: 'QNT-TYP-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const bare = kitFrames(facts).filter(
      ({ name, isResponse, header }) =>
        name === 'HELLO' && isResponse && header !== undefined && LIMITS_TOLD.every((limit) => header[limit] === 0),
    );
    judgeSurvival(facts, judge, bare, () => 'a HELLO_OK that leaves its limits out');
  },
};

/** HELLO_OK with two values of `idle_ms`, the last one the shorter: how often the client is heard shows which one it takes. */
const lastValue: Clause = {
  id: 'QNT-TYP-011',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const { response } = connection.hello ?? {};
      const values = (response && messageOf(response)?.fields.filter(({ field }) => field?.name === 'idle_ms')) ?? [];
      const [first, last] = [values[0]?.value ?? 0, values.at(-1)?.value ?? 0];
      if (response === undefined || last === 0 || first < 4 * last) continue;
      const heard = silences(facts, connection);
      const silent = heard.find(({ ms }) => ms > 2 * last + view.slackMs);
      if (silent !== undefined)
        judge.fail(
          silent.from,
          `expected the last idle_ms, ${last}, to be taken, got nothing for ${Math.round(silent.ms)} ms as if it was ${first}`,
        );
      else if (heard.reduce((sum, { ms }) => sum + ms, 0) > 2 * last) judge.pass(response);
    }
  },
};

/** Frames of the kit that a client reads: answers that it waits for, and what servers tell by themselves. */
const isRead = (frame: FrameSeen): boolean => {
  const { name, isResponse, isOneWay, connection } = frame;
  if (isResponse) return isAwaited(frame);
  if (name === 'ROUTE_UPDATE') return isOneWay && connection.node.startsWith('ns-');
  return isOneWay && name === 'GOAWAY';
};

const malformedCloses: Clause = {
  id: 'QNT-TYP-007',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of kitFrames(facts))
      if (isRead(frame) && verdictOnFrame(frame).kind === 'malformed')
        judgeClosing(facts, judge, frame, `a ${frame.name} whose control header is no message`);
  },
};

/** Frames that reach a limit that is the same everywhere, and do not pass it. */
const reachesLimit = (facts: Facts): readonly { readonly frame: FrameSeen; readonly what: string }[] => [
  ...kitFrames(facts)
    .filter(({ control }) => control.length === LIMITS.CONTROL_HEADER_BYTES_MAX)
    .map((frame) => ({ frame, what: `a control header of ${frame.control.length} bytes` })),
  ...facts.connections.flatMap((connection) =>
    joinedOn(connection)
      .filter(({ frame, count }) => count === LIMITS.MORE_FRAMES_MAX && !frame.more)
      .map(({ frame, count }) => ({ frame, what: `${count} frames that MORE joins` })),
  ),
  ...facts.connections.flatMap(({ hello }) =>
    hello?.response !== undefined && hello.response.bytes.length - 4 === LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX
      ? [{ frame: hello.response, what: `a HELLO_OK of ${LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX} bytes` }]
      : [],
  ),
];

/** By how much a limit is passed that is the same everywhere; undefined for another one. */
function excessOf({ fault, size, connection, index }: Offence): number | undefined {
  if (fault === 'control too long') return size - LIMITS.CONTROL_HEADER_BYTES_MAX;
  if (fault === 'too many joined') return size - LIMITS.MORE_FRAMES_MAX;
  const isEarly = index <= (connection.hello?.response?.index ?? index);
  return fault === 'too long' && isEarly ? size - LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX : undefined;
}

const fixedIsFixed: Clause = {
  id: 'QNT-LIM-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { frame, what } of reachesLimit(facts)) judgeSurvival(facts, judge, [frame], () => what);
    for (const offence of offencesOf(view).filter((one) => excessOf(one) !== undefined))
      judgeClosing(facts, judge, offence, describe(offence));
  },
};

export const RECEIVED_FRAME_CLAUSES: readonly Clause[] = [
  closesOn('QNT-INV-007', ({ fault }) => fault === 'short'),
  closesOn('QNT-INV-008', ({ fault }) => fault === 'control over the end'),
  reservedIgnored,
  unknownFieldsSkipped,
  absentIsDefault,
  malformedCloses,
  lastValue,
  closesOn('QNT-FRM-002', ({ fault }) => fault === 'too long'),
  closesOn('QNT-FRM-004', ({ fault }) => fault === 'control too long'),
  closesOn('QNT-FRM-013', ({ fault }) => fault === 'too many joined'),
  closesOn('QNT-LIM-001', ({ fault }) => fault === 'too long' || fault === 'control too long' || fault === 'too many joined'),
  fixedIsFixed,
];
