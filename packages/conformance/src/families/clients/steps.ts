import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

export type ClientRole = 'producer' | 'consumer';

/** One topic with some queues at each broker. */
export const ORDERS = { topics: [{ topic: 'orders', queues: 2 }] };
/** The same at one broker, so that a producer has to use that one. */
export const ONE_BROKER = { ...ORDERS, brokers: 1 };

/** A consumer in a group of its own. */
export const member = (client = 'c', more: JsonObject = {}): Step => ({
  op: 'start',
  client,
  group: `~group-${client}`,
  subscriptions: [{ topic: '~orders' }],
  from: 'first',
  ...more,
});

/** Starts a client of a role. */
export const begin = (role: ClientRole, client?: string, more: JsonObject = {}): Step =>
  role === 'consumer' ? member(client, more) : { op: 'start', client: client ?? 'p', ...more };

/** Lets a client do what it is for: messages go through it. */
export const work = (role: ClientRole, more: JsonObject = {}): readonly Step[] =>
  role === 'consumer'
    ? [
        { op: 'publish', count: 2, ...more },
        { op: 'publish', count: 1, queue: 1, ...more },
        { op: 'awaitDrained', withinMs: 8_000 },
      ]
    : [{ op: 'send', count: 3, timeoutMs: 8_000, ...more }];

export const meddle = (
  at: string,
  frame: string,
  way: 'request' | 'answer' | 'push',
  what: string,
  more: JsonObject = {},
): Step => ({
  op: 'meddle',
  at,
  frame,
  way,
  do: what,
  ...more,
});

export const pass = (ms: number): Step => ({ op: 'pass', ms });

type Options = Omit<Program, 'family' | 'role' | 'steps' | 'name'>;

/** A program for each of the roles. */
export const programs = (
  name: string,
  roles: readonly ClientRole[],
  steps: (role: ClientRole) => readonly Step[],
  options: Options = {},
): readonly Program[] => roles.map((role) => ({ family: 'clients', name, role, setup: ORDERS, ...options, steps: steps(role) }));

export const BOTH: readonly ClientRole[] = ['producer', 'consumer'];
