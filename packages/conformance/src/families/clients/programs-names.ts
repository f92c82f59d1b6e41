import type { Program } from '../../play/program.ts';
import { BOTH, begin, member, ONE_BROKER, pass, programs, work } from './steps.ts';

const NO_NAMES = ['~no name', '~-dash', '~orders/paid', 'ö'];

/** Two topics whose names differ in their case. */
const TWINS = { topics: [...ONE_BROKER.topics, { topic: 'Orders', queues: 2 }], brokers: 1 };

export const NAME_PROGRAMS: readonly Program[] = [
  ...programs(
    'names-that-are-none',
    BOTH,
    (role) => [
      begin(role),
      ...work(role),
      ...(role === 'producer'
        ? NO_NAMES.map((topic) => ({ op: 'send', topic, timeoutMs: 2_000 }))
        : NO_NAMES.map((group, i) => member(`d${i}`, { group }))),
      pass(1_500),
      ...work(role),
    ],
    { setup: ONE_BROKER },
  ),
  ...programs(
    'topics-that-differ-in-their-case',
    BOTH,
    (role) =>
      role === 'producer'
        ? [begin(role), ...['~orders', '~Orders', '~orders', '~Orders'].map((topic) => ({ op: 'send', topic, timeoutMs: 8_000 }))]
        : [
            member('c', { subscriptions: [{ topic: '~Orders' }] }),
            ...['~orders', '~Orders', '~orders', '~Orders'].map((topic) => ({ op: 'publish', topic, count: 2 })),
            { op: 'awaitDrained', withinMs: 8_000 },
          ],
    { setup: TWINS },
  ),
];
