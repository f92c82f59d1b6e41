import type { Program, Step } from '../../play/program.ts';
import { by, CUT, describe, fetch, join, KILLED, live, program, SETTLED, STOPPED, topic, VIRTUAL } from './program-steps.ts';

/** Of two members one does not come back after a restart, and its broker has queues for it. */
const whileAway = (): Step[] => [
  topic(4),
  join('a'),
  join('b'),
  SETTLED,
  by('habits', 'b', { beats: false, releases: false }),
  { op: 'die' },
  live(500),
  describe,
  { op: 'grow', by: 4 },
  live(1_000),
  by('release', 'a'),
  live(1_000),
  describe,
];

/** A member gives queues back, and as soon as that is answered the broker dies. */
const givenBefore = (gives: 'release' | 'leave', dies: 'kill' | 'powerloss'): Step[] => [
  topic(4),
  ...[0, 1, 2, 3].map((queue): Step => ({ op: 'fill', queue, count: 3 })),
  join('a'),
  live(500),
  by('pullHeld', 'a'),
  by(gives, 'a'),
  { op: 'die', how: dies },
  join('a'),
  live(500),
  fetch,
];

const RESTARTS: readonly Program[] = [
  program(
    'the-broker-is-killed-and-its-members-come-back',
    [
      topic(4),
      join('a'),
      join('b'),
      SETTLED,
      { op: 'die' },
      live(500),
      join('c'),
      SETTLED,
      by('beat', 'a', { header: { generation: 0 } }),
      by('pullHeld', 'a'),
      describe,
    ],
    KILLED,
  ),
  program('queues-are-added-while-a-member-stays-away', whileAway(), KILLED),
  program('the-broker-is-killed-and-a-member-stays-away', [...whileAway(), live(10_000), SETTLED, describe, SETTLED], {
    ...KILLED,
  }),
  program(
    'the-broker-stops-and-its-members-come-back',
    [
      topic(4),
      join('a', { session: 1_500 }),
      join('b', { session: 1_500 }),
      SETTLED,
      { op: 'die', how: 'stop' },
      SETTLED,
      by('beat', 'a', { header: { generation: 0 } }),
      by('commitHeld', 'b'),
    ],
    STOPPED,
  ),
  program(
    'the-power-fails-when-a-lease-is-told',
    [topic(4), join('a', { wait: false }), by('awaitTold', 'a', { leases: 1 }), { op: 'die', how: 'powerloss' }, live(500)],
    CUT,
  ),
  program('the-broker-is-killed-when-a-release-is-answered', givenBefore('release', 'kill'), KILLED),
  program('the-power-fails-when-a-release-is-answered', givenBefore('release', 'powerloss'), CUT),
  program('the-power-fails-when-a-leave-is-answered', givenBefore('leave', 'powerloss'), CUT),
];

/** Other brokers, of the kit, at a NameServer of the kit at which the subject registers. */
const CLUSTER = {
  setup: { kit: { nameServers: 1, brokers: 2, topics: [{ topic: 't', queues: 3 }] } },
  needs: ['register'],
} as const;

const CLUSTERS: readonly Program[] = [
  program(
    'queues-of-other-brokers-count',
    [
      topic(4),
      join('a', { label: 'z' }),
      join('b', { label: 'y' }),
      join('c', { label: 'x' }),
      SETTLED,
      by('beat', 'a'),
      by('beat', 'b'),
      by('leave', 'a'),
      SETTLED,
      by('beat', 'b'),
      SETTLED,
    ],
    CLUSTER,
  ),
  program(
    'queues-of-a-vanished-broker-count-for-a-while',
    [
      topic(4),
      join('a', { session: 600_000 }),
      join('b', { session: 600_000 }),
      SETTLED,
      { op: 'killBroker', broker: 0 },
      live(70_000),
      by('beat', 'a'),
      live(50_000),
      by('beat', 'a'),
      live(20_000),
      by('beat', 'a'),
      SETTLED,
    ],
    { ...CLUSTER, ...VIRTUAL },
  ),
];

/** The broker dies and comes back; other brokers have queues of the same topic. */
export const BROKER_PROGRAMS: readonly Program[] = [...RESTARTS, ...CLUSTERS];
