import type { Json, JsonObject } from '../../json.ts';
import type { Program, Step } from '../../play/program.ts';

/** Steps that the programs of this family are made of. */
export const OPEN: Step = { op: 'open' };
export const FENCE: Step = { op: 'fence' };
export const NO_WAIT = { wait: false };

export const ask = (frame: string, header: JsonObject, more: JsonObject = {}): Step => ({
  op: 'request',
  frame,
  header,
  ...more,
});

export const create = (topic: string, queues: number, more: JsonObject = {}): Step =>
  ask('TOPIC_CREATE', { topic, queues, ...more });

/** One batch of records; a body is the record's text. */
export const send = (topic: string, queue: number, records: readonly Json[], more: JsonObject = {}): Step =>
  ask('SEND', { topic, queue }, { payload: { batch: { records: records.map(recordOf) } }, ...more });

const recordOf = (record: Json): Json => (typeof record === 'string' ? { body: record } : record);

/** A PULL of some queues of one topic: `[queue, offset]` or whole items. */
export const pull = (topic: string, queues: readonly Json[], header: JsonObject = {}, more: JsonObject = {}): Step => {
  const { filter = '', ...rest } = header;
  const items = queues.map((one) => (Array.isArray(one) ? { queue: one[0] as Json, offset: one[1] as Json } : one));
  return ask('PULL', { ...rest, topics: [{ topic, filter, queues: items }] }, more);
};

/** Commits one queue. */
export const commit = (group: string, topic: string, queue: number, offset: Json, more: JsonObject = {}): Step => {
  const { leaseEpoch = 0, ...rest } = more;
  return ask('OFFSET_COMMIT', { group, offsets: [{ topic, queue, offset, leaseEpoch }], ...rest });
};

export const fetch = (group: string, topic: string, ...queues: readonly number[]): Step =>
  ask('OFFSET_FETCH', { group, queues: queues.map((queue) => ({ topic, queue })) });

/** A member says that it is there; what it gets is kept as `epoch` and `start`, and under `name`. */
export const join = (group: string, member: string, topics: readonly string[], more: JsonObject = {}, keep = 'epoch'): Step => {
  const { from = 0, fromTimeMs = 0, kind = 0, ...rest } = more;
  const subscription = { topics: topics.map((topic) => ({ topic })), from, fromTimeMs, kind };
  return ask(
    'CLIENT_HEARTBEAT',
    { group, member, revision: 1, subscription, ...rest },
    { keep: { [keep]: 'assignment.leases.0.epoch' } },
  );
};

/** The same member again, once it has leases. */
export const beat = (group: string, member: string, keep = 'epoch'): Step =>
  ask(
    'CLIENT_HEARTBEAT',
    { group, member, revision: 1 },
    { keep: { [keep]: 'assignment.leases.0.epoch', [`${keep}1`]: 'assignment.leases.1.epoch' } },
  );

export const reset = (group: string, to: number, more: JsonObject = {}): Step => ask('GROUP_RESET', { group, to, ...more });

export const pass = (ms: number): Step => ({ op: 'pass', ms });

export const program = (name: string, steps: readonly Step[], more: Partial<Program> = {}): Program => ({
  family: 'consume',
  name,
  role: 'broker',
  steps,
  ...more,
});
