import type { EngineHost } from '../../context.ts';
import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import { AckLevel } from '../../wire/gen/registry.ts';
import { type RecordInit, recordBytesBound } from '../../wire/record.ts';
import { OutBatch, type Target } from './out-batch.ts';
import { type GroupCall, GroupPart, type PendingCall, type SingleCall } from './pending-call.ts';
import { cutRecords, isKeyed } from './placing.ts';
import { ACK_LEVELS, type ProducerSettings, type SendBatchOptions, type SendOptions } from './producer-options.ts';
import type { QueueLane } from './queue-lane.ts';
import type { Sender } from './sender.ts';
import type { TopicLane, Waiting } from './topic-lane.ts';

/** Puts messages into the batches of their queues, or of their topic when any queue will do. */
export class Placer {
  readonly #engine: EngineHost;
  readonly #platform: Platform;
  readonly #settings: ProducerSettings;
  readonly #sender: Sender;
  readonly #release: (bytes: number) => void;

  /** @param release gives room in the buffer back. */
  constructor(
    engine: EngineHost,
    platform: Platform,
    settings: ProducerSettings,
    sender: Sender,
    release: (bytes: number) => void,
  ) {
    this.#engine = engine;
    this.#platform = platform;
    this.#settings = settings;
    this.#sender = sender;
    this.#release = release;
  }

  place(lane: TopicLane, record: RecordInit, bytes: number, call: SingleCall, options: SendOptions): void {
    const target: Target = options.queue !== undefined ? 'pinned' : isKeyed(record) ? 'keyed' : 'any';
    if (target === 'any') {
      this.#sender.pending.add(lane);
      return this.#append(lane.drafts, target, record, bytes, call, options);
    }
    if (lane.found !== true) return void lane.waiting.push({ record, bytes, call, options });
    const queue = this.#queueFor(lane, options, record.key);
    if (queue === undefined) return this.#refuse(call, bytes, noQueue(lane, options));
    this.#append(queue.drafts, target, record, bytes, call, options);
    this.#sender.queued(queue);
  }

  #queueFor(lane: TopicLane, { queue }: SendOptions, key: string | undefined): QueueLane | undefined {
    if (queue !== undefined) return lane.queueOf(queue.broker, queue.queue);
    return lane.queueOfKey(this.#platform, key ?? '');
  }

  #refuse(call: PendingCall, bytes: number, error: QanatError): void {
    this.#release(bytes);
    call.failed(error);
  }

  /** Adds a message to the batch that gathers, or begins one: a message with a dedup id has a batch of its own. */
  #append(list: OutBatch[], target: Target, record: RecordInit, bytes: number, call: PendingCall, options: SendOptions): void {
    const { batchBytes, batchRecords, lingerMs } = this.#settings;
    const ack = this.#ackOf(options);
    const { dedupId = '' } = options;
    let batch = list.at(-1);
    if (
      batch === undefined ||
      dedupId !== '' ||
      batch.sealed ||
      batch.ack !== ack ||
      batch.target !== target ||
      batch.bufferedBytes + bytes > batchBytes
    ) {
      if (batch !== undefined) batch.sealed = true;
      batch = new OutBatch(ack, target, this.#engine.nowMs(), [], false);
      batch.dedupId = dedupId;
      list.push(batch);
      if (lingerMs > 0) this.#sender.changeAt(batch.createdMs + lingerMs);
    }
    batch.push(record, bytes, call);
    if (dedupId !== '' || batch.count >= batchRecords || batch.bufferedBytes >= batchBytes) batch.sealed = true;
  }

  placeGroup(lane: TopicLane, records: readonly RecordInit[], bytes: number, group: GroupCall, options: SendBatchOptions): void {
    const free = options.queue === undefined && options.key === undefined;
    const byKey = free && records.some(isKeyed);
    group.hold();
    if (free && !byKey) {
      this.#sender.pending.add(lane);
      this.#addParts(lane.drafts, 'any', records, group, options);
    } else if (lane.found !== true) lane.waiting.push({ records, bytes, group: heldBy(group), options });
    else if (byKey)
      for (const [queue, own] of this.#groupByKey(lane, records)) this.#placeParts(lane, queue, 'keyed', own, group, options);
    else {
      const queue = this.#queueFor(lane, options, options.key);
      this.#placeParts(lane, queue, options.queue === undefined ? 'keyed' : 'pinned', records, group, options);
    }
    group.release();
  }

  #placeParts(
    lane: TopicLane,
    queue: QueueLane | undefined,
    target: Target,
    records: readonly RecordInit[],
    group: GroupCall,
    options: SendBatchOptions,
  ): void {
    if (queue === undefined) {
      const bytes = records.reduce((sum, record) => sum + recordBytesBound(record), 0);
      return this.#refuse(new GroupPart(group), bytes, noQueue(lane, options));
    }
    this.#addParts(queue.drafts, target, records, group, options);
    this.#sender.queued(queue);
  }

  #addParts(list: OutBatch[], target: Target, records: readonly RecordInit[], group: GroupCall, options: SendBatchOptions): void {
    const ack = this.#ackOf(options);
    const gathering = list.at(-1);
    if (gathering !== undefined) gathering.sealed = true;
    for (const part of cutRecords(records)) {
      const batch = new OutBatch(ack, target, this.#engine.nowMs(), part.records, true, options.key);
      batch.bufferedBytes = part.bytes;
      batch.calls.push(new GroupPart(group));
      batch.firstDueMs = group.dueMs;
      list.push(batch);
    }
  }

  /** The order of messages within a queue is theirs. */
  #groupByKey(lane: TopicLane, records: readonly RecordInit[]): ReadonlyMap<QueueLane | undefined, readonly RecordInit[]> {
    const groups = new Map<QueueLane | undefined, RecordInit[]>();
    const queues = new Map<string, QueueLane | undefined>();
    let spare: QueueLane | undefined;
    for (const record of records) {
      const key = isKeyed(record) ? (record.key as string) : '';
      let queue = key === '' ? spare : queues.get(key);
      if (queue === undefined) {
        queue = key === '' ? (lane.nextQueue(() => true) ?? lane.queues[0]) : lane.queueOfKey(this.#platform, key);
        if (key === '') spare = queue;
        else queues.set(key, queue);
      }
      const group = groups.get(queue);
      if (group === undefined) groups.set(queue, [record]);
      else group.push(record);
    }
    return groups;
  }

  /** A route is known at last. */
  placeWaiting(lane: TopicLane): void {
    const waiting = lane.waiting;
    lane.waiting = [];
    for (const item of waiting) this.#placeOne(lane, item);
  }

  #placeOne(lane: TopicLane, item: Waiting): void {
    if ('record' in item) return this.place(lane, item.record, item.bytes, item.call, item.options);
    this.placeGroup(lane, item.records, item.bytes, item.group, item.options);
    item.group.release();
  }

  /** The queue is gone for good: what was never sent follows its keys to their new queues. */
  leaveQueue(lane: TopicLane, queue: QueueLane): void {
    const moving = queue.drafts.filter((batch) => batch.target === 'keyed' && batch.records !== undefined);
    queue.drafts = queue.drafts.filter((batch) => !moving.includes(batch));
    for (const batch of moving) {
      const records = batch.records as readonly RecordInit[];
      const ack = batch.ack === AckLevel.ACK_NONE ? 'none' : batch.ack === AckLevel.ACK_LEADER ? 'leader' : 'committed';
      const part = batch.calls[0];
      if (part instanceof GroupPart) {
        this.placeGroup(
          lane,
          records,
          batch.bufferedBytes,
          part.group,
          batch.key === undefined ? { ack } : { ack, key: batch.key },
        );
        part.settled = true;
        part.group.release();
      } else {
        // Of calls that ended meanwhile the messages are gone already.
        this.#release(batch.bufferedBytes - records.reduce((sum, record) => sum + recordBytesBound(record), 0));
        const options: SendOptions = batch.dedupId === '' ? { ack } : { ack, dedupId: batch.dedupId };
        records.forEach((record, i) => this.place(lane, record, recordBytesBound(record), batch.calls[i] as SingleCall, options));
      }
    }
  }

  #ackOf({ ack }: SendOptions): AckLevel {
    const level = ACK_LEVELS[ack ?? this.#settings.ack];
    if (level !== AckLevel.ACK_NONE) this.#sender.numbered = true;
    return level;
  }
}

/** The call is held open by what waits for the route. */
function heldBy(group: GroupCall): GroupCall {
  group.hold();
  return group;
}

function noQueue({ topic }: TopicLane, { queue }: SendOptions): QanatError {
  const which = queue === undefined ? 'no queue' : `no queue ${queue.queue} at broker ${queue.broker}`;
  return new QanatError('QUEUE_NOT_FOUND', `topic "${topic}" has ${which}`, { outcome: 'not-sent' });
}
