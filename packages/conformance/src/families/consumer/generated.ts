import fc from 'fast-check';
import type { GeneratedPrograms } from '../../play/family.ts';
import type { Step } from '../../play/program.ts';
import { ORDERS } from '../clients/steps.ts';
import { drained, everywhere, join } from './steps.ts';

const op = <T extends string>(name: T) => fc.constant(name);
const pair = fc.constantFrom(0, 1);
const members = fc.constantFrom('c', 'd', 'e');
const ms = fc.constantFrom(0, 10, 60, 250, 800);

/** Frames that may be dropped without a consumer waiting longer than an attempt for it. */
const lost = fc.record({
  op: op('meddle'),
  at: fc.constantFrom('broker-a', 'broker-b', '*'),
  frame: fc.constantFrom('CLIENT_HEARTBEAT', 'OFFSET_COMMIT', 'RELEASE', 'ASSIGNMENT'),
  way: fc.constantFrom('answer', 'push'),
  do: fc.constantFrom('drop', 'delay', 'close', 'twice'),
  ms: fc.constantFrom(5, 200, 900),
  skip: fc.constantFrom(0, 1, 3),
  times: fc.constantFrom(1, 2),
});

const anyFrame = fc.record({
  op: op('meddle'),
  at: fc.constantFrom('broker-a', 'broker-b', 'ns-1', 'ns-2', '*'),
  frame: fc.constantFrom('*', 'PULL', 'HELLO', 'ROUTE_QUERY', 'CLIENT_HEARTBEAT', 'ASSIGNMENT', 'ROUTE_UPDATE'),
  way: fc.constantFrom('answer', 'push'),
  do: fc.constantFrom('grease', 'twice', 'delay', 'close', 'pieces', 'split', 'stray'),
  ms: fc.constantFrom(5, 200, 900),
  chunk: fc.constantFrom(1, 7, 64),
  skip: fc.constantFrom(0, 1, 3),
  times: fc.constantFrom(1, 2, 5),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ op: op('publish'), broker: pair, queue: fc.constantFrom(0, 1, 2), count: fc.constantFrom(1, 2, 5) }),
  },
  { weight: 3, arbitrary: members.map((client) => ({ ...join(client), op: 'join' })) },
  { weight: 3, arbitrary: fc.record({ op: op('leave'), client: members, wait: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: op('breakOff'), of: fc.constantFrom('broker', 'nameserver'), node: pair }) },
  { weight: 2, arbitrary: fc.record({ op: op('killNode'), of: fc.constantFrom('broker', 'nameserver'), node: pair }) },
  { weight: 3, arbitrary: fc.record({ op: op('startNode'), of: fc.constantFrom('broker', 'nameserver'), node: pair }) },
  { weight: 1, arbitrary: fc.record({ op: op('stopNode'), of: op('broker'), node: pair }) },
  { weight: 1, arbitrary: fc.record({ op: op('hangNode'), of: fc.constantFrom('broker', 'nameserver'), node: pair }) },
  { weight: 2, arbitrary: fc.record({ op: op('resumeNode'), of: fc.constantFrom('broker', 'nameserver'), node: pair }) },
  { weight: 1, arbitrary: fc.record({ op: op('addQueues'), queues: op('x').map(() => 3) }) },
  { weight: 3, arbitrary: lost },
  { weight: 3, arbitrary: anyFrame },
  { weight: 6, arbitrary: fc.record({ op: op('pass'), ms }) },
) as fc.Arbitrary<Step>;

const SERVERS = ['broker', 'nameserver'].flatMap((of) => [0, 1].map((node) => ({ of, node })));

/** Everything runs again, somebody is there to read, and what was published comes through. */
const AFTERWARDS: readonly Step[] = [
  { op: 'leaveAlone' },
  ...SERVERS.map((server) => ({ op: 'resumeNode', ...server })),
  ...SERVERS.map((server) => ({ op: 'startNode', ...server })),
  join('last'),
  ...everywhere(),
  { ...drained, withinMs: 60_000 },
];

export const generatedConsumer: GeneratedPrograms = {
  setup: ORDERS,
  steps: fc.array(step, { maxLength: 40, size: 'max' }).map((steps) => [join('c'), ...steps, ...AFTERWARDS]),
};
