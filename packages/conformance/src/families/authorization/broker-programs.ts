import { AckLevel, FRAMES, type LiveFrame } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { as, ask, FENCE, on, pass, program, USERS } from './people.ts';
import { requestOf, servedBy } from './requests.ts';

const NAMES = { topic: 'thing', group: 'thing', broker: 'thing' };
const ONE = { batch: { records: [{ body: 'one' }] } };

const create = (topic: string): Step => ask('TOPIC_CREATE', { topic, queues: 1 });
const send = (topic: string, more: JsonObject = {}): Step => ask('SEND', { topic }, { payload: ONE, ...more });
const describe = (topic: string): Step => ask('TOPIC_DESCRIBE', { topic });
const describeGroup = (group: string): Step => ask('GROUP_DESCRIBE', { group });
const pull = (...topics: readonly string[]): Step =>
  ask('PULL', { poll: 1, topics: topics.map((topic) => ({ topic, queues: [{}] })) });
const fetch = (group: string, ...topics: readonly string[]): Step =>
  ask('OFFSET_FETCH', { group, queues: topics.map((topic) => ({ topic, queue: 0 })) });
const commit = (group: string, ...topics: readonly string[]): Step =>
  ask('OFFSET_COMMIT', { group, offsets: topics.map((topic) => ({ topic, queue: 0, offset: 0 })) });
const join = (group: string, member: string, ...topics: readonly string[]): Step =>
  ask('CLIENT_HEARTBEAT', { group, member, revision: 1, subscription: { topics: topics.map((topic) => ({ topic })) } });

/** A topic goes last: what is asked of it has to find it. */
const LAST: ReadonlySet<LiveFrame> = new Set(['TOPIC_REMOVE', 'GROUP_RESET']);
const FRAMES_IN_TURN = servedBy('broker').toSorted((one, other) => Number(LAST.has(one)) - Number(LAST.has(other)));

/** One request of every type by somebody; what he makes has a name of its own, so that one sees whether it was made. */
const everyFrame = (name: string): Program =>
  program(`every-frame-by-${name}`, 'broker', [
    as('root'),
    create('thing'),
    as(name),
    ...FRAMES_IN_TURN.map((frame) => on(1, requestOf(frame, frame === 'TOPIC_CREATE' ? { ...NAMES, topic: 'made' } : NAMES))),
    on(1, FENCE),
    // Members are told of each other: that comes when it comes.
    pass(50),
    ...[describe('made'), describe('thing'), describeGroup('thing'), fetch('thing', 'thing')].map((step) => on(0, step)),
  ]);

/** What only an administrator may ask for, with a control header that is none. */
const unreadable = FRAMES_IN_TURN.filter((frame) => FRAMES[frame].access === 'role admin').flatMap((frame) => [
  { op: 'frame', type: FRAMES[frame].type, control: 'ff', wait: true },
  { op: 'frame', type: FRAMES[frame].type, wait: true },
]);

const TOPICS = ['exact', 'exact2', 'exac', 'Exact', 'logs.', 'logs.a', 'logs', 'logsa', 'seen.x', 'other'];

const named = (name: string): Program =>
  program(`names-of-${name}`, 'broker', [
    as('root'),
    ...TOPICS.map(create),
    as(name),
    ...TOPICS.flatMap((topic) => [send(topic), describe(topic), pull(topic), requestOf('OFFSET_LOOKUP', { ...NAMES, topic })]),
    ...['g', 'g2', 'mine', 'mine2', 'min'].flatMap((group) => [describeGroup(group), fetch(group, 'exact')]),
    ...['new', 'new.1', 'ne'].map(create),
    FENCE,
  ]);

export const BROKER_PROGRAMS: readonly Program[] = [
  ...USERS.filter(({ name }) => name !== 'slow').map(({ name }) => everyFrame(String(name))),
  named('reader'),
  named('writer'),
  program('what-there-is-is-not-told', 'broker', [
    as('full'),
    ...unreadable,
    FENCE,
    as('reader'),
    ...[describe('nowhere'), send('nowhere'), pull('nowhere'), describeGroup('nowhere'), fetch('nowhere', 'nowhere')],
    ...[commit('nowhere', 'nowhere'), join('nowhere', 'm', 'nowhere'), describe('seen.nowhere'), describeGroup('mine')],
    FENCE,
  ]),
  program('forbidden-in-part', 'broker', [
    as('root'),
    ...['seen.a', 'hidden'].map(create),
    as('reader'),
    join('mine', 'part', 'seen.a', 'hidden'),
    join('mine', 'alone', 'hidden'),
    join('others', 'group', 'seen.a'),
    commit('mine', 'seen.a', 'hidden'),
    commit('others', 'seen.a'),
    pull('seen.a', 'hidden'),
    FENCE,
    on(0, describeGroup('mine')),
    on(0, describeGroup('others')),
    on(0, fetch('mine', 'seen.a')),
    on(0, fetch('others', 'seen.a')),
    on(1, join('mine', 'whole', 'seen.a')),
    on(1, commit('mine', 'seen.a')),
    on(1, pull('seen.a')),
  ]),
  program('forbidden-one-way', 'broker', [
    as('root'),
    create('thing'),
    as('none'),
    { op: 'oneWay', frame: 'SEND', header: { topic: 'thing', ack: AckLevel.ACK_NONE }, payload: ONE },
    { op: 'oneWay', frame: 'TOPIC_CREATE', header: { topic: 'made', queues: 1 } },
    FENCE,
    on(0, describe('thing')),
    on(0, describe('made')),
    as('writer'),
    send('exact', { withinMs: 2_000 }),
  ]),
  program('producers-of-one-name', 'broker', [
    as('full'),
    create('thing'),
    ask('INIT_PRODUCER', { name: 'p' }, { keep: { first: 'producerId' } }),
    as('other'),
    ask('INIT_PRODUCER', { name: 'p' }, { keep: { second: 'producerId' } }),
    on(0, send('thing', { payload: { batch: { records: [{ body: 'x' }], producerId: '$first' } } })),
    on(1, send('thing', { payload: { batch: { records: [{ body: 'y' }], producerId: '$second' } } })),
    as('full'),
    ask('INIT_PRODUCER', { name: 'p' }),
    on(1, send('thing', { payload: { batch: { records: [{ body: 'z' }], producerId: '$second', baseSequence: 1 } } })),
  ]),
  program('producer-ids-of-others', 'broker', [
    as('full'),
    ask('INIT_PRODUCER', {}, { keep: { id: 'producerId' } }),
    as('other'),
    ask('INIT_PRODUCER', { producerId: '$id' }),
    as('root'),
    ask('INIT_PRODUCER', { producerId: '$id' }),
    as('full'),
    ask('INIT_PRODUCER', { producerId: '$id' }),
    { op: 'close', c: 0 },
    { op: 'close', c: 3 },
    on(1, ask('INIT_PRODUCER', { producerId: '$id' })),
  ]),
  program('rate', 'broker', [
    as('slow'),
    as('slow'),
    as('full'),
    ...Array.from({ length: 14 }, () => on(0, ask('TOPIC_LIST', {}))),
    on(1, ask('TOPIC_LIST', {})),
    on(2, ask('TOPIC_LIST', {})),
    pass(2_500),
    on(1, ask('TOPIC_LIST', {})),
    on(0, ask('TOPIC_LIST', {})),
  ]),
];
