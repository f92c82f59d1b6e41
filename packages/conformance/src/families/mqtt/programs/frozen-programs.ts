// A device that does not read.
import type { Program, Step } from '../../../play/program.ts';
import { arrives, connect, inBoth, lasting, ping, programOf, publish, SETTLE, subscribe } from './steps.ts';

/** More than the sockets of a device that does not read take: 4 MB at a loopback, and what the two sides keep. */
const LONG = { size: 60_000, count: 140 } as const;

/** A device stops reading: what others get does not wait for it. */
const besideFrozen = (version: 4 | 5): readonly Step[] => [
  connect('frozen', lasting(version)),
  subscribe('frozen', { filter: '{t}/#', qos: 1 }),
  connect('s', { version }),
  subscribe('s', { filter: '{t}/#', qos: 1 }),
  connect('p', { version }),
  { op: 'reading', d: 'frozen', on: false },
  publish('p', { qos: 0, size: LONG.size, count: 20 }),
  publish('p', { qos: 1, ...LONG }),
  publish('p', { qos: 1, topic: '{t}/z' }),
  arrives('s', LONG.count + 1),
  SETTLE,
  ping('s'),
];

export const FROZEN_PROGRAMS: readonly Program[] = [
  ...inBoth('a-device-that-does-not-read', besideFrozen),
  programOf('a-device-that-reads-late', [
    ...besideFrozen(5),
    { op: 'reading', d: 'frozen', on: true },
    arrives('frozen', LONG.count + 1),
    SETTLE,
    ping('frozen'),
  ]),
];
