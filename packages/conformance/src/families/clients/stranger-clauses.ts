import type { Clause, Judge } from '../../clause/clause.ts';
import { isObject } from '../../json.ts';
import { verdictOnFrame } from '../framing/control-header.ts';
import { judgeClosing, type PlaceOf } from './closing.ts';
import { type ClientRun, clientOf, endOfConnection, type Facts, factsOf, framesOf, runsAt, served } from './facts.ts';
import { offencesOf } from './received-frames.ts';
import { CLIENTS } from './roles.ts';
import { kitFrames, mayClose } from './survival.ts';

/** What the end of one connection may take from others of the client: nothing, for so long. */
const WATCH_MS = 1_000;
/** Time to connect again, to join again and to read. */
const GO_ON_MS = 9_000;

/** Places at which a server sends what no server sends. */
const assaults = (facts: Facts): readonly PlaceOf[] => [
  ...offencesOf(facts.view),
  ...kitFrames(facts).filter((frame) => verdictOnFrame(frame).kind === 'malformed'),
];

const othersAreServed: Clause = {
  id: 'QNT-SEC-003',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    const all = assaults(facts);
    for (const assault of all) judgeOthers(facts, judge, all, assault);
    const last = all.toSorted((a, b) => a.index - b.index).at(-1);
    const client = last && clientOf(facts, last.connection);
    if (last === undefined || client === undefined) return;
    if (client.role === 'producer') judgeSends(facts, judge, last);
    else judgeDeliveries(facts, judge, client, last);
  },
};

/** Connections of the same client on which nothing wrong came. */
function judgeOthers(facts: Facts, judge: Judge, all: readonly PlaceOf[], { connection, index, atMs }: PlaceOf): void {
  const client = clientOf(facts, connection);
  const untilMs = atMs + WATCH_MS + facts.view.slackMs;
  for (const other of facts.connections) {
    const end = endOfConnection(facts, other);
    const isOpen = (other.frames[0]?.index ?? index) < index && end.index > index;
    if (!isOpen || all.some((one) => one.connection === other) || clientOf(facts, other) !== client) continue;
    if (end.ms > untilMs) judge.pass(index);
    else if (end.by === 'subject' && !mayClose(facts, other))
      judge.fail(
        other.closedIndex,
        `expected the connection to ${other.node} to go on when ${connection.node} sends what no server sends, got its end`,
      );
  }
}

/** The last message that was sent behind it is stored, where nothing else kept it from that. */
function judgeSends(facts: Facts, judge: Judge, { index }: PlaceOf): void {
  const { call, result } = facts.view.calls('send').findLast((one) => one.call.index > index) ?? {};
  if (call === undefined || result === undefined || result.index > facts.end.index) return;
  if (result.error === undefined) judge.pass(result.index);
  else if (!facts.meddled.some((one) => one.index > index) && result.atMs - call.atMs >= GO_ON_MS / 2)
    judge.fail(
      result.index,
      `expected messages to be stored after a server sent what no server sends, got ${result.error.code ?? result.error.kind}`,
    );
}

/** Messages that were stored behind it are delivered. */
function judgeDeliveries(facts: Facts, judge: Judge, client: ClientRun, { index }: PlaceOf): void {
  const published = facts.view
    .notes('published')
    .filter(({ args, index: at }) => at > index && isObject(args) && args.stored === true);
  for (const { index: at, atMs, args } of published) {
    const delivered = facts.view.told('delivered').find((one) => one.index > at && one.client === client.name);
    const broker = isObject(args) ? String(args.broker) : '';
    const dueMs = atMs + GO_ON_MS;
    if (delivered !== undefined) judge.pass(delivered.index);
    else if (runsAt(client, at) && client.closing.ms > dueMs && facts.end.ms > dueMs && served(facts, broker, atMs, dueMs))
      judge.fail(at, `expected deliveries after a server sent what no server sends, got none within ${GO_ON_MS} ms`);
  }
}

/**
 * The row *greeting* of the client's table: an error or GOAWAY ends it. Its deadline and the rows of GOAWAY, of silence and of
 * lost connections have requirements of their own.
 */
const refusedGreetingEnds: Clause = {
  id: 'QNT-CON-016',
  roles: CLIENTS,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const { hello, goAways } = connection;
      const answeredAt = hello?.response?.index ?? connection.closedIndex;
      const refusal = goAways.find(({ from, index }) => from === 'kit' && index < answeredAt) ?? hello?.response;
      if (refusal === undefined || (!refusal.isError && refusal.name === 'HELLO') || refusal.index >= facts.end.index) continue;
      const used = framesOf(connection, 'subject').find(({ index, isResponse }) => index > refusal.index && !isResponse);
      const what = `a HELLO answered with ${refusal.name === 'GOAWAY' ? 'GOAWAY' : 'an error'} (${refusal.code})`;
      if (used !== undefined) judge.fail(used, `expected the connection to be closed on ${what}, got ${used.name}`);
      else judgeClosing(facts, judge, refusal, what);
    }
  },
};

export const STRANGER_CLAUSES: readonly Clause[] = [othersAreServed, refusedGreetingEnds];
