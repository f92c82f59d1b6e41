import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

const EVERYTHING = ['all topic:*', 'all group:*', 'all cluster:*'];

const user = (
  name: string,
  roles: readonly string[],
  permissions: readonly string[] = [],
  more: JsonObject = {},
): JsonObject => ({
  name,
  password: `the password of ${name}`,
  roles: [...roles],
  permissions: [...permissions],
  ...more,
});

/** Somebody of each kind, and some with rights of which names decide. */
export const USERS: readonly JsonObject[] = [
  user('root', ['admin']),
  user('full', ['client'], EVERYTHING),
  user('other', ['client'], EVERYTHING),
  user('none', ['client']),
  user('reader', ['client'], ['read topic:seen.*', 'read topic:exact', 'read group:mine*', 'create topic:new*']),
  user('writer', ['client'], ['write topic:exact', 'write topic:logs.*', 'describe group:g']),
  user('me', ['broker']),
  user('you', ['broker'], EVERYTHING),
  user('copy', ['replica'], EVERYTHING),
  user('slow', ['client'], EVERYTHING, { requestsPerSecond: 1 }),
];

export const as = (name: string): Step => ({ op: 'open', as: name });
export const FENCE: Step = { op: 'fence' };
export const on = (c: number, step: Step): Step => ({ ...step, c });
export const pass = (ms: number): Step => ({ op: 'pass', ms });
export const ask = (frame: string, header: JsonObject, more: JsonObject = {}): Step => ({
  op: 'request',
  frame,
  header,
  ...more,
});

export const program = (name: string, role: 'nameserver' | 'broker', steps: readonly Step[]): Program => ({
  family: 'authorization',
  name,
  role,
  setup: { users: [...USERS] },
  needs: ['users'],
  steps,
});
