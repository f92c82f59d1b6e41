import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, ONE_BROKER, pass, programs, work } from './steps.ts';

const OPTIONS = { setup: ONE_BROKER, binding: 'tcp' } as const;
const SERVERS = ['ns-1', 'ns-2', 'broker-a'];

/** The first connection to each server begins with another preface; the client comes through in the end. */
const greeted = (name: string, hex: string): readonly Program[] =>
  programs(
    name,
    BOTH,
    (role) => [
      ...SERVERS.map((at): Step => ({ op: 'preface', at, hex })),
      begin(role),
      ...work(role),
      { op: 'pass', ms: 1_600, slacks: 1 },
      ...work(role),
    ],
    OPTIONS,
  );

const close = (role: ClientRole): Step => ({ op: 'close', client: role === 'consumer' ? 'c' : 'p' });

/** Prefaces and the ends of byte streams. */
export const TCP_PROGRAMS: readonly Program[] = [
  ...greeted('servers-with-reserved-bytes', 'ab514e5401ffa501'),
  ...greeted('servers-of-another-major-version', 'ab514e5402000000'),
  ...greeted('servers-that-are-something-else', '16'),
  ...greeted('servers-of-another-name', 'ab514e00'),
  ...programs(
    'servers-end-their-streams',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      { op: 'endStreams' },
      pass(2_500),
      { op: 'endStreams', of: 'nameserver', node: 0 },
      { op: 'endStreams', of: 'nameserver', node: 1 },
      pass(2_500),
      ...work(role),
    ],
    OPTIONS,
  ),
  ...programs('planned-end', BOTH, (role) => [begin(role), ...work(role), close(role), pass(500)], OPTIONS),
];
