import type { Program, Step } from '../../play/program.ts';
import { typeOf } from './hex.ts';
import { AWAIT_CLOSE, FENCE, OPEN, programFor, STORE } from './steps.ts';

const MORE = 0x10;

const topic = (name: string, queues = 1) => ({ topic: name, queues });
const register = (header: Step['header'], more: Partial<Step> = {}): Step =>
  ({ op: 'request', frame: 'REGISTER_BROKER', header, ...more }) as Step;
/** A frame that goes on. */
const begin = (header: Step['header'], correlation: number): Step =>
  register(header, { flags: ['MORE'], correlation, wait: false });
const query = (c: number, ...topics: string[]): Step => ({ op: 'request', c, frame: 'ROUTE_QUERY', header: { topics } });
const beat = (term: number, revision: number): Step => ({
  op: 'request',
  frame: 'BROKER_HEARTBEAT',
  header: { broker: '~b', storeId: STORE, term, revision },
});

const HEAD = { broker: '~b', storeId: STORE, term: 5, revision: 9, topics: [topic('~one', 3)] };
const SMALL = { op: 'open', hello: { frameBytesMax: 16_384 } } as const;

const NAME_SERVER_PROGRAMS: readonly Program[] = [
  programFor('nameserver', 'joined-registration', [
    OPEN,
    OPEN,
    { ...begin(HEAD, 101), c: 0 },
    { op: 'fence', c: 0 },
    query(1, '~one', '~two', '~three'),
    { ...begin({ term: 77, revision: 78, topics: [topic('~two', 2)] }, 101), c: 0 },
    { op: 'fence', c: 0 },
    query(1, '~one', '~two', '~three'),
    { ...register({ topics: [topic('~three', 1)] }, { correlation: 101 }), c: 0 },
    query(1, '~one', '~two', '~three'),
    { ...beat(5, 9), c: 0 },
    { ...beat(77, 78), c: 0 },
  ]),
  programFor('nameserver', 'joined-registration-broken-off', [
    OPEN,
    OPEN,
    { ...begin(HEAD, 101), c: 0 },
    { ...begin({ topics: [topic('~two', 2)] }, 101), c: 0 },
    { op: 'fence', c: 0 },
    { op: 'close', c: 0, reset: true },
    query(1, '~one', '~two'),
  ]),
  programFor('nameserver', 'as-many-joined-frames-as-are-allowed', [OPEN, { op: 'register', frames: 256 }, FENCE]),
  programFor('nameserver', 'too-many-joined-frames', [OPEN, { op: 'register', frames: 257 }, AWAIT_CLOSE]),
  programFor('nameserver', 'request-between-joined-frames', [
    OPEN,
    begin(HEAD, 101),
    FENCE,
    { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~one'] }, wait: false },
    AWAIT_CLOSE,
  ]),
  programFor('nameserver', 'joined-registration-refused', [
    OPEN,
    begin({ ...HEAD, topics: [{ queues: 1 }] }, 101),
    begin({ topics: [topic('~two')] }, 101),
    register({ topics: [topic('~two')] }, { correlation: 101 }),
    FENCE,
    { op: 'request', frame: 'PING', correlation: 101 },
    begin(HEAD, 103),
    begin({ topics: [{ queues: 1 }] }, 103),
    FENCE,
    register({ topics: [topic('~two')] }, { correlation: 103, wait: false }),
    FENCE,
    query(0, '~one', '~two'),
  ]),
  programFor('nameserver', 'more-where-it-may-not-be', [
    OPEN,
    { op: 'request', frame: 'ROUTE_QUERY', header: { topics: ['~one'] }, flags: ['MORE'], wait: false },
    AWAIT_CLOSE,
  ]),
  programFor('nameserver', 'more-where-it-may-not-be-and-a-missing-field', [
    OPEN,
    { op: 'frame', type: typeOf('BROKER_HEARTBEAT'), flags: [MORE] },
    AWAIT_CLOSE,
  ]),
  programFor('nameserver', 'routes-for-a-client-of-short-frames', [
    OPEN,
    { op: 'register', topics: 500, topic: `~${'t'.repeat(60)}` },
    SMALL,
    { op: 'request', frame: 'ROUTE_QUERY', header: { all: true } },
    FENCE,
  ]),
  programFor('nameserver', 'updates-for-a-client-of-short-frames', [
    SMALL,
    { op: 'watch', topics: 400, topic: `~${'t'.repeat(30)}` },
    OPEN,
    { op: 'register', topics: 400, topic: `~${'t'.repeat(30)}` },
    { op: 'pass', ms: 300 },
    { op: 'fence', c: 0 },
  ]),
];

const LONG_TOPIC = `~${'t'.repeat(100)}`;
const LONG_QUEUES = 200;
const lookUps = Array.from({ length: LONG_QUEUES }, (_, queue) => ({ topic: LONG_TOPIC, queue, position: 1 }));

const BROKER_PROGRAMS: readonly Program[] = [
  programFor('broker', 'joined-request-of-another-role', [
    OPEN,
    { op: 'long', frame: 'REGISTER_BROKER', flags: MORE, wait: true },
    FENCE,
    { op: 'frame', type: typeOf('REGISTER_BROKER'), flags: ['MORE'], correlation: 101, wait: true },
    { op: 'frame', type: typeOf('REGISTER_BROKER'), flags: ['MORE'], correlation: 101 },
    { op: 'frame', type: typeOf('REGISTER_BROKER'), correlation: 101 },
    FENCE,
    { op: 'request', frame: 'PING', correlation: 101 },
  ]),
  programFor('broker', 'more-where-it-may-not-be', [
    OPEN,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~orders' }, flags: ['MORE'], wait: false },
    AWAIT_CLOSE,
  ]),
  programFor('broker', 'more-where-it-may-not-be-and-a-missing-field', [
    OPEN,
    { op: 'frame', type: typeOf('TOPIC_CREATE'), flags: [MORE] },
    AWAIT_CLOSE,
  ]),
  programFor('broker', 'answers-for-a-client-of-short-frames', [
    SMALL,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: LONG_TOPIC, queues: LONG_QUEUES } },
    { op: 'request', frame: 'OFFSET_LOOKUP', header: { queues: lookUps } },
    FENCE,
    { op: 'request', frame: 'OFFSET_COMMIT', header: { group: '~free', kind: 1, offsets: [{ topic: LONG_TOPIC }] } },
    { op: 'request', frame: 'GROUP_RESET', header: { group: '~free', queues: [{ topic: LONG_TOPIC }], dryRun: true } },
    FENCE,
  ]),
  programFor('broker', 'assignments-for-a-client-of-short-frames', [
    SMALL,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: LONG_TOPIC, queues: LONG_QUEUES } },
    {
      op: 'request',
      frame: 'CLIENT_HEARTBEAT',
      header: { group: '~group', member: 'm', revision: 1, subscription: { topics: [{ topic: LONG_TOPIC }] } },
    },
    { op: 'pass', ms: 1_000 },
    FENCE,
  ]),
  programFor('broker', 'refused-commit-of-a-client-of-short-frames', [
    SMALL,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: LONG_TOPIC, queues: 1 } },
    {
      op: 'request',
      frame: 'OFFSET_COMMIT',
      header: { group: '~free', kind: 1, offsets: lookUps.map(({ topic, queue }) => ({ topic, queue })) },
    },
    { op: 'request', frame: 'OFFSET_FETCH', header: { group: '~free', queues: [{ topic: LONG_TOPIC }] } },
  ]),
  programFor('broker', 'batches-for-a-client-of-short-frames', [
    OPEN,
    { op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~orders', queues: 1 } },
    { op: 'request', frame: 'SEND', header: { topic: '~orders' }, payload: { batch: { records: [{ size: 9_000 }] } } },
    { op: 'request', frame: 'SEND', header: { topic: '~orders' }, payload: { batch: { records: [{ size: 9_000 }] } } },
    { op: 'request', frame: 'SEND', header: { topic: '~orders' }, payload: { batch: { records: [{ size: 20_000 }] } } },
    SMALL,
    { op: 'request', frame: 'PULL', header: { topics: [{ topic: '~orders', queues: [{}] }] } },
    { op: 'request', frame: 'PULL', header: { topics: [{ topic: '~orders', queues: [{ offset: 2 }] }] } },
    FENCE,
  ]),
];

export const JOINED_PROGRAMS: readonly Program[] = [...NAME_SERVER_PROGRAMS, ...BROKER_PROGRAMS];
