import fc from 'fast-check';
import { isObject, type JsonObject } from '../../json.ts';
import type { Step } from '../../play/program.ts';

const connection = fc.nat({ max: 3 });
const queue = fc.constantFrom(0, 0, 0, 1);
/** 0: a batch without a producer id. */
const producer = fc.constantFrom(0, 1, 1, 1, 2, 3);
const count = fc.constantFrom(1, 1, 1, 2, 3, 7);

const how = fc.oneof(
  { weight: 10, arbitrary: fc.constant('next') },
  { weight: 5, arbitrary: fc.constant('again') },
  { weight: 1, arbitrary: fc.constant('gap') },
  { weight: 1, arbitrary: fc.constant('conflict') },
  { weight: 1, arbitrary: fc.constant('old epoch') },
);

/** Fields of the header of a batch, with values at their edges. */
const patch = fc.oneof(
  { weight: 12, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.tuple(
        fc.constantFrom(0, 2, 3, 4, 7, 8, 16, 20, 24, 32, 36, 37, 40, 42, 48, 56, 64, 66),
        fc.constantFrom('00', '01', '02', '08', '09', '10', '20', '7f', 'ff', '0020', '1001', 'ffff'),
      ),
      { minLength: 1, maxLength: 2, size: 'max' },
    ),
  },
);

const send = fc.record({
  op: fc.constant('produce'),
  c: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: connection }),
  p: producer,
  q: queue,
  how,
  n: fc.constantFrom(0, 0, 0, 1, 2, 5, 63),
  count,
  compress: fc.constantFrom(false, false, true),
  wait: fc.constantFrom(true, true, false),
  ack: fc.constantFrom(...Array.from({ length: 16 }, () => 0), 1, 1, 2),
  oneWay: fc.constantFrom(...Array.from({ length: 16 }, () => false), true),
  times: fc.constantFrom(...Array.from({ length: 16 }, () => 1), 2, 3, 70),
  patch,
  seal: fc.constantFrom(true, true, false),
});

const init = fc.record({
  op: fc.constant('init'),
  c: connection,
  how: fc.constantFrom(
    'new',
    'new',
    'named',
    'named',
    'take',
    'take',
    'take',
    'take by name',
    'wrong epoch',
    'wrong name',
    'unknown',
  ),
  p: fc.nat({ max: 3 }),
  n: fc.nat({ max: 2 }),
});

const death = fc.record({
  op: fc.constant('die'),
  how: fc.constantFrom('kill', 'kill', 'stop', 'powerloss'),
  seed: fc.nat({ max: 1_000 }),
});

const step = fc.oneof(
  { weight: 24, arbitrary: send },
  { weight: 6, arbitrary: init },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('open') }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('close'), c: connection, reset: fc.boolean() }) },
  { weight: 1, arbitrary: death },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('drain') }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('pass'), ms: fc.constantFrom(0.2, 0.5, 1, 5) }) },
);

/** A step that is always there: made of parts that fast-check knows again, so that stored programs shrink. */
const fixed = (fields: JsonObject): fc.Arbitrary<Step> =>
  fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, isObject(value) ? fixed(value) : fc.constant(value)]),
    ),
  ) as fc.Arbitrary<Step>;

const BEFORE = [
  fixed({ op: 'open' }),
  fixed({ op: 'request', frame: 'TOPIC_CREATE', header: { topic: '~t', queues: 2 } }),
  fixed({ op: 'init', how: 'new' }),
  fixed({ op: 'init', how: 'named' }),
];
const BEHIND = [fixed({ op: 'pass', ms: 20 }), fixed({ op: 'drain' })];

/** Producers on several connections, with ends of the broker between, then everything is read back. */
export const STEPS: fc.Arbitrary<Step[]> = fc
  .tuple(fc.tuple(...BEFORE), fc.array(step as fc.Arbitrary<Step>, { maxLength: 60, size: 'max' }), fc.tuple(...BEHIND))
  .map(
    (parts) => parts.flat(),
    (steps) => {
      const all = steps as Step[];
      return [all.slice(0, BEFORE.length), all.slice(BEFORE.length, -BEHIND.length), all.slice(-BEHIND.length)] as [
        Step[],
        Step[],
        Step[],
      ];
    },
  );
