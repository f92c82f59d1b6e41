import type { JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';
import { ORDERS } from '../clients/steps.ts';

type Options = Omit<Program, 'family' | 'role' | 'steps' | 'name'>;

export const program = (name: string, steps: readonly Step[], options: Options = {}): Program => ({
  family: 'consumer',
  name,
  role: 'consumer',
  setup: ORDERS,
  ...options,
  steps,
});

/** A member of the one group of a program. */
export const join = (client: string, more: JsonObject = {}): Step => ({
  op: 'start',
  client,
  group: '~group',
  subscriptions: [{ topic: '~orders' }],
  from: 'first',
  ...more,
});

/** Long enough for whoever is stuck to be found out; who is not takes a moment. */
export const drained: Step = { op: 'awaitDrained', withinMs: 20_000 };

export const publish = (broker: number, queue: number, more: JsonObject = {}): Step => ({
  op: 'publish',
  broker,
  queue,
  ...more,
});

/** Messages in every queue of two brokers with two queues. */
export const everywhere = (more: JsonObject = {}): readonly Step[] =>
  [0, 1].flatMap((broker) => [0, 1].map((queue) => publish(broker, queue, more)));
