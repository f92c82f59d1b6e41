import { codeOfWireNumber, errorClass, WIRE_ERRORS } from '@qanat/core';
import type { Clause, Judge } from '../../clause/clause.ts';
import type { Exchange, FrameSeen } from '../../history/view.ts';
import { misleads } from './connection-clauses.ts';
import { asked, type ClientRun, clientOf, type Facts, factsOf, served } from './facts.ts';
import { pulled } from './joined-clauses.ts';
import { readSentBatch } from './records.ts';
import { CLIENTS } from './roles.ts';

/** The longest back-off, an attempt, and some time for a new connection. */
const AGAIN_MS = 12_000;
const KNOWN: ReadonlySet<number> = new Set(Object.values(WIRE_ERRORS).map(({ number }) => number));
/** Worth trying again, by the table of classes. */
const RETRYABLE = new Set([1, 2, 3, 5, 6, 8]);

/** Requests that a client repeats by itself where an error is worth it. */
const REPEATED = new Set(['CLIENT_HEARTBEAT', 'PULL', 'SEND', 'INIT_PRODUCER', 'OFFSET_COMMIT', 'RELEASE']);

interface Refused {
  readonly exchange: Exchange;
  readonly number: number;
  readonly client: ClientRun;
}

/** Requests that were answered with an error, with the client that sent them. */
function* refusals(facts: Facts): Generator<Refused> {
  for (const connection of facts.connections) {
    const client = clientOf(facts, connection);
    if (client === undefined) continue;
    for (const exchange of asked(connection)) {
      const number = exchange.response?.isError === true ? exchange.response.header?.code : undefined;
      if (typeof number === 'number' && REPEATED.has(exchange.name as string) && exchange.response !== undefined)
        if (exchange.response.index < facts.end.index) yield { exchange, number, client };
    }
  }
}

/** Whether a later request asks the same as an earlier one did. */
function isSame(earlier: Exchange, later: Exchange): boolean {
  if (earlier.name !== later.name || earlier.connection.node !== later.connection.node) return false;
  if (later.request.index < (earlier.response?.index ?? 0)) return false;
  switch (earlier.name) {
    case 'SEND':
      return sameRecords(earlier.request.payload, later.request.payload);
    case 'PULL':
      return overlaps(earlier, later);
    case 'CLIENT_HEARTBEAT':
    case 'OFFSET_COMMIT':
    case 'RELEASE':
      return earlier.header?.member === later.header?.member && earlier.header?.group === later.header?.group;
    default:
      return true;
  }
}

function sameRecords(a: Uint8Array, b: Uint8Array): boolean {
  const [one] = readSentBatch(a);
  const [other] = readSentBatch(b);
  return one !== undefined && other !== undefined && one.body === other.body && one.key === other.key;
}

const overlaps = (a: Exchange, b: Exchange): boolean =>
  a.header !== undefined &&
  b.header !== undefined &&
  pulled(a.header).some((one) =>
    pulled(b.header).some(
      ({ topic, queue, epoch, offset }) =>
        one.topic === topic && one.queue === queue && one.epoch === epoch && one.offset === offset,
    ),
  );

const laterOnes = (facts: Facts, client: ClientRun, { connection }: Exchange): readonly Exchange[] =>
  facts.connections
    .filter((other) => other.node === connection.node && clientOf(facts, other) === client)
    .flatMap(asked)
    .filter(({ request }) => request.index < facts.end.index);

/** Whether a client goes on after an error, or stops, as the class of its number says. */
function judgeByClass(facts: Facts, judge: Judge, { exchange, number, client }: Refused): void {
  const { view } = facts;
  const response = exchange.response as NonNullable<Exchange['response']>;
  const again = laterOnes(facts, client, exchange).find((later) => isSame(exchange, later));
  const dueMs = response.atMs + AGAIN_MS + (response.header.retryAfterMs ?? 0) + view.slackMs;
  const said = `${exchange.name} was answered ${number} ("${response.header.message}")`;
  if (!RETRYABLE.has(errorClass(number))) {
    if (exchange.name !== 'CLIENT_HEARTBEAT' && exchange.name !== 'SEND') return;
    if (again !== undefined && again.request.atMs > response.atMs + view.slackMs)
      judge.fail(
        again.request,
        `expected no repetition after ${said}, got it ${Math.round(again.request.atMs - response.atMs)} ms later`,
      );
    else if (facts.end.ms > response.atMs + 3_000) judge.pass(response);
    return;
  }
  if (again !== undefined) return judge.pass(again.request);
  if (endedFor(facts, client, response))
    return judge.fail(response, `expected another try after ${said}, got the end of the client`);
  if (client.closing.ms < dueMs || !isOwed(exchange) || !served(facts, exchange.connection.node, response.atMs, dueMs)) return;
  if (facts.end.ms > dueMs) judge.fail(response, `expected another try after ${said}, got none within ${AGAIN_MS} ms`);
}

/** How soon after an error the end of a client is on account of it. */
const END_MS = 1_000;

/** Whether a client ended by itself because of an error: soon after it, and with no other one meanwhile. */
function endedFor({ connections, view }: Facts, { ended, closing }: ClientRun, { index, atMs }: FrameSeen): boolean {
  if (ended === undefined || ended.index < index || ended.index > closing.index) return false;
  const errors = connections.flatMap(({ frames }) => frames).filter(({ from, isError }) => from === 'kit' && isError);
  return ended.ms <= atMs + END_MS + view.slackMs && !errors.some((one) => one.index > index && one.index < ended.index);
}

/** Whether the request has to come again: a heartbeat does; what a call wanted may have been given up with it. */
const isOwed = ({ name }: Exchange): boolean => name === 'CLIENT_HEARTBEAT';

const byClass: Clause = {
  id: 'QNT-ERR-002',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const refused of refusals(facts)) if (!KNOWN.has(refused.number)) judgeByClass(facts, judge, refused);
  },
};

const textIsForPeople: Clause = {
  id: 'QNT-ERR-004',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const refused of refusals(facts)) {
      const { response } = refused.exchange;
      if (response !== undefined && KNOWN.has(refused.number) && misleads(response) && isPlain(refused.number))
        judgeByClass(facts, judge, refused);
    }
  },
};

/** Codes to which a client does nothing but try again: no fencing, no other server. */
const isPlain = (number: number): boolean =>
  ['NOT_READY', 'BROKER_BUSY', 'STORAGE_REJECTED', 'DISK_FULL'].includes(codeOfWireNumber(number));

/** Timers may fire a little early by the kit's clock. */
const EARLY_MS = 2;

const waitsAsTold: Clause = {
  id: 'QNT-ERR-006',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const { exchange, client } of refusals(facts)) {
      const response = exchange.response as NonNullable<Exchange['response']>;
      const waitMs = response.header.retryAfterMs ?? 0;
      if (waitMs === 0) continue;
      // What crossed the answer on its way is no repetition.
      const again = laterOnes(facts, client, exchange).find(
        (later) => isSame(exchange, later) && later.request.atMs > response.atMs + Math.min(view.slackMs, waitMs / 2),
      );
      if (again === undefined) continue;
      const afterMs = again.request.atMs - response.atMs;
      if (afterMs >= waitMs - EARLY_MS) judge.pass(again.request);
      else
        judge.fail(
          again.request,
          `expected ${exchange.name} not before the ${waitMs} ms of retry_after_ms, got it ${Math.round(afterMs)} ms after the error`,
        );
    }
  },
};

export const ERROR_CLAUSES: readonly Clause[] = [byClass, textIsForPeople, waitsAsTold];
