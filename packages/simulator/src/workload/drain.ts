import type { QueueStatus } from '@qanat/core';
import { queueKeyOf, readValue } from '../history/index.ts';
import type { Application, WorkloadHost } from './application.ts';
import { Member } from './member.ts';
import type { TopicPlan } from './plan.ts';

const ASK_MS = 3_000;
const LOOK_MS = 200;
/** How long a fresh group may take to read everything. */
const DRAIN_MS_MAX = 120_000;

export interface DrainParts {
  readonly host: WorkloadHost;
  readonly admin: Application;
  readonly reader: Application;
  readonly topics: readonly TopicPlan[];
}

/** Reads every queue from its oldest message to its high watermark by a fresh group, and writes it all down. */
export function drain(parts: DrainParts, done: (error: string | undefined) => void): void {
  describeAll(parts, (error, statuses) => {
    if (error !== undefined) done(error);
    else readAll(parts, statuses, done);
  });
}

function describeAll(
  { admin, topics }: DrainParts,
  done: (error: string | undefined, statuses: readonly QueueStatus[]) => void,
): void {
  const statuses: QueueStatus[] = [];
  let open = topics.length;
  let failure: string | undefined;
  admin.within(() => {
    for (const { topic } of topics) {
      admin.admin.describeTopic(topic, ASK_MS, (error, description) => {
        // A broker that refuses its damaged log stays away.
        if (error === undefined) statuses.push(...description.queues.filter(({ away }) => !away));
        else failure ??= `topic ${topic} cannot be described: ${error.code}`;
        if (--open === 0) done(failure, statuses);
      });
    }
  });
}

function readAll(parts: DrainParts, statuses: readonly QueueStatus[], done: (error: string | undefined) => void): void {
  const { host, reader, topics } = parts;
  const ends = new Map(
    statuses.map(({ topic, broker, queue, highWatermark }) => [queueKeyOf(topic, broker, queue), highWatermark] as const),
  );
  const group = 'drain';
  const options = {
    mode: 'clustering',
    group,
    subscriptions: topics.map(({ topic }) => ({ topic })),
    from: 'first',
    ordered: true,
    instanceId: reader.name,
    batch: { recordsMax: 500 },
  } as const;
  const filters = Object.fromEntries(topics.map(({ topic }) => [topic, undefined]));
  host.history.add({ kind: 'group', group, mode: 'clustering', from: 'first', filters, ordered: true });
  const member = new Member(
    reader,
    host.history,
    host.newRandom(),
    { group, options, handlerMsMax: 0, failPercent: 0 },
    (message) => {
      const value = readValue(message.body);
      host.history.add({
        kind: 'drained',
        queue: queueKeyOf(message.topic, message.broker, message.queue),
        offset: message.offset,
        value: value?.value,
        topic: value?.topic,
        key: message.key,
        tag: message.tag,
      });
    },
  );
  const untilMs = reader.clock.nowMs() + DRAIN_MS_MAX;
  const look = (): void => {
    const positions = new Map(
      member
        .positions()
        .map(({ queue: { topic, broker, queue }, offset }) => [queueKeyOf(topic, broker, queue), offset] as const),
    );
    const missing = [...ends].find(([queue, end]) => (positions.get(queue) ?? -1) < end);
    if (missing !== undefined && reader.clock.nowMs() < untilMs) return reader.after(LOOK_MS, look);
    member.leave(true);
    const unread =
      missing === undefined ? undefined : `${missing[0]} was read up to ${positions.get(missing[0])} of ${missing[1]}`;
    // Asked anew: what the readers committed made the log longer, and retention may have taken something off meanwhile.
    describeAll(parts, (error, later) => {
      for (const { topic, broker, queue, oldestOffset, highWatermark } of error === undefined ? later : statuses) {
        const key = queueKeyOf(topic, broker, queue);
        host.history.add({ kind: 'queueDrained', queue: key, oldest: oldestOffset, highWatermark });
      }
      done(unread ?? error);
    });
  };
  reader.after(LOOK_MS, look);
}
