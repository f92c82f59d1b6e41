import { BATCH_HEADER_BYTES, readBatchHeader } from '@qanat/core';
import type { Clause } from '../../clause/clause.ts';
import type { FrameSeen, View } from '../../history/view.ts';
import { allFields, messageOf, type SchemaRule, verdictOnFrame } from '../framing/control-header.ts';
import { assignmentsOf } from './assignments.ts';
import { asked, endOfConnection, type Facts, factsOf, isBroker, isNameServer } from './facts.ts';
import { isAwaited } from './frame-clauses.ts';
import { pulled } from './joined-clauses.ts';
import { CLIENTS } from './roles.ts';
import { routesOf } from './routes-told.ts';
import { framesOfSubject, opensLater } from './sequences.ts';
import { kitFrames, subjectFrames } from './survival.ts';

/** Time to act on what was told. */
const ACT_MS = 1_000;

/** What a subject did with a header that it has to refuse: a frame that only somebody sends who took it. */
type Trace = (facts: Facts, frame: FrameSeen) => FrameSeen | undefined;

/** Anything but PING behind a HELLO_OK. */
const usedGreeting: Trace = (_, { connection, index }) =>
  framesOfSubject(connection).find((later) => later.index > index && !later.isResponse && later.name !== 'PING');

/** A connection to a broker that no NameServer named otherwise. */
const usedRoutes: Trace = (facts, { index }) =>
  opensLater(facts, index, ({ node, frames }) => {
    const openedAt = frames[0]?.index ?? index;
    const told = routesOf(facts.view).some(
      ({ last, brokers }) => last.index < openedAt && brokers.some(({ broker }) => broker === node),
    );
    return isBroker(node) && !told;
  })?.frames[0];

/** A PULL under a lease of no other assignment. */
const usedLeases: Trace = (facts, { index }) => {
  const isTold = (epoch: number, before: number): boolean =>
    assignmentsOf(facts.view).some(({ last, leases }) => last.index < before && leases.some((lease) => lease.epoch === epoch));
  return facts.connections
    .flatMap(asked)
    .filter(({ name, header, request }) => name === 'PULL' && header !== undefined && request.index > index)
    .find(({ header, request }) => pulled(header).some(({ epoch }) => epoch !== 0 && !isTold(epoch, request.index)))?.request;
};

/** A batch under a producer id of no other answer. */
const usedProducerId: Trace = (facts, { index }) => {
  const told = facts.connections
    .flatMap(asked)
    .flatMap(({ name, answer, response }) =>
      name === 'INIT_PRODUCER' && answer !== undefined ? [{ id: answer.producerId, index: response?.index ?? index }] : [],
    );
  return facts.connections
    .flatMap(asked)
    .filter(({ name, request }) => name === 'SEND' && request.payload.length >= BATCH_HEADER_BYTES && request.index > index)
    .find(({ request }) => {
      const { producerId } = readBatchHeader(request.payload);
      return producerId !== 0 && !told.some((one) => one.id === producerId && one.index < request.index);
    })?.request;
};

/** By what it shows that a frame of the kit was taken; undefined where it does not show. */
function traceOf({ name, isResponse, connection }: FrameSeen): Trace | undefined {
  if (name === 'HELLO' && isResponse) return usedGreeting;
  if (isNameServer(connection.node)) return name === 'ROUTE_QUERY' || name === 'ROUTE_UPDATE' ? usedRoutes : undefined;
  if (name === 'INIT_PRODUCER' && isResponse) return usedProducerId;
  return name === 'ASSIGNMENT' || (name === 'CLIENT_HEARTBEAT' && isResponse) ? usedLeases : undefined;
}

/** Headers of the kit that break a rule of the schema. */
function* brokenBy(view: View, rule: SchemaRule): Generator<{ readonly frame: FrameSeen; readonly trace: Trace }> {
  for (const frame of kitFrames(factsOf(view))) {
    const trace = frame.isResponse && !isAwaited(frame) ? undefined : traceOf(frame);
    if (trace === undefined || frame.isError) continue;
    const verdict = verdictOnFrame(frame);
    if (verdict.kind === 'breaks' && verdict.rule === rule) yield { frame, trace };
  }
}

/** A client has no error to answer a server with: it must not act on what it has to refuse. */
const refuses = (rule: SchemaRule, what: string): Clause => ({
  id: rule,
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { frame, trace } of brokenBy(view, rule)) {
      const use = trace(facts, frame);
      if (use !== undefined)
        judge.fail(use, `expected a ${frame.name} with ${what} to be refused, got a ${use.name} that goes by it`);
      else if (endOfConnection(facts, frame.connection).ms < frame.atMs + ACT_MS || facts.end.ms > frame.atMs + ACT_MS)
        judge.pass(frame);
    }
  },
});

const INTEGER_MAX = 2 ** 53 - 1;
const refusesIntegers = refuses('QNT-TYP-001', 'an integer above 2^53-1');

/** Nor does a client send one. */
const integers: Clause = {
  ...refusesIntegers,
  check(view, judge) {
    refusesIntegers.check(view, judge);
    for (const frame of subjectFrames(factsOf(view)))
      for (const { field, value } of allFields(messageOf(frame) ?? { fields: [], form: 'well' }))
        if (field?.kind === 'uint64' && value > INTEGER_MAX)
          judge.fail(frame, `expected no integer above 2^53-1, got ${value} in ${field.name}`, field.name);
  },
};

export const REFUSED_CLAUSES: readonly Clause[] = [
  integers,
  refuses('QNT-TYP-004', 'a field missing that has to be there'),
  refuses('QNT-TYP-005', 'an unknown value of an enumeration'),
  refuses('QNT-TYP-006', 'a field above its limit'),
];
