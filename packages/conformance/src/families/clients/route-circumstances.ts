import type { ConnectionSeen, Exchange } from '../../history/view.ts';
import { asked, type ClientRun, type Facts, isNameServer, served } from './facts.ts';
import { isOneOff } from './survival.ts';

/** The longest back-off, the time for HELLO, and some more. */
export const NEXT_MS = 13_000;

/** Time to ask for what is used. */
export const ASK_MS = 3_000;

export const runsUntil = (client: ClientRun, ms: number): boolean => client.closing.ms > ms && (client.ended?.ms ?? ms + 1) > ms;

/** Connections to NameServers that are there for routes, not for one question. */
export const mainOnes = ({ connections }: Facts): readonly ConnectionSeen[] =>
  connections.filter((connection) => isNameServer(connection.node) && connection.helloOk !== undefined && !isOneOff(connection));

export const someServes = (facts: Facts, fromMs: number, toMs: number): boolean =>
  facts.nameServers.some((node) => served(facts, node, fromMs, toMs));

export const asksFor = (connection: ConnectionSeen, topic: string): readonly Exchange[] =>
  asked(connection).filter(({ name, header }) => name === 'ROUTE_QUERY' && header?.topics?.includes(topic) === true);

/** How long a connection to a broker is watched after a route left the broker out. */
export const LEAVE_MS = 5_000;
