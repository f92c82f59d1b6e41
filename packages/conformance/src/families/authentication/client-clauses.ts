import { Feature } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { Ability, Role } from '../../driver/driver.ts';
import { asks, authsOf, entryOf } from '../../history/entry.ts';
import type { ConnectionSeen, Exchange, FrameSeen, View } from '../../history/view.ts';
import { clientOf, factsOf } from '../clients/facts.ts';
import { CLIENTS } from '../clients/roles.ts';
import { clientLogins, endOf, ownConnections, sentBehind, whyNotToGoOn, wrongSignature } from './client-logins.ts';

/** Whoever logs in, and what has to be possible for it to be seen. */
interface Whom {
  readonly roles: readonly Role[];
  readonly needs: readonly Ability[];
}

const CLIENTS_OF_ALL_KINDS: Whom = { roles: CLIENTS, needs: ['credentials'] };
const BROKERS: Whom = { roles: ['broker'], needs: ['register', 'credentials'] };

const nameOf = ({ name, type }: FrameSeen): string => name ?? `a frame of type 0x${type.toString(16).padStart(4, '0')}`;

/** Time that a client may take for something that is to be done without waiting. */
const SOON_MS = 1_000;

/** Says nothing more, and leaves: a subject that was not seen to leave has proved nothing. */
function judgeLeaves(view: View, connection: ConnectionSeen, at: FrameSeen, what: string, judge: Judge): void {
  const more = sentBehind(connection, at);
  const end = endOf(view, connection);
  if (more !== undefined) judge.fail(more, `a client must not go on with ${what}, and sent ${nameOf(more)}`);
  else if (end.by === 'subject') judge.pass(at);
  else if (end.ms > at.atMs + SOON_MS + view.slackMs) judge.fail(at, `a client has to leave a server with ${what}, and stayed`);
}

const requiresAuth = (whom: Whom): Clause => ({
  id: 'QNT-AUT-002',
  ...whom,
  check(view, judge) {
    for (const connection of ownConnections(view)) {
      const { hello, helloOk } = connection;
      if (hello?.header === undefined) continue;
      judgeThat(
        judge,
        hello.request,
        hello.header.requiredFeatures.includes(Feature.FEATURE_AUTH),
        () => 'a client with credentials has to name AUTH in required_features, and does not',
        'required_features',
      );
      if (helloOk !== undefined && hello.response !== undefined && !asks(connection))
        judgeLeaves(view, connection, hello.response, 'a HELLO_OK without the feature AUTH', judge);
    }
  },
});

const nothingButAuth = (whom: Whom): Clause => ({
  id: 'QNT-AUT-016',
  ...whom,
  check(view, judge) {
    for (const connection of ownConnections(view).filter(asks)) {
      const from = connection.hello?.response?.index ?? 0;
      const to = entryOf(connection)?.index ?? connection.closedIndex;
      const between = connection.frames.filter(({ from: side, index }) => side === 'subject' && index > from && index < to);
      const other = between.find(({ name, isResponse }) => !isResponse && name !== 'AUTH' && name !== 'PING');
      if (other !== undefined)
        judge.fail(other, `between HELLO_OK and the end of AUTH nothing but AUTH and PING may be sent, and ${nameOf(other)} was`);
      else if (between.length > 0) judge.pass(between[0] as FrameSeen);
    }
  },
});

const checksTheServer = (whom: Whom): Clause => ({
  id: 'QNT-AUT-010',
  ...whom,
  check(view, judge) {
    for (const login of clientLogins(view)) {
      const wrong = wrongSignature(view, login);
      const at = login.then?.response;
      if (wrong !== undefined && at !== undefined) judgeLeaves(view, login.connection, at, `an AUTH_OK with ${wrong}`, judge);
    }
  },
});

const checksTheFirstMessage = (whom: Whom): Clause => ({
  id: 'QNT-AUT-011',
  ...whom,
  check(view, judge) {
    for (const login of clientLogins(view)) {
      const why = whyNotToGoOn(login);
      const at = login.begin.response;
      if (why !== undefined && at !== undefined) judgeLeaves(view, login.connection, at, `a first message ${why}`, judge);
    }
  },
});

/** The AUTH that the kit refused, connection by connection to the same server. */
function refusals(view: View): readonly { readonly exchange: Exchange; readonly at: FrameSeen }[] {
  return ownConnections(view).flatMap((connection) =>
    authsOf(connection).flatMap((exchange) =>
      exchange.code === 'AUTH_FAILED' && exchange.response !== undefined ? [{ exchange, at: exchange.response }] : [],
    ),
  );
}

const backsOff: Clause = {
  id: 'QNT-AUT-018',
  ...CLIENTS_OF_ALL_KINDS,
  check(view, judge) {
    const refused = refusals(view);
    const [first] = refused;
    if (first === undefined) return;
    judgeTold(view, first.at, judge);
    for (const node of new Set(refused.map(({ exchange }) => exchange.connection.node)))
      judgeRow(
        view,
        refused.filter(({ exchange }) => exchange.connection.node === node),
        judge,
      );
  },
};

/** How long a refusal may take until the user hears of it. */
const TELL_MS = 5_000;

function judgeTold(view: View, at: FrameSeen, judge: Judge): void {
  const { end } = factsOf(view);
  const told = view.events
    .slice(at.index, end.index)
    .some((event) => (event.kind === 'told' || (event.kind === 'result' && event.error !== undefined)) && saysRefused(event));
  if (told) judge.pass(at);
  else if (end.ms > at.atMs + TELL_MS + view.slackMs)
    judge.fail(at, `the user of a client should be told of AUTH_FAILED, and was not within ${TELL_MS} ms`);
}

/** With an error of any call, or by an event of its own. */
const saysRefused = (event: object): boolean => JSON.stringify(event).includes('AUTH_FAILED');

const LEAST_MS = 50;
const LEAST_CAP_MS = 1_000;

/** One refusal after the other by one server, of one client: the waits grow. */
function judgeRow(view: View, row: ReturnType<typeof refusals>, judge: Judge): void {
  const facts = factsOf(view);
  if (facts.clients.length !== 1) return;
  row.forEach(({ exchange, at }, i) => {
    const next = facts.connections.find(
      ({ node, openedAtMs, number }) =>
        node === exchange.connection.node && number > exchange.connection.number && openedAtMs >= at.atMs,
    );
    const leastMs = Math.min(LEAST_MS * 2 ** i, LEAST_CAP_MS) - view.slackMs;
    if (next === undefined || leastMs <= 0 || clientOf(facts, next) === undefined) return;
    const waitedMs = next.openedAtMs - at.atMs;
    judgeThat(
      judge,
      at,
      waitedMs >= leastMs,
      () =>
        `after refusal ${i + 1} a client should wait ${Math.round(leastMs)} ms at the least, and waited ${Math.round(waitedMs)} ms`,
    );
  });
}

const ofLogins = (whom: Whom): readonly Clause[] => [
  requiresAuth(whom),
  nothingButAuth(whom),
  checksTheServer(whom),
  checksTheFirstMessage(whom),
];

/** What binds whoever logs in: clients, and brokers at their NameServers. */
export const CLIENT_CLAUSES: readonly Clause[] = [...ofLogins(CLIENTS_OF_ALL_KINDS), ...ofLogins(BROKERS), backsOff];
