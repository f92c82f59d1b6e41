// What members of a shared subscription are given.
import type { Program, Step } from '../../../play/program.ts';
import {
  arrives,
  COLLECT,
  connect,
  disconnect,
  drop,
  inBoth,
  lasting,
  pass,
  programOf,
  publish,
  SETTLE,
  subscribe,
} from './steps.ts';

const unsubscribe = (d: string, filter: string): Step => ({ op: 'unsubscribe', d, filter });

const SHARED = '$share/{t}/{t}/s';

const members = (version: 4 | 5, ds: readonly string[], qos = 1): readonly Step[] =>
  ds.flatMap((d) => [connect(d, lasting(version)), subscribe(d, { qos, filter: SHARED })]);

const shared = { topic: '{t}/s' } as const;

/** Members leave, all are away, what comes meanwhile waits for them, and they come back. */
const allGoAway = (version: 4 | 5, qos: number, leaves: (d: string) => Step): readonly Step[] => [
  ...members(version, ['m1', 'm2'], qos),
  connect('p', { version }),
  publish('p', { ...shared, qos, count: 4 }),
  SETTLE,
  leaves('m1'),
  publish('p', { ...shared, qos, count: 2 }),
  leaves('m2'),
  pass(100),
  publish('p', { ...shared, qos, count: 10 }),
  connect('m2', lasting(version)),
  connect('m1', lasting(version)),
  SETTLE,
  publish('p', { ...shared, qos, count: 4 }),
  SETTLE,
  pass(1_500),
];

export const SHARED_PROGRAMS: readonly Program[] = [
  ...inBoth('shared-by-three', (version) => [
    ...members(version, ['m1', 'm2', 'm3']),
    connect('p', { version }),
    publish('p', { ...shared, qos: 1, count: 30 }),
    publish('p', { ...shared, qos: 0, count: 6 }),
    publish('p', { ...shared, qos: 2, count: 6 }),
    SETTLE,
    disconnect('m1'),
    publish('p', { ...shared, qos: 1, count: 10 }),
    SETTLE,
    unsubscribe('m2', SHARED),
    publish('p', { ...shared, qos: 1, count: 10 }),
    SETTLE,
    COLLECT,
  ]),
  ...[1, 2].flatMap((qos) => [
    ...inBoth(`shared-of-qos-${qos}-and-all-drop`, (version) => allGoAway(version, qos, drop)),
    ...inBoth(`shared-of-qos-${qos}-and-all-disconnect`, (version) => allGoAway(version, qos, disconnect)),
  ]),
  programOf('shared-beside-plain', [
    connect('m', lasting(5)),
    subscribe('m', { qos: 1, filter: SHARED }),
    connect('s'),
    subscribe('s', { qos: 2, filter: '{t}/#' }),
    connect('p'),
    publish('p', { ...shared, qos: 2, count: 5 }),
    COLLECT,
    arrives('m', 5),
    SETTLE,
  ]),
];
