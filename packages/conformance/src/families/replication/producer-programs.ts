import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

const TWO_QUEUES = { topics: [{ topic: 'orders', queues: 2 }] };

const put = (more: JsonObject = {}): Step => ({ op: 'put', ...more });
const pass = (ms: number): Step => ({ op: 'pass', ms });
const meddle = (way: 'request' | 'answer', what: string, more: JsonObject = {}): Step => ({
  op: 'meddle',
  at: '*',
  frame: 'SEND',
  way,
  do: what,
  ...more,
});

const program = (name: string, steps: readonly Step[]): Program => ({
  family: 'replication',
  name,
  role: 'producer',
  setup: TWO_QUEUES,
  steps: [{ op: 'start', client: 'p' }, ...steps],
});

const QUEUE = { queue: { broker: 'broker-b', queue: 1 } };

export const PRODUCER_PROGRAMS: readonly Program[] = [
  program('a-master-changes-under-a-batch', [
    put(),
    meddle('request', 'error', { code: 'MASTER_CHANGED' }),
    put({ keys: ['a'] }),
    pass(3_500),
    // It is stored, and its producer cannot know.
    meddle('answer', 'error', { code: 'MASTER_CHANGED' }),
    put(),
    meddle('answer', 'error', { code: 'MASTER_CHANGED', times: 2 }),
    put(QUEUE),
    put({ count: 2 }),
    pass(3_500),
  ]),
  program('a-master-is-none-any-more', [
    put({ keys: ['a'] }),
    meddle('request', 'error', { code: 'NOT_MASTER', times: 2 }),
    put({ keys: ['a'] }),
    meddle('request', 'error', { code: 'NOT_MASTER' }),
    put(QUEUE),
    meddle('request', 'error', { code: 'NOT_MASTER' }),
    put({ count: 2 }),
    pass(3_500),
  ]),
  program('a-master-is-gone-with-its-answer', [
    put(),
    meddle('request', 'takeAndClose'),
    put(),
    meddle('request', 'takeAndClose'),
    put({ keys: ['a'] }),
    put({ count: 2 }),
  ]),
];
