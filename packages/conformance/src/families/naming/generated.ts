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
