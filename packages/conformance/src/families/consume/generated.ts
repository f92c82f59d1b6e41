import fc from 'fast-check';
import type { JsonObject } from '../../json.ts';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { COLLIDING_TAGS } from './programs/pulls.ts';
import { ask, create, FENCE, fetch, OPEN, pull, reset, send } from './steps.ts';

const TOPICS = ['~a', '~b'];
const GROUPS = ['~g', '~h', '~f'];
const TAGS = ['paid', 'new', ...COLLIDING_TAGS];

const topic = fc.constantFrom(...TOPICS);
const queue = fc.constantFrom(0, 0, 0, 1, 1, 2);
const group = fc.constantFrom(...GROUPS);
const member = fc.constantFrom('m', 'm', 'n');
/** Queues of a program have few messages; the last ones are beyond all of them. */
const offset = fc.constantFrom<string | number>('$hw', '$hw', '$hw', 0, 0, 1, 2, 3, 4, 6, 1_000, Number.MAX_SAFE_INTEGER);
const epoch = fc.constantFrom<string | number>('$epoch', '$epoch', '$epoch1', '$old', 0, 0, 7);
const filter = fc.constantFrom('', '', '*', 'paid', 'paid || new', 'rare', ...COLLIDING_TAGS, 'a||');
const maxBytes = fc.constantFrom(0, 0, 0, 1, 90, 200);
const connection = fc.constantFrom<JsonObject>({}, {}, {}, { c: 0 }, { c: 1 });
const position = fc.constantFrom(0, 1, 2, 3);
const time = fc.constantFrom<string | number>('$time', '$time', 0, Number.MAX_SAFE_INTEGER);
const kind = fc.constantFrom(0, 0, 1);
const waitMs = fc.constantFrom(0, 0, 40, 300, 2_000);

const record = fc.record({
  body: fc.nat(9_999).map((n) => `m${n}`),
  tag: fc.constantFrom('', ...TAGS),
  key: fc.constantFrom('', 'k'),
});

const sends = fc
  .record({
    topic,
    queue,
    records: fc.array(record, { minLength: 1, maxLength: 3 }),
    more: connection,
    wait: fc.constantFrom(true, true, false),
  })
  .map(({ more, wait, ...one }) => send(one.topic, one.queue, one.records, { ...more, wait, keep: { time: 'storeTimeMs' } }));

const asked = fc.record({ queue, offset, maxBytes, leaseEpoch: epoch });

/** With a group or without one. */
const whose = fc.oneof(fc.constant<JsonObject>({}), fc.record({ group, member }));

const pulls = fc
  .record({
    topic,
    queues: fc.uniqueArray(asked, { minLength: 1, maxLength: 3, selector: (one) => one.queue }),
    header: fc.record({ filter, maxBytes, waitMs, poll: fc.constantFrom(0, 1) }),
    whose,
    wait: fc.boolean(),
    more: connection,
  })
  .map((one) =>
    pull(
      one.topic,
      one.queues,
      { ...one.header, ...one.whose },
      { ...one.more, wait: one.wait, keep: { hw: 'results.0.highWatermark' } },
    ),
  );

const drains = fc.record({ topic, queue, filter, maxBytes, own: maxBytes }).map((one): Step => ({ op: 'drain', ...one }));

const item = fc.record({ topic, queue, offset, leaseEpoch: epoch });

const commits = fc
  .record({ group, member, kind, offsets: fc.array(item, { minLength: 1, maxLength: 3 }) })
  .map((header) => ask('OFFSET_COMMIT', header));

const heartbeats = fc
  .record({
    group,
    member,
    topics: fc.subarray(TOPICS, { minLength: 1 }),
    from: fc.constantFrom(0, 1, 2),
    fromTimeMs: time,
    kind,
    brings: fc.boolean(),
  })
  .map(({ brings, topics, from, fromTimeMs, kind: of, ...one }) => {
    const subscription = { topics: topics.map((name) => ({ topic: name })), from, fromTimeMs, kind: of };
    const keep = { old: 'assignment.leases.1.epoch', epoch: 'assignment.leases.0.epoch', epoch1: 'assignment.leases.1.epoch' };
    return ask('CLIENT_HEARTBEAT', { ...one, revision: 1, ...(brings ? { subscription } : {}) }, { keep });
  });

const givesBack = fc
  .record({ frame: fc.constantFrom('RELEASE', 'LEAVE'), group, member, topic, queue, offset, leaseEpoch: epoch })
  .map(({ frame, group: name, member: id, ...item }) => ask(frame, { group: name, member: id, offsets: [{ ...item }] }));

const questions = fc.oneof(
  fc.record({ group, topic }).map((one) => fetch(one.group, one.topic, 0, 1, 2, 3)),
  fc
    .array(fc.record({ topic, queue, position, timeMs: time }), { minLength: 1, maxLength: 3 })
    .map((queues) => ask('OFFSET_LOOKUP', { queues })),
  group.map((name) => ask('GROUP_DESCRIBE', { group: name })),
  topic.map((name) => ask('TOPIC_DESCRIBE', { topic: name })),
  fc.constantFrom(ask('GROUP_LIST', {}), ask('TOPIC_LIST', {})),
);

const resets = fc
  .record({
    group,
    to: position,
    toValue: fc.oneof(offset, time),
    dryRun: fc.boolean(),
    topics: fc.subarray(TOPICS),
    queues: fc.subarray([0, 1, 2]),
  })
  .map(({ group: name, to, topics, queues, ...more }) =>
    reset(name, to, { ...more, queues: topics.map((of) => ({ topic: of, queues })) }),
  );

const topics = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ topic, queues: fc.constantFrom(0, 1, 2, 3, 1_025) }).map((one) => create(one.topic, one.queues)),
  },
  { weight: 2, arbitrary: fc.record({ topic, queues: fc.constantFrom(0, 1, 2, 3, 4) }).map((one) => ask('TOPIC_ALTER', one)) },
  { weight: 1, arbitrary: fc.record({ topic }).map((one) => ask('TOPIC_REMOVE', one)) },
);

const others = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(1, 60, 300, 1_100, 12_000).map((ms): Step => ({ op: 'pass', ms })) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ op: 'again' }, OPEN, FENCE, { op: 'close', c: 1 }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: sends },
  { weight: 8, arbitrary: pulls },
  { weight: 2, arbitrary: drains },
  { weight: 6, arbitrary: commits },
  { weight: 4, arbitrary: heartbeats },
  { weight: 2, arbitrary: givesBack },
  { weight: 6, arbitrary: questions },
  { weight: 2, arbitrary: resets },
  { weight: 2, arbitrary: topics },
  { weight: 3, arbitrary: others },
);

/** Something to begin with. */
const BEGINNING: readonly Step[] = [OPEN, OPEN, create('~a', 2), create('~b', 1)];

/** Everything is read and asked for in the end. */
const END: readonly Step[] = [
  OPEN,
  ...TOPICS.flatMap((name): Step[] => [0, 1, 2].map((number) => ({ op: 'drain', topic: name, queue: number }))),
  ...GROUPS.flatMap((name) => [...TOPICS.map((of) => fetch(name, of, 0, 1, 2)), ask('GROUP_DESCRIBE', { group: name })]),
  ...TOPICS.map((name) => ask('TOPIC_DESCRIBE', { topic: name })),
];

/** Messages, readers, groups, topics and restarts in any order. */
export const generated: GeneratedPrograms = {
  steps: fc.array(step, { maxLength: 40, size: 'max' }).map((steps) => [...BEGINNING, ...steps, ...END]),
};
