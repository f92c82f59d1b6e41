import { ReplicaRole } from '@qanat/core';
import { type Clause, type Judge, judgeThat } from '../../clause/clause.ts';
import type { FrameSeen } from '../../history/view.ts';
import { hexOf } from '../../json.ts';
import { asked, clientOf, endOfConnection, type Facts, factsOf, isBroker, served } from '../clients/facts.ts';
import { CLIENTS } from '../clients/roles.ts';
import { NEXT_MS, runsUntil } from '../clients/route-circumstances.ts';
import { type BrokerTold, type RoutesTold, routesOf } from '../clients/routes-told.ts';

/** What only masters take. */
const FOR_MASTERS: ReadonlySet<string | undefined> = new Set([
  ...['SEND', 'INIT_PRODUCER', 'TOPIC_CREATE', 'TOPIC_ALTER', 'TOPIC_REMOVE'],
  ...['OFFSET_COMMIT', 'RELEASE', 'LEAVE', 'STATE_WRITE', 'GROUP_RESET'],
]);

const whereOf = ({ endpoints }: BrokerTold): string => endpoints.map(({ address }) => address).join(' ');

/** A route of the same store with the highest term, where it is above that of this one, and tells another place. */
function higherThan(told: readonly RoutesTold[], one: BrokerTold): BrokerTold | undefined {
  const own = told
    .flatMap(({ brokers }) => brokers)
    .filter(({ broker, storeId }) => broker === one.broker && hexOf(storeId) === hexOf(one.storeId));
  const [highest] = own.toSorted((a, b) => b.term - a.term);
  return highest !== undefined && highest.term > one.term && whereOf(highest) !== whereOf(one) ? highest : undefined;
}

/** Where a client dials after the kit has broken its connection shows whose route it has taken. */
function judgeDial(facts: Facts, judge: Judge, told: RoutesTold, broker: string, terms: string): void {
  const client = clientOf(facts, told.connection);
  const broken = facts.connections.find(
    (one) =>
      one.node === broker && endOfConnection(facts, one).by === 'kit' && endOfConnection(facts, one).index > told.last.index,
  );
  if (client === undefined || broken === undefined || clientOf(facts, broken) !== client) return;
  const { ms, index } = endOfConnection(facts, broken);
  const dueMs = ms + NEXT_MS + facts.view.slackMs;
  const next = facts.connections.find(({ node, frames }) => node === broker && (frames[0]?.index ?? 0) > index);
  if (next !== undefined && next.openedAtMs <= dueMs) judge.pass(next.frames[0] ?? told.last);
  else if (runsUntil(client, dueMs) && facts.end.ms > dueMs && served(facts, broker, ms, dueMs))
    judge.fail(
      told.last,
      `expected a route of ${terms} not to be taken, got no connection to where ${broker} is by that of the higher term within ${NEXT_MS} ms`,
      'term',
    );
}

const keepsTheHighestTerm: Clause = {
  id: 'QNT-RPL-083',
  roles: CLIENTS,
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    const all = routesOf(view);
    for (const told of all) {
      const before = all.filter(({ last, connection }) => last.index < told.first.index && connection === told.connection);
      for (const one of told.brokers) {
        const higher = higherThan(before, one);
        if (higher !== undefined) judgeDial(facts, judge, told, one.broker, `term ${one.term} after one of term ${higher.term}`);
      }
    }
  },
};

const asksMastersAlone: Clause = {
  id: 'QNT-RPL-082',
  roles: CLIENTS,
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    for (const connection of facts.connections) {
      const hello = asked(connection).find(({ name }) => name === 'HELLO')?.response;
      if (!isBroker(connection.node) || hello?.header?.replicaRole !== ReplicaRole.SLAVE) continue;
      const wrong = connection.frames.find(
        ({ from, isResponse, name, index }) => from === 'subject' && !isResponse && FOR_MASTERS.has(name) && index > hello.index,
      );
      if (wrong !== undefined)
        judge.fail(wrong, `expected no ${wrong.name} on a connection that HELLO_OK says leads to a slave, got it`);
      else if (hasForMasters(facts, hello.index)) judge.pass(hello);
    }
  },
};

/** The client has something for a master, and finds one later. */
const hasForMasters = (facts: Facts, index: number): boolean =>
  facts.connections.some((connection) =>
    asked(connection).some(({ name, request }) => FOR_MASTERS.has(name) && request.index > index),
  );

/** A request that was on its way, and one that was tried once more at the old connection. */
const TURN_MS = 1_000;

const followsTheRoute: Clause = {
  id: 'QNT-RPL-081',
  roles: CLIENTS,
  ofGroups: true,
  check(view, judge) {
    const facts = factsOf(view);
    const told = routesOf(view);
    for (const connection of facts.connections.filter(({ node, helloOk }) => isBroker(node) && helloOk !== undefined)) {
      const client = clientOf(facts, connection);
      const own = told.filter((one) => clientOf(facts, one.connection) === client);
      for (const { request } of asked(connection).filter(({ name }) => FOR_MASTERS.has(name)))
        judgeReplica(facts, judge, own, request);
    }
  },
};

/** Only where the master has changed there are two to choose from. */
function judgeReplica(facts: Facts, judge: Judge, told: readonly RoutesTold[], request: FrameSeen): void {
  const { name, replica } = request.connection.helloOk;
  const known = told
    .filter(({ last }) => last.atMs + facts.view.slackMs + TURN_MS < request.atMs)
    .flatMap(({ brokers }) => brokers.filter(({ broker, endpoints }) => broker === name && endpoints.length > 0));
  const [highest] = known.toSorted((a, b) => b.term - a.term);
  if (highest === undefined || new Set(known.map((one) => one.replica)).size < 2) return;
  judgeThat(
    judge,
    request,
    replica === highest.replica || told.some(({ last, brokers }) => last.atMs <= request.atMs && isNewer(brokers, highest)),
    () =>
      `expected ${request.name} at replica ${highest.replica}, the master of term ${highest.term}, got it at replica ${replica}`,
  );
}

/** Told a moment before: it may have been taken. */
const isNewer = (brokers: readonly BrokerTold[], than: BrokerTold): boolean =>
  brokers.some(({ broker, term }) => broker === than.broker && term > than.term);

export const ROUTE_CLAUSES: readonly Clause[] = [followsTheRoute, keepsTheHighestTerm, asksMastersAlone];
