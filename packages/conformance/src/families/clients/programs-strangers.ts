import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, pass, programs, work } from './steps.ts';

const PREFACE = 'ab514e5401000000';

/** A client whose only NameServer says such bytes. */
const among = (role: ClientRole, client: string, more: { says: string; ends?: boolean }): readonly Step[] => [
  { op: 'stranger', keep: client, ...more },
  begin(role, client, { nameServers: [`$${client}`], wait: false }),
];

export const STRANGER_PROGRAMS: readonly Program[] = [
  ...programs(
    'prefaces-of-all-kinds',
    BOTH,
    (role) => [
      ...among(role, 'reserved', { says: 'ab514e5401a5a5a5' }),
      ...among(role, 'major', { says: 'ab514e5407000000' }),
      ...among(role, 'mark', { says: '4854' }),
      ...among(role, 'end', { says: PREFACE, ends: true }),
      pass(2_500),
    ],
    { binding: 'tcp' },
  ),
  ...programs('closes-as-planned', BOTH, (role) => [
    begin(role),
    ...work(role),
    pass(3_000),
    { op: 'close', client: role === 'consumer' ? 'c' : 'p' },
    pass(500),
  ]),
];
