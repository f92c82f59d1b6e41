import type { Role } from '../../driver/driver.ts';
import type { Program, Step } from '../../play/program.ts';

type Server = Extract<Role, 'nameserver' | 'broker'>;
export type More = Partial<Pick<Program, 'binding' | 'needs' | 'alone' | 'timing' | 'setup'>>;

export const programFor = (role: Server, name: string, steps: readonly Step[], more: More = {}): Program => ({
  family: 'framing',
  name,
  role,
  steps,
  ...more,
});

/** The same program for a NameServer and for a broker. */
export const forServers = (name: string, steps: readonly Step[], more: More = {}): readonly Program[] => [
  programFor('nameserver', name, steps, more),
  programFor('broker', name, steps, more),
];

export const OPEN: Step = { op: 'open' };
/** Without HELLO. */
export const CONNECT: Step = { op: 'open', hello: false };
export const FENCE: Step = { op: 'fence' };
export const AWAIT_CLOSE: Step = { op: 'awaitClose' };

/** A store id of sixteen bytes. */
export const STORE = { $hex: '000102030405060708090a0b0c0d0e0f' } as const;
