import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';

const node = fc.nat({ max: 1 });
const at = fc.constantFrom('*', 'broker-a', 'broker-b');
const keys = fc.constantFrom(...[[], [], ['a'], ['order-3'], ['a', 'order-1', 'order-2', 'order-3', ''], ['ключ']]);
const tags = fc.constantFrom(...[[], [], [], ['paid'], ['paid', ''], [' no'], ['x'.repeat(128)]]);

const put = fc.record({
  op: fc.constant('put'),
  count: fc.constantFrom(1, 1, 1, 2, 5),
  batch: fc.constantFrom(0, 0, 0, 1, 3),
  keys,
  tags,
  timeoutMs: fc.constantFrom(400, 1_500, 6_000),
  wait: fc.constantFrom(true, false),
});

const codes = fc.constantFrom(
  'BROKER_BUSY',
  'DISK_FULL',
  'NOT_READY',
  'STORAGE_FAILED',
  'STORAGE_REJECTED',
  'WRONG_BROKER',
  'QUEUE_NOT_FOUND',
  'BATCH_TOO_LARGE',
  'INVALID_BATCH',
  'UNKNOWN_PRODUCER',
  'SEQUENCE_CONFLICT',
);

const refuse = fc.record({
  op: fc.constant('meddle'),
  at,
  frame: fc.constantFrom('SEND', 'SEND', 'SEND', 'INIT_PRODUCER'),
  way: fc.constant('request'),
  do: fc.constant('error'),
  code: codes,
  skip: fc.constantFrom(0, 0, 1),
  times: fc.constantFrom(1, 1, 2, 9),
});

const lose = fc.record({
  op: fc.constant('meddle'),
  at,
  frame: fc.constantFrom('SEND', 'SEND', 'SEND', 'INIT_PRODUCER'),
  way: fc.constantFrom('request', 'answer'),
  do: fc.constantFrom('drop', 'delay', 'close', 'takeAndClose'),
  ms: fc.constantFrom(1, 50, 400, 1_500),
  skip: fc.constantFrom(0, 0, 1),
  times: fc.constantFrom(1, 1, 2, 5),
});

const op = (...names: string[]) => fc.record({ op: fc.constantFrom(...names), node });
const pass = fc.record({ op: fc.constant('pass'), ms: fc.constantFrom(0, 50, 500, 2_000) });

/** How the producer is set up. */
const begin = fc.record({
  op: fc.constant('start'),
  client: fc.constant('p'),
  options: fc.constantFrom<Record<string, unknown>>(
    {},
    {},
    { batchRecords: 1, inFlightBatches: 8 },
    { compress: true, lingerMs: 5 },
  ),
});

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: put },
    { weight: 3, arbitrary: refuse },
    { weight: 3, arbitrary: lose },
    { weight: 3, arbitrary: pass },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('leaveAlone') }) },
    { weight: 1, arbitrary: op('breakOff') },
    { weight: 1, arbitrary: op('killNode', 'stopNode') },
    { weight: 2, arbitrary: op('startNode') },
    { weight: 1, arbitrary: op('hangNode', 'resumeNode', 'resumeNode') },
  ),
  { maxLength: 30, size: 'max' },
);

export const GENERATED: GeneratedPrograms = {
  setup: { topics: [{ topic: 'orders', queues: 2 }] },
  needs: ['batch'],
  steps: fc.tuple(begin, steps).map(([first, rest]) => [first, ...rest] as unknown as Step[]),
};
