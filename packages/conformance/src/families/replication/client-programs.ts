import { ReplicaRole } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { BOTH, begin, type ClientRole, meddle, ONE_BROKER, pass } from '../clients/steps.ts';

const programs = (
  name: string,
  steps: (role: ClientRole) => readonly Step[],
  setup: JsonObject = ONE_BROKER,
): readonly Program[] => BOTH.map((role) => ({ family: 'replication', name, role, setup, steps: steps(role) }));

/** Messages go through a client, however long it takes to find a master. */
const work = (role: ClientRole): readonly Step[] =>
  role === 'consumer'
    ? [{ op: 'publish', count: 2 }, { op: 'awaitDrained', withinMs: 16_000 }, pass(1_500)]
    : [{ op: 'put', keys: ['a'], timeoutMs: 16_000 }];

/** A master and its slave, with a topic of one queue. */
export const GROUP: JsonObject = {
  ...{ nameServers: 1, brokers: 2, replicas: true },
  ...{ nameServer: { keepsRecords: true }, topics: [{ topic: 'orders', queues: 1 }] },
};

const routes = (set: JsonObject): readonly Step[] => [
  meddle('*', 'ROUTE_QUERY', 'answer', 'alter', { set, times: 99 }),
  meddle('*', 'ROUTE_UPDATE', 'push', 'alter', { set, times: 99 }),
];

export const CLIENT_PROGRAMS: readonly Program[] = [
  ...programs('a-route-of-a-lower-term', (role) => [
    ...routes({ 'brokers.0.term': 1_009 }),
    begin(role),
    ...work(role),
    { op: 'leaveAlone' },
    // Nobody is where the master of the lower term is said to be.
    ...routes({ 'brokers.0.term': 1_008, 'brokers.0.endpoints.0.address': '127.0.0.1:9' }),
    { op: 'addQueues', queues: 3 },
    pass(1_500),
    { op: 'breakOff', node: 0 },
    ...work(role),
  ]),
  ...programs('a-master-that-says-it-is-a-slave', (role) => [
    meddle('*', 'HELLO', 'answer', 'alter', { at: 'broker-a', set: { replicaRole: ReplicaRole.SLAVE }, times: 3 }),
    begin(role),
    ...work(role),
    pass(500),
  ]),
  ...programs(
    'another-replica-becomes-master',
    (role) => [
      begin(role),
      ...work(role),
      pass(1_500),
      { op: 'promoteSlave' },
      pass(3_000),
      ...work(role),
      ...work(role),
      pass(500),
    ],
    GROUP,
  ),
];
