import { codeNumber } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { meddle, member, pass } from '../clients/steps.ts';
import { GROUP } from './client-programs.ts';

const program = (name: string, steps: readonly Step[]): Program => ({
  family: 'replication',
  name,
  role: 'consumer',
  setup: GROUP,
  steps: [member(), publish(2), drained, pass(1_500), ...steps],
});

const publish = (count: number): Step => ({ op: 'publish', count });
const drained: Step = { op: 'awaitDrained', withinMs: 16_000 };
const killMaster: Step = { op: 'killNode', node: 0 };
const startMaster: Step = { op: 'startNode', node: 0 };

/** The slave has them, and its master is gone before the consumer has. */
const leftToTheSlave = (...meddling: readonly Step[]): readonly Step[] => [
  meddle('broker-a', 'PULL', 'answer', 'drop', { times: 99 }),
  publish(3),
  pass(500),
  ...meddling,
  killMaster,
];

/** The slave says another thing of the only queue than what it has. */
const refused = (code: 'NOT_YET' | 'OFFSET_OUT_OF_RANGE', more: JsonObject): Step =>
  meddle('broker-b', 'PULL', 'answer', 'alter', {
    set: { 'results.0.code': codeNumber(code), 'results.0.bytes': 0, ...more },
    payload: '',
    times: 3,
  });

export const READING_PROGRAMS: readonly Program[] = [
  program('a-slave-does-not-have-it-yet', [
    ...leftToTheSlave(refused('NOT_YET', { 'results.0.nextOffset': 0 })),
    drained,
    { op: 'leaveAlone' },
    startMaster,
    publish(1),
    drained,
  ]),
  program('a-slave-has-lost-its-oldest', [
    ...leftToTheSlave(refused('OFFSET_OUT_OF_RANGE', { 'results.0.nextOffset': 4, 'results.0.oldestOffset': 4 })),
    drained,
    { op: 'leaveAlone' },
    startMaster,
    publish(1),
    drained,
  ]),
  program('commits-wait-for-a-master', [
    ...leftToTheSlave(),
    drained,
    pass(3_000),
    { op: 'leaveAlone' },
    startMaster,
    pass(11_500),
  ]),
  program('a-master-is-away-for-long', [killMaster, pass(11_500), startMaster, publish(1), drained, pass(11_500)]),
  program('a-consumer-leaves-where-there-is-no-master', [
    ...leftToTheSlave(),
    drained,
    pass(1_500),
    { op: 'close', client: 'c' },
    pass(500),
  ]),
];
