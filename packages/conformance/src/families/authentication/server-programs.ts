import { AuthMechanism, LIMITS } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { requestOf, servedBy } from '../authorization/requests.ts';
import { SERVERS } from '../connection/circumstances.ts';
import { ANN, ASKED, as, BOB, both, CERT, FENCE, GONE, pass, ROOT, say } from './people.ts';

const HEAD_BYTES = 12;
const ping = (bytes: number, more: JsonObject = {}): Step => ({
  op: 'request',
  frame: 'PING',
  payload: { zeros: bytes - HEAD_BYTES },
  ...more,
});

/** The subject ends the first `count` connections. */
const allGone = (count: number): readonly Step[] => Array.from({ length: count }, (_, c) => ({ op: 'awaitClose', c }));

/** What has no place before AUTH_OK, each on a connection of its own, and what has. */
const BEFORE: readonly Program[] = SERVERS.flatMap((role) => {
  const names = { topic: '~early', group: '~early', broker: '~early' };
  const frames = servedBy(role);
  return both('frames-before-auth', [
    ...frames.flatMap((frame) => [ASKED, requestOf(frame, names, { withinMs: 2_000 })]),
    ...allGone(frames.length),
    ASKED,
    { op: 'frame', type: 0x3a5a, wait: true },
    GONE,
    ASKED,
    { ...requestOf(frames[0] ?? 'PING', names), op: 'oneWay' },
    GONE,
    ASKED,
    FENCE,
    { op: 'oneWay', frame: 'GOAWAY', header: { code: 1, message: 'the kit leaves', graceMs: 10 } },
    FENCE,
    { op: 'login', user: 'ann' },
    FENCE,
    as('root'),
    role === 'broker'
      ? requestOf('TOPIC_DESCRIBE', names)
      : { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~early'] } },
  ]).filter((program) => program.role === role);
});

const FIRST_MESSAGES: readonly string[] = [
  'p=tls-exporter,,n=ann,r=a-nonce-of-the-kit-itself',
  'n,a=root,n=ann,r=a-nonce-of-the-kit-itself',
  'n,,m=more,n=ann,r=a-nonce-of-the-kit-itself',
  'n,,n=ann,r=a-nonce-of-the-kit-itself,x=more',
  'n,,r=a-nonce-of-the-kit-itself,n=ann',
  'n,,n=a=nn,r=a-nonce-of-the-kit-itself',
  'x,,n=ann,r=a-nonce-of-the-kit-itself',
  'n,,n=ann,r=',
  'n=ann',
  '',
];

const TWISTS: readonly JsonObject[] = [
  { finalNonce: 'kit-nonce' },
  { finalNonce: '$x' },
  { finalNonce: 'another-nonce-of-the-kit' },
  { channel: 'y,,' },
  { channel: '' },
  { gs2: 'y,,', channel: 'n,,' },
  { middle: ',x=more' },
  { end: ',x=more' },
  { proof: '' },
  { proof: '00' },
  { proof: '00'.repeat(32) },
];

const WRONG: readonly Program[] = [
  ...both('first-messages-that-are-none', [
    as('ann'),
    ...FIRST_MESSAGES.flatMap((message) => [ASKED, say(message, { wait: false })]),
    ...FIRST_MESSAGES.map((_, i) => ({ op: 'awaitClose', c: i + 1 })),
    { op: 'fence', c: 0 },
  ]),
  ...both('last-messages-that-are-none', [
    as('ann'),
    ...TWISTS.flatMap((twist) => [ASKED, { op: 'login', user: 'ann', twist, wait: false }]),
    ...TWISTS.map((_, i) => ({ op: 'awaitClose', c: i + 1 })),
    ASKED,
    { op: 'login', user: 'ann', twist: { gs2: 'y,,' } },
    FENCE,
  ]),
  ...both('guesses', [
    as('ann'),
    ...[
      { user: 'ann', password: 'Correct horse' },
      { user: 'nobody' },
      { user: 'nobody' },
      { user: 'somebody', password: 'correct horse' },
      { user: 'plain', password: 'x' },
      { user: 'plain', password: 'correct horse' },
      { user: 'cert', password: 'x' },
      { user: 'a=b,c', password: 'x' },
    ].flatMap((guess) => [ASKED, { op: 'login', wait: false, ...guess }]),
    ...Array.from({ length: 8 }, (_, i) => ({ op: 'awaitClose', c: i + 1 })),
    { op: 'fence', c: 0 },
  ]),
  ...both('nothing-is-heard-meanwhile', [
    as('ann'),
    ASKED,
    { op: 'login', user: 'ann', password: 'x', wait: false },
    { op: 'request', frame: 'PING', wait: false },
    say('n,,n=ann,r=a-nonce-of-the-kit-itself', { wait: false }),
    GONE,
  ]),
  ...both('mechanisms', [
    as('ann'),
    ASKED,
    { op: 'request', frame: 'AUTH', header: { mechanism: AuthMechanism.EXTERNAL }, wait: false },
    ASKED,
    say('n,,n=ann,r=a-nonce-of-the-kit-itself'),
    { op: 'request', frame: 'AUTH', header: { mechanism: AuthMechanism.EXTERNAL }, wait: false },
    { op: 'awaitClose', c: 1 },
    { op: 'awaitClose', c: 2 },
  ]),
];

const showing = (...names: readonly string[]): readonly Step[] => [
  { ...ASKED, certificate: names },
  { op: 'request', frame: 'AUTH', header: { mechanism: AuthMechanism.EXTERNAL }, withinMs: 5_000 },
];

/** Users are changed while they are there: only what differs from before is told. */
const changing = (name: string, users: readonly JsonObject[]): readonly Program[] =>
  both(
    name,
    [as('ann'), as('bob'), as('root'), { op: 'users', users: [...users] }, pass(1_500), as('ann'), FENCE, as('bob'), FENCE],
    {
      alone: true,
    },
  );

const others = [BOB, ROOT, CERT];

const CHANGES: readonly Program[] = [
  ...changing('a-user-is-removed', others),
  ...changing('a-password-changes', [{ ...ANN, password: 'another one' }, ...others]),
  ...changing('roles-change', [{ ...ANN, roles: ['client', 'admin'] }, ...others]),
  ...changing('rights-change', [{ ...ANN, permissions: ['read topic:*'] }, ...others]),
  ...changing('limits-change', [{ ...ANN, requestsPerSecond: 1_000 }, ...others]),
  ...both(
    'an-old-password-is-of-no-use',
    [
      as('ann'),
      { op: 'users', users: [{ ...ANN, password: 'another one' }, ...others] },
      ASKED,
      { op: 'login', user: 'ann', password: ANN.password },
      as('ann'),
      FENCE,
    ],
    { alone: true },
  ),
];

export const SERVER_PROGRAMS: readonly Program[] = [
  ...both('logs-in', [as('ann'), FENCE, as('root'), FENCE, as('ann'), FENCE, as('bob'), FENCE]),
  ...both('hello-without-auth', [
    as('ann'),
    { op: 'open' },
    GONE,
    { op: 'open', hello: { features: [27, 58] } },
    GONE,
    { op: 'open', hello: { requiredFeatures: [1] } },
    { op: 'login', user: 'ann' },
    FENCE,
  ]),
  ...BEFORE,
  ...both('long-frames-before-auth', [
    ASKED,
    ping(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX),
    ping(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX + 1, { withinMs: 2_000 }),
    GONE,
    ASKED,
    say('n,,n=ann,r=a-nonce-of-the-kit-itself', { payload: { zeros: 20_000 }, withinMs: 2_000 }),
    GONE,
    as('ann'),
    ping(20_000),
  ]),
  ...both('too-late', [
    as('ann'),
    ASKED,
    ASKED,
    pass(LIMITS.AUTH_DEADLINE_MS - 1_500),
    { op: 'fence', c: 1 },
    { ...say('n,,n=ann,r=a-nonce-of-the-kit-itself'), c: 2 },
    { op: 'awaitClose', c: 1 },
    { op: 'awaitClose', c: 2 },
    { op: 'fence', c: 0 },
  ]),
  ...WRONG,
  ...both('auth-again', [
    as('ann'),
    say('n,,n=ann,r=a-nonce-of-the-kit-itself', { withinMs: 2_000 }),
    GONE,
    as('ann'),
    { op: 'request', frame: 'AUTH', header: { mechanism: AuthMechanism.EXTERNAL }, withinMs: 2_000 },
    GONE,
  ]),
  ...both(
    'certificates',
    [
      ...showing('cert'),
      FENCE,
      ...showing('someone.example', 'cert'),
      FENCE,
      ...showing('plain'),
      GONE,
      ...showing('nobody'),
      GONE,
      ...showing('ann'),
      GONE,
      { ...ASKED, certificate: ['cert'] },
      { op: 'login', user: 'ann' },
      FENCE,
    ],
    { timing: 'virtual' },
  ),
  ...CHANGES,
];
