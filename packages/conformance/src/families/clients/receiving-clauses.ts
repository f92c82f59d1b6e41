import { Flag, FRAMES, LIMITS } from '@qanat/core';
import { type Clause, judgeThat } from '../../clause/clause.ts';
import { STRANGER } from '../../cluster/stranger.ts';
import type { ConnectionSeen, FrameSeen } from '../../history/view.ts';
import { readMessage, type WireMessage } from '../framing/control-header.ts';
import { assignmentsOf } from './assignments.ts';
import { endOfConnection, type Facts, factsOf, once, takenMs } from './facts.ts';
import { hexType, isGreased } from './frame-clauses.ts';
import { pulled } from './joined-clauses.ts';
import { CLIENTS } from './roles.ts';
import { framesOfSubject } from './sequences.ts';
import { idleMsOf, judgeSurvival, kitFrames, mayClose, told } from './survival.ts';

/** Time that a client may take to close a connection on which something impossible came. */
const CLOSE_MS = 1_000;

/** Bytes of the kit that no receiver can take for a frame. */
interface Fault {
  readonly connection: ConnectionSeen;
  readonly index: number;
  readonly atMs: number;
  /** The requirement that says so. */
  readonly id: string;
  readonly what: string;
  readonly length: number;
}

const uint32At = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

/** The longest frame that a client takes. */
const limitOf = ({ hello }: ConnectionSeen): number => told(hello?.header?.frameBytesMax, LIMITS.FRAME_BYTES_MAX);

function faultOf(connection: ConnectionSeen, bytes: Uint8Array): Pick<Fault, 'id' | 'what' | 'length'> | undefined {
  if (bytes.length < 4) return undefined;
  const length = uint32At(bytes, 0);
  if (length < 12) return { id: 'QNT-INV-007', what: `a frame of the length ${length}`, length };
  if (length > limitOf(connection)) return { id: 'QNT-FRM-002', what: `a frame of the length ${length}`, length };
  if (bytes.length < 16) return undefined;
  const control = uint32At(bytes, 12);
  const what = `a control header of ${control} bytes in a frame of ${length}`;
  if (control > length - 12) return { id: 'QNT-INV-008', what, length };
  return control > LIMITS.CONTROL_HEADER_BYTES_MAX ? { id: 'QNT-FRM-004', what, length } : undefined;
}

const faultsOf = once((facts: Facts): readonly Fault[] =>
  facts.view.of('bytes').flatMap(({ connection: number, from, bytes, index, atMs }) => {
    // Strangers say prefaces.
    const connection = facts.connections.find((one) => one.number === number && one.node !== STRANGER);
    const fault = connection === undefined || from !== 'kit' ? undefined : faultOf(connection, bytes);
    return connection === undefined || fault === undefined ? [] : [{ connection, index, atMs, ...fault }];
  }),
);

type Tell = Parameters<Clause['check']>[1];

/** What came ends the connection. */
function judgeClosed(
  facts: Facts,
  judge: Tell,
  { connection, index, atMs, what }: Pick<Fault, 'connection' | 'index' | 'atMs' | 'what'>,
): void {
  const end = endOfConnection(facts, connection);
  const dueMs = atMs + CLOSE_MS + facts.view.slackMs;
  if (end.by === 'subject' && end.ms <= dueMs) judge.pass(index);
  else if (end.ms > dueMs)
    judge.fail(index, `expected the connection to be closed on ${what}, got it open ${Math.round(end.ms - atMs)} ms later`);
}

const fault = (id: string, isMeant: (fault: Fault) => boolean = (one) => one.id === id): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    for (const one of faultsOf(view).filter(isMeant)) judgeClosed(factsOf(view), judge, one);
  },
});

/** Odd frames that a client puts up with. */
const trait = (id: string, has: (frame: FrameSeen) => boolean, what: string): Clause => ({
  id,
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const odd = kitFrames(facts).filter((frame) => has(frame) && (frame.isResponse || (frame.flags & Flag.IGNORABLE) !== 0));
    judgeSurvival(facts, judge, odd, (frame) => `${what} in ${hexType(frame)}`);
  },
});

function messageOf({ name, isResponse, isError, control }: FrameSeen): WireMessage {
  const types = name === undefined ? undefined : FRAMES[name];
  return readMessage(isError ? 'ErrorInfo' : ((isResponse ? types?.response : types?.request) ?? ''), control);
}

const malformedHeaders: Clause = {
  id: 'QNT-TYP-007',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const frame of kitFrames(facts)) {
      if (frame.wrong === undefined || messageOf(frame).form !== 'malformed') continue;
      judgeClosed(facts, judge, { ...frame, what: `a control header of ${hexType(frame)} that is not well-formed` });
    }
  },
};

/** More frames of one answer or push than MORE may join. */
function overlong({ frames }: ConnectionSeen): FrameSeen | undefined {
  const counts = new Map<string, number>();
  return frames.find(({ from, more, type, correlation }) => {
    const key = `${type} ${correlation}`;
    if (from !== 'kit') return false;
    counts.set(key, more ? (counts.get(key) ?? 0) + 1 : 0);
    return (counts.get(key) ?? 0) > LIMITS.MORE_FRAMES_MAX;
  });
}

const joinsSoMany: Clause = {
  id: 'QNT-FRM-013',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const frame = overlong(connection);
      if (frame !== undefined)
        judgeClosed(facts, judge, { ...frame, what: `more than ${LIMITS.MORE_FRAMES_MAX} frames that MORE joins` });
    }
  },
};

const HELLO_OK_IDLE_MS = 11;

/** HELLO_OK with two values of `idle_ms`: silence shows which was taken. */
const lastValue: Clause = {
  id: 'QNT-TYP-011',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const response = connection.hello?.response;
      if (response === undefined || connection.helloOk === undefined) continue;
      if (messageOf(response).fields.filter(({ number }) => number === HELLO_OK_IDLE_MS).length < 2) continue;
      const idleMs = idleMsOf(connection);
      const end = endOfConnection(facts, connection);
      if (end.ms < response.atMs + idleMs + view.slackMs || mayClose(facts, connection)) continue;
      const next = framesOfSubject(connection).filter(({ atMs }) => atMs > takenMs(facts, response));
      judgeThat(
        judge,
        response,
        next.some(({ atMs }) => atMs <= response.atMs + idleMs + view.slackMs),
        () => `expected the last of two values of idle_ms to count, ${idleMs} ms, got a longer silence`,
        'idle_ms',
      );
    }
  },
};

/** A lease without `queue` or `start_offset` is of queue 0, or begins at 0. */
const absentIsDefault: Clause = {
  id: 'QNT-TYP-003',
  roles: ['consumer'],
  check(view, judge) {
    const facts = factsOf(view);
    const asked = facts.connections.flatMap(({ exchanges }) => exchanges.filter(({ name }) => name === 'PULL'));
    for (const { node, leases } of assignmentsOf(view))
      for (const lease of leases.filter(({ queue, startOffset }) => queue === 0 || startOffset === 0)) {
        const first = asked.find(
          ({ connection, header }) => connection.node === node && pulled(header).some(({ epoch }) => epoch === lease.epoch),
        );
        const item = first && pulled(first.header).find(({ epoch }) => epoch === lease.epoch);
        if (first === undefined || item === undefined) continue;
        judgeThat(
          judge,
          first.request,
          item.queue === lease.queue && item.topic === lease.topic && item.offset >= lease.startOffset,
          () =>
            `expected the first PULL of a lease that names neither to be of queue ${lease.queue}, got queue ${item.queue} at ${item.offset}`,
          'topics',
        );
      }
  },
};

/** The other connections of a client, when nonsense came on one. */
const goesOnWithOthers: Clause = {
  id: 'QNT-SEC-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { connection: bad, index, atMs } of faultsOf(view))
      for (const other of facts.connections) {
        const end = endOfConnection(facts, other);
        if (other === bad || other.helloOk === undefined || other.closedIndex < index || other.openedAtMs > atMs) continue;
        if (framesOfSubject(other).some((frame) => frame.atMs > atMs + view.slackMs)) judge.pass(index);
        else if (end.by === 'subject' && end.ms <= atMs + CLOSE_MS + view.slackMs && !mayClose(facts, other))
          judge.fail(index, `expected the connection to ${other.node} to go on after nonsense of ${bad.node}, got its end`);
      }
  },
};

const atTheLimit: Clause = {
  id: 'QNT-LIM-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const longest = kitFrames(facts).filter(
      ({ bytes, connection }) => bytes.length - 4 === LIMITS.FRAME_BYTES_MAX && limitOf(connection) === LIMITS.FRAME_BYTES_MAX,
    );
    judgeSurvival(facts, judge, longest, ({ bytes }) => `a frame of ${bytes.length - 4} bytes`);
    fault('QNT-LIM-003', ({ length }) => length === LIMITS.FRAME_BYTES_MAX + 1).check(view, judge);
  },
};

/** What a client makes of what comes: bytes that are no frames, odd headers, lists that do not end. */
export const RECEIVING_CLAUSES: readonly Clause[] = [
  fault('QNT-INV-007'),
  fault('QNT-INV-008'),
  fault('QNT-FRM-002'),
  fault('QNT-FRM-004'),
  trait('QNT-INV-009', isGreased, 'unknown flags or a reserved byte'),
  trait('QNT-TYP-002', (frame) => messageOf(frame).fields.some(({ field }) => field === undefined), 'an unknown field'),
  malformedHeaders,
  joinsSoMany,
  lastValue,
  absentIsDefault,
  goesOnWithOthers,
  atTheLimit,
];
