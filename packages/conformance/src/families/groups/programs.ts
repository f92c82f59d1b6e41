import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { SESSIONS } from './member-clauses.ts';

/** Longer than anything that follows from a change may take. */
const SETTLED: Step = { op: 'live', ms: 2_500 };

const program = (name: string, steps: readonly Step[], rest: Partial<Program> = {}): Program => ({
  family: 'groups',
  name,
  role: 'broker',
  ...rest,
  steps,
});

const topic = (queues: number, name = '~t'): Step => ({ op: 'topic', topic: name, queues });
const join = (m: string, rest: JsonObject = {}): Step => ({ op: 'join', g: '~g', m, ...rest });
const by = (op: string, m: string, rest: JsonObject = {}): Step => ({ op, g: '~g', m, ...rest });
const describe: Step = { op: 'describe', g: '~g' };
const ask = (frame: string, header: JsonObject): Step => ({ op: 'ask', frame, header });
const live = (ms: number): Step => ({ op: 'live', ms });

const KILLED = { alone: true, needs: ['kill'] } as const;
const CUT = { alone: true, needs: ['powerloss'] } as const;
const STOPPED = { alone: true, needs: ['stop'] } as const;
const VIRTUAL = { timing: 'virtual' } as const;

const heartbeat = (group: string, header: JsonObject = {}, subscription: JsonObject = {}): Step =>
  ask('CLIENT_HEARTBEAT', {
    group,
    member: 'x',
    revision: 1,
    subscription: { topics: [{ topic: '~t' }], ...subscription },
    ...header,
  });

/** Members come and go; everybody is asked at the end what it counts. */
const divide = (name: string, queues: number, rest: JsonObject): Program =>
  program(name, [
    topic(queues),
    join('a', { label: 'z', ...rest }),
    SETTLED,
    join('b', { label: 'y', ...rest }),
    SETTLED,
    join('c', { label: 'z', ...rest }),
    SETTLED,
    by('beat', 'a'),
    by('beat', 'b'),
    by('leave', 'b'),
    SETTLED,
    by('beat', 'c'),
    describe,
    SETTLED,
  ]);

const DIVISION: readonly Program[] = [
  divide('members-divide-five-queues', 5, {}),
  divide('members-divide-by-circle', 8, { strategy: 1 }),
  divide('members-divide-and-stick', 7, { strategy: 2 }),
  program('more-members-than-queues', [
    topic(2),
    ...['a', 'b', 'c'].map((m) => join(m)),
    SETTLED,
    describe,
    by('beat', 'c'),
    by('leave', 'a'),
    SETTLED,
    by('beat', 'c'),
    SETTLED,
  ]),
  program('two-topics-of-different-width', [
    topic(3),
    topic(1, '~u'),
    join('b', { topics: ['~t', '~u'] }),
    join('a', { topics: ['~u', '~t'] }),
    SETTLED,
    by('beat', 'a'),
    by('beat', 'b'),
    SETTLED,
  ]),
  program('queues-are-added-to-a-topic', [
    topic(2),
    { op: 'fill', queue: 0, count: 3 },
    join('a'),
    join('b'),
    SETTLED,
    by('pullHeld', 'a'),
    by('commitHeld', 'a'),
    { op: 'grow', by: 3 },
    { op: 'fill', queue: 4, count: 2 },
    SETTLED,
    by('beat', 'a'),
    describe,
    by('pullHeld', 'b'),
    by('commitHeld', 'b'),
    SETTLED,
  ]),
];

const LIFETIMES: readonly Program[] = [
  program('a-member-leaves', [
    topic(4),
    { op: 'fill', queue: 0, count: 3 },
    join('a'),
    join('b'),
    SETTLED,
    by('pullHeld', 'a'),
    by('remember', 'a'),
    by('leave', 'a'),
    by('useRemembered', 'a'),
    describe,
    by('beat', 'a'),
    by('leave', 'a'),
    by('release', 'a'),
    SETTLED,
    by('beat', 'b'),
    SETTLED,
  ]),
  program('a-member-leaves-without-a-word-of-what-it-held', [
    topic(4),
    join('a'),
    live(500),
    by('remember', 'a'),
    by('leave', 'a', { silent: true }),
    by('useRemembered', 'a'),
    join('b'),
    SETTLED,
    describe,
  ]),
  program('a-member-with-a-short-session-is-silent', [
    topic(4),
    join('a', { session: SESSIONS.least }),
    join('b', { session: SESSIONS.least }),
    SETTLED,
    by('habits', 'a', { beats: false, releases: false }),
    live(800),
    by('beat', 'a'),
    live(4_000),
    by('beat', 'a'),
    by('beat', 'b'),
    SETTLED,
  ]),
  program(
    'a-member-is-silent-for-the-session-of-the-broker',
    [
      topic(4),
      join('a'),
      join('b'),
      SETTLED,
      by('beat', 'a'),
      by('habits', 'a', { beats: false, releases: false }),
      live(9_900),
      by('beat', 'a'),
      live(10_100),
      by('beat', 'a'),
      SETTLED,
    ],
    VIRTUAL,
  ),
  program('a-connection-is-lost', [
    topic(4),
    join('a'),
    join('b'),
    SETTLED,
    by('lose', 'a'),
    live(500),
    by('beat', 'a'),
    by('lose', 'a', { stays: true }),
    live(6_500),
    by('beat', 'a'),
    SETTLED,
  ]),
  program('a-member-moves-to-another-connection', [
    topic(4),
    join('a'),
    live(2_100),
    by('move', 'a'),
    by('beat', 'a'),
    join('b'),
    SETTLED,
    by('beat', 'a', { header: { generation: 0 } }),
    by('beat', 'a', { header: { generation: 1 } }),
  ]),
  program('who-is-not-known', [
    topic(2),
    ask('CLIENT_HEARTBEAT', { group: '~g', member: 'x', revision: 1 }),
    join('a'),
    ask('CLIENT_HEARTBEAT', { group: '~g', member: 'x', revision: 1 }),
    by('beat', 'a', { header: { revision: 77 } }),
    by('beat', 'a'),
    ...['RELEASE', 'LEAVE'].flatMap((frame) => [
      ask(frame, { group: '~nobody', member: 'a', offsets: [{ topic: '~t', offset: 0, leaseEpoch: 1 }] }),
      ask(frame, {
        group: '~g',
        member: 'x',
        offsets: [
          { topic: '~t', offset: 0, leaseEpoch: 1 },
          { topic: '~t', queue: 1 },
        ],
      }),
    ]),
  ]),
  program('sessions-at-the-edges', [
    topic(1),
    ...[SESSIONS.least - 1, SESSIONS.least, SESSIONS.most, SESSIONS.most + 1].map((sessionMs) =>
      heartbeat(`~g${sessionMs}`, { sessionMs }),
    ),
    heartbeat('~g', { sessionMs: 1 }),
    ask('LEAVE', { group: `~g${SESSIONS.most}`, member: 'x' }),
  ]),
  program(
    'the-group-is-full',
    [topic(4), ...['a', 'b', 'c'].map((m) => join(m)), by('leave', 'a'), join('c'), heartbeat('~h'), heartbeat('~i')],
    {
      alone: true,
      needs: ['settings'],
      setup: { broker: { groups: { membersPerGroupMax: 2, groupsMax: 2 } } },
    },
  ),
];

const GIVING: readonly Program[] = [
  program('a-queue-is-released-without-being-asked', [
    topic(3),
    join('a'),
    join('b'),
    SETTLED,
    by('remember', 'a'),
    by('release', 'a'),
    by('useRemembered', 'a'),
    SETTLED,
    by('pullHeld', 'a'),
    SETTLED,
  ]),
  program('queues-of-others-are-released', [
    topic(4),
    join('a'),
    join('b'),
    SETTLED,
    by('release', 'a', { as: 'b' }),
    by('release', 'a', { epoch: 5_000_000_000_000 }),
    by('release', 'a', { epoch: 0 }),
    by('release', 'b'),
    by('release', 'b'),
    SETTLED,
  ]),
  program('a-final-offset-is-out-of-range', [
    topic(2),
    join('a'),
    live(500),
    by('remember', 'a'),
    by('release', 'a', { offset: 2_000_000_000 }),
    by('beat', 'a'),
    by('useRemembered', 'a'),
    SETTLED,
  ]),
  program('a-reset-takes-the-lease', [
    topic(2),
    { op: 'fill', queue: 0, count: 4 },
    join('a'),
    live(500),
    by('pullHeld', 'a'),
    by('commitHeld', 'a'),
    by('remember', 'a'),
    ask('GROUP_RESET', { group: '~g', to: 0 }),
    by('useRemembered', 'a'),
    SETTLED,
    by('pullHeld', 'a'),
  ]),
  program(
    'a-member-does-not-release',
    [
      topic(4),
      join('a', { session: 60_000 }),
      SETTLED,
      by('habits', 'a', { releases: false }),
      join('b', { session: 60_000 }),
      live(29_000),
      by('remember', 'a'),
      describe,
      live(4_000),
      by('useRemembered', 'a'),
      describe,
      SETTLED,
    ],
    VIRTUAL,
  ),
  program('a-lease-does-not-turn-back', [
    topic(4),
    join('a'),
    SETTLED,
    by('habits', 'a', { releases: false }),
    join('b'),
    live(300),
    describe,
    live(200),
    by('leave', 'b'),
    live(500),
    by('beat', 'a', { header: { generation: 0 } }),
    by('habits', 'a'),
    SETTLED,
    SETTLED,
  ]),
];

const SUBSCRIPTIONS: readonly Program[] = [
  program('subscriptions-differ', [
    topic(4),
    topic(2, '~u'),
    join('a', { topics: [{ topic: '~t', filter: 'x||y' }, '~u'] }),
    join('b', { topics: ['~u', { topic: '~t', filter: ' y || x' }] }),
    SETTLED,
    join('c', { topics: ['~t', '~u'] }),
    join('c', { topics: [{ topic: '~t', filter: 'x||y' }, '~u'], strategy: 1 }),
    join('c', { topics: [{ topic: '~t', filter: 'x||y' }] }),
    join('d', { topics: ['~t'], version: 2 }),
    SETTLED,
    describe,
    by('beat', 'a'),
    by('beat', 'b', { tells: true }),
    join('e', { topics: [{ topic: '~t', filter: 'x||y' }, '~u'] }),
    SETTLED,
    by('leave', 'a'),
    by('leave', 'b'),
    SETTLED,
    describe,
  ]),
  program('subscriptions-that-make-no-sense', [
    topic(1),
    heartbeat('~g1', {}, { topics: [{ topic: '~t' }, { topic: '~t', filter: 'x' }] }),
    heartbeat('~g2', {}, { topics: [] }),
    heartbeat('~g3', {}, { topics: [{ topic: 'no name' }] }),
    heartbeat('~g4', {}, { topics: [{ topic: '~t', filter: '||' }] }),
    heartbeat('~g5', {}, { from: 3 }),
    heartbeat('~g6', {}, { kind: 2 }),
    heartbeat('~g7', {}, { kind: 1, topics: [] }),
  ]),
  program('kinds-differ', [
    topic(1),
    heartbeat('~assigned'),
    heartbeat('~assigned', { member: 'y' }, { kind: 1 }),
    { op: 'describe', g: '~assigned' },
    heartbeat('~free', {}, { kind: 1 }),
    heartbeat('~free', { member: 'y' }),
    ask('OFFSET_COMMIT', { group: '~committed', kind: 1, offsets: [{ topic: '~t' }] }),
    heartbeat('~committed'),
    { op: 'describe', g: '~committed' },
    ask('OFFSET_COMMIT', { group: '~shared', kind: 2, offsets: [{ topic: '~t' }] }),
  ]),
];

const fetch: Step = ask('OFFSET_FETCH', { group: '~g', queues: [0, 1, 2, 3].map((queue) => ({ topic: '~t', queue })) });

/** A member gives queues back, and as soon as that is answered the broker dies. */
const givenBefore = (gives: 'release' | 'leave', dies: 'kill' | 'powerloss'): Step[] => [
  topic(4),
  ...[0, 1, 2, 3].map((queue): Step => ({ op: 'fill', queue, count: 3 })),
  join('a'),
  live(500),
  by('pullHeld', 'a'),
  by(gives, 'a'),
  { op: dies },
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
      { op: 'kill' },
      live(500),
      join('c'),
      SETTLED,
      by('beat', 'a', { header: { generation: 0 } }),
      by('pullHeld', 'a'),
      describe,
    ],
    KILLED,
  ),
  program(
    'the-broker-is-killed-and-a-member-stays-away',
    [
      topic(4),
      join('a'),
      join('b'),
      SETTLED,
      by('habits', 'b', { beats: false, releases: false }),
      { op: 'kill' },
      live(500),
      describe,
      { op: 'grow', by: 4 },
      live(1_000),
      by('release', 'a'),
      live(1_000),
      describe,
      live(10_000),
      SETTLED,
      describe,
      SETTLED,
    ],
    { ...KILLED, ...VIRTUAL },
  ),
  program(
    'the-broker-stops-and-its-members-come-back',
    [
      topic(4),
      join('a', { session: 1_500 }),
      join('b', { session: 1_500 }),
      SETTLED,
      { op: 'restart' },
      SETTLED,
      by('beat', 'a', { header: { generation: 0 } }),
      by('commitHeld', 'b'),
    ],
    STOPPED,
  ),
  program(
    'the-power-fails-when-a-lease-is-told',
    [topic(4), join('a', { wait: false }), by('awaitTold', 'a', { leases: 1 }), { op: 'powerloss' }, live(500)],
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

export const PROGRAMS: readonly Program[] = [...DIVISION, ...LIFETIMES, ...GIVING, ...SUBSCRIPTIONS, ...RESTARTS, ...CLUSTERS];
