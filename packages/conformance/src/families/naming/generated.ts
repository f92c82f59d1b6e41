import { LIMITS } from '@qanat/core';
import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

const { BROKER_AWAY_MS, BROKER_EXPIRY_MS, BROKER_LOST_MS } = LIMITS;

const op = (name: string) => fc.constant(name);
const c = fc.nat({ max: 3 });
const broker = fc.constantFrom('~b0', '~b0', '~b1', '~B2');
const store = fc.constantFrom(0, 0, 0, 1);
const term = fc.constantFrom(1, 1, 2, 3);
const topic = fc.constantFrom('~t1', '~t2', '~t3');
const queues = fc.constantFrom(1, 4, 4, LIMITS.QUEUES_PER_TOPIC_MAX);

/** On both sides of what a table keeps time of. */
const around = (ms: number): readonly number[] => [ms - 100, ms + 100];
const ms = fc.constantFrom(
  10,
  500,
  1_500,
  1_500,
  ...around(BROKER_LOST_MS),
  ...around(BROKER_EXPIRY_MS),
  ...around(BROKER_EXPIRY_MS - BROKER_LOST_MS),
  ...around(BROKER_AWAY_MS),
  BROKER_AWAY_MS + BROKER_EXPIRY_MS + 100,
);

const register = fc.record({
  op: op('register'),
  c,
  broker,
  store,
  term,
  revision: fc.constantFrom(1, 1, 2, 3),
  host: fc.constantFrom(0, 0, 1),
  creates: fc.boolean(),
  topics: fc.array(fc.tuple(topic, queues), { maxLength: 4, size: 'max' }),
  frames: fc.constantFrom(1, 1, 1, 2),
});
const refused = fc.record({
  op: op('register'),
  c,
  broker,
  store,
  term,
  topics: fc.constantFrom(
    [['~t1', 0]],
    [
      ['~t9', 2],
      ['-t', 1],
    ],
    [['~t1', LIMITS.QUEUES_PER_TOPIC_MAX + 1]],
  ),
});
const heartbeat = fc.record({ op: op('heartbeat'), c, broker, change: fc.constantFrom('', '', '', 'store', 'term', 'revision') });
const unregister = fc.record({ op: op('unregister'), c, broker, store });
const query = fc.record({
  op: op('query'),
  c,
  topics: fc.array(fc.constantFrom('~t1', '~t1', '~t2', '~t3', '-t'), { maxLength: 4, size: 'max' }),
  watch: fc.boolean(),
});
const all = fc.record({ op: op('query'), c, all: fc.constant(true) });
const wait = fc.record({ op: op('wait'), ms });

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: op('open') }) },
  { weight: 8, arbitrary: register },
  { weight: 1, arbitrary: refused },
  { weight: 6, arbitrary: heartbeat },
  { weight: 3, arbitrary: unregister },
  { weight: 7, arbitrary: query },
  { weight: 2, arbitrary: all },
  { weight: 7, arbitrary: wait },
  { weight: 3, arbitrary: fc.record({ op: op('close'), c, reset: fc.boolean() }) },
);

/** Any order of registrations, heartbeats, leavings, losses, waits and questions of several clients. */
export const NAME_SERVER_PROGRAMS: GeneratedPrograms = {
  steps: fc.array(step as fc.Arbitrary<Step>, { maxLength: 40, size: 'max' }),
};

const node = fc.nat({ max: 1 });
const brokerTopic = fc.constantFrom('~t0', '~t1', '~t2');
const ask = (frame: string, header: fc.Arbitrary<{ topic: string }>) =>
  fc.record({ op: op('request'), frame: fc.constant(frame), header });
const brokerWait = fc.record({ op: op('wait'), ms: fc.constantFrom(15, 60, 500, 1_500, 1_500, 6_000, 31_000, 70_000) });

/** An answer to BROKER_HEARTBEAT with `register`. */
export const REGISTER_AGAIN = '0000000e0103010000000000000000020801';

const meddling = fc.oneof(
  fc.record({
    op: op('meddle'),
    frame: fc.constant('REGISTER_BROKER'),
    do: fc.constant('error'),
    code: fc.constantFrom('NAME_IN_USE', 'TERM_FENCED', 'NOT_READY'),
    times: fc.constantFrom(1, 3),
  }),
  fc.record({
    op: op('meddle'),
    way: fc.constant('answer'),
    frame: fc.constant('BROKER_HEARTBEAT'),
    do: fc.constant('replace'),
    hex: fc.constant(REGISTER_AGAIN),
    correlate: fc.constant(true),
    times: fc.constantFrom(1, 5),
  }),
  fc.record({
    op: op('meddle'),
    way: fc.constantFrom('answer', 'request'),
    frame: fc.constantFrom('REGISTER_BROKER', 'BROKER_HEARTBEAT', 'HELLO'),
    do: fc.constantFrom('drop', 'delay', 'close', 'grease'),
    times: fc.constantFrom(1, 4),
  }),
);

const nodeStep = fc.oneof(
  ...['killNode', 'stopNode', 'startNode', 'hangNode', 'resumeNode', 'breakOff'].map((name) => fc.record({ op: op(name), node })),
);

const brokerStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: op('open') }) },
  {
    weight: 5,
    arbitrary: ask('TOPIC_CREATE', fc.record({ topic: brokerTopic, queues: fc.constantFrom(0, 1, 4, 4) })),
  },
  { weight: 3, arbitrary: ask('TOPIC_ALTER', fc.record({ topic: brokerTopic, queues: fc.constantFrom(4, 8) })) },
  { weight: 4, arbitrary: ask('TOPIC_REMOVE', fc.record({ topic: brokerTopic })) },
  { weight: 7, arbitrary: nodeStep },
  { weight: 3, arbitrary: meddling },
  { weight: 8, arbitrary: brokerWait },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('killSubject', 'restartSubject') }) },
);

/** A broker whose topics change while its NameServers come and go, hang, refuse it and ask it to register. */
export const REGISTERING_PROGRAMS: GeneratedPrograms = {
  setup: { kit: { nameServers: 2 } },
  needs: ['register', 'kill', 'stop'],
  alone: true,
  steps: fc.array(brokerStep as fc.Arbitrary<Step>, { maxLength: 40, size: 'max' }),
};
