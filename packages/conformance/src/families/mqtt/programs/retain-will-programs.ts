// Retained messages and wills.
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
  ping,
  programOf,
  publish,
  SETTLE,
  subscribe,
} from './steps.ts';

/** Nothing of a program stays at a server that goes on. */
const forgotten = (...topics: readonly string[]): readonly Step[] => [
  // Until nothing more can come.
  pass(1_500),
  connect('cleaner'),
  ...topics.map((topic) => publish('cleaner', { topic, qos: 1, retain: true, body: '' })),
];

const R = '{t}/r';
const ALL = '{t}/#';
const retain = (fields: object = {}): Step => publish('p', { topic: R, qos: 1, retain: true, ...fields });
/** A new device that subscribes, and time for what comes of it. */
const looks = (d: string, fields: object = {}, version = 5): readonly Step[] => [
  connect(d, { version }),
  subscribe(d, { filter: ALL, qos: 1, ...fields }),
  SETTLE,
];

/** A device with a will, and one that waits for it. */
const withWill = (version: number, will: object, of: object = {}): readonly Step[] => [
  connect('s', { version }),
  subscribe('s', { filter: '{t}/will', qos: 1 }),
  connect('w', { version, will: { topic: '{t}/will', qos: 1, ...will }, ...of }),
];

/** Until a will has come, or has not. */
const WILL_MS = 3_000;

export const RETAIN_WILL_PROGRAMS: readonly Program[] = [
  ...inBoth('retained', (version) => [
    connect('p', { version }),
    retain(),
    ...looks('a', {}, version),
    retain(),
    publish('p', { topic: R, qos: 1 }),
    ...looks('b', {}, version),
    retain({ body: '' }),
    ...looks('c', {}, version),
    retain({ qos: 2 }),
    retain({ topic: '{t}/other' }),
    ...looks('d', { filter: '{t}/+' }, version),
    ...forgotten(R, '{t}/other'),
  ]),
  programOf('retain-handling', [
    connect('p'),
    retain(),
    connect('a'),
    subscribe('a', { filter: ALL, qos: 1, retainHandling: 1 }),
    SETTLE,
    subscribe('a', { filter: ALL, qos: 1, retainHandling: 1 }),
    SETTLE,
    subscribe('a', { filter: ALL, qos: 1, retainHandling: 0 }),
    SETTLE,
    subscribe('a', { filter: R, qos: 1, retainHandling: 2 }),
    SETTLE,
    ...looks('b', { retainHandling: 2 }),
    ping('a'),
    ...forgotten(R),
  ]),
  programOf('retain-as-published', [
    connect('a'),
    subscribe('a', { filter: ALL, qos: 1 }),
    connect('b'),
    subscribe('b', { filter: ALL, qos: 1, retainAsPublished: true }),
    connect('p'),
    retain(),
    publish('p', { topic: R, qos: 1 }),
    COLLECT,
    ...forgotten(R),
  ]),
  programOf('retained-for-a-resumed-session', [
    connect('a', lasting(5)),
    subscribe('a', { filter: ALL, qos: 1, retainHandling: 1 }),
    disconnect('a'),
    connect('p'),
    retain(),
    connect('a', lasting(5)),
    COLLECT,
    subscribe('a', { filter: ALL, qos: 1, retainHandling: 1 }),
    SETTLE,
    ping('a'),
    ...forgotten(R),
  ]),
  programOf('retained-with-properties', [
    connect('p'),
    retain({
      contentType: 'a/b',
      correlation: 'ff',
      responseTopic: '{t}/x',
      user: [
        ['b', '1'],
        ['a', '2'],
        ['b', '2'],
      ],
      format: 1,
      expiry: 600,
    }),
    ...looks('a'),
    ...forgotten(R),
  ]),
  programOf('retained-not-for-shared', [
    connect('p'),
    retain(),
    connect('a'),
    subscribe('a', { filter: '$share/{t}/{t}/#', qos: 1 }),
    SETTLE,
    ping('a'),
    ...forgotten(R),
  ]),
  ...inBoth('will-of-a-dropped-link', (version) => [...withWill(version, {}), drop('w'), arrives('s'), pass(WILL_MS), ping('s')]),
  ...inBoth('will-discarded', (version) => [...withWill(version, {}), disconnect('w'), pass(WILL_MS), ping('s')]),
  programOf('will-by-disconnect-4', [...withWill(5, {}), disconnect('w', { reason: 4 }), arrives('s'), pass(WILL_MS), ping('s')]),
  ...inBoth('will-of-a-link-taken-over', (version) => [
    ...withWill(version, {}, { id: 'w' }),
    connect('w2', { version, id: 'w' }),
    arrives('s'),
    pass(WILL_MS),
    ping('s'),
  ]),
  ...inBoth('will-of-a-silent-device', (version) => [
    ...withWill(version, {}, { keepAlive: 1 }),
    { op: 'awaitPackets', d: 's', withinMs: 6_000 },
    pass(2_500),
    ping('s'),
  ]),
  ...inBoth('will-retained', (version) => [
    ...withWill(version, { retain: true }),
    drop('w'),
    arrives('s'),
    SETTLE,
    ...looks('late', { filter: '{t}/will' }, version),
    pass(1_500),
    ...forgotten('{t}/will'),
  ]),
  programOf('will-not-retained', [
    ...withWill(5, {}),
    drop('w'),
    arrives('s'),
    SETTLE,
    ...looks('late', { filter: '{t}/will' }),
    pass(1_500),
  ]),
  programOf('will-with-a-delay', [
    ...withWill(5, { delay: 2 }, { ...lasting(5) }),
    drop('w'),
    { op: 'awaitPackets', d: 's', withinMs: 8_000 },
    pass(WILL_MS),
    ping('s'),
  ]),
  programOf('will-whose-device-is-back', [
    ...withWill(5, { delay: 3 }, lasting(5)),
    drop('w'),
    pass(500),
    connect('w', lasting(5)),
    pass(6_000),
    ping('s'),
  ]),
  programOf('will-delay-beyond-the-session', [
    ...withWill(5, { delay: 30 }),
    drop('w'),
    { op: 'awaitPackets', d: 's', withinMs: 6_000 },
    pass(WILL_MS),
    ping('s'),
  ]),
  programOf('will-with-properties', [
    ...withWill(5, {
      contentType: 'a/b',
      correlation: 'ff',
      responseTopic: '{t}/x',
      user: [
        ['z', '1'],
        ['b', '1'],
        ['a', '2'],
      ],
      format: 1,
    }),
    drop('w'),
    arrives('s'),
    pass(1_000),
  ]),
];
