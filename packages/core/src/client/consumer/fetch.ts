import { codeOfWireNumber, QanatError } from '../../errors.ts';
import type { PullResult } from '../../wire/gen/consuming-messages.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import type { ClientHost, QueueId } from '../host.ts';
import { requestWithRetries } from '../retried-request.ts';
import type { Message } from './message.ts';
import type { TopicSubscription } from './options.ts';
import { QueueBuffer } from './queue-buffer.ts';

export interface FetchOptions {
  /** Batches of so many bytes, but at least one; at most PULL_BYTES_MAX, the default. */
  readonly maxBytes?: number;
  /** How long the broker waits for a message where there is none, ms; at most PULL_WAIT_MS_MAX. Default 0: not at all. */
  readonly waitMs?: number;
}

/** What one PULL found. */
export interface FetchResult {
  /** From the offset asked for on; none when there is nothing yet. */
  readonly messages: readonly Message[];
  /** Where to fetch next. */
  readonly nextOffset: number;
  /** The offset behind the newest message that is committed. */
  readonly highWatermark: number;
  /** Of the oldest message that is kept; 0 where there are no messages, since the broker does not tell it then. */
  readonly oldestOffset: number;
}

/** Numbers of polls, apart from those of consumers: one with the number of another would end it. */
const FIRST_POLL = 0x8000_0000;
let polls = 0;

/**
 * Reads one queue from an offset on, with one PULL. Messages of a batch that cannot be decoded are passed, and told as an event
 * of kind `error`. `done` is called once. Errors: OFFSET_OUT_OF_RANGE (below the oldest or above the high watermark),
 * TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, FORBIDDEN, what ends the time.
 */
export function fetchQueue(
  host: ClientHost,
  id: QueueId,
  offset: number,
  { maxBytes = 0, waitMs = 0 }: FetchOptions,
  timeoutMs: number,
  done: (error: QanatError | undefined, result: FetchResult | undefined) => void,
): void {
  const { topic, broker, queue } = id;
  polls = (polls + 1) % FIRST_POLL;
  const topics = [{ topic, queues: [{ queue, offset }] }];
  const header = { poll: FIRST_POLL + polls, waitMs, maxBytes, topics };
  requestWithRetries(
    host,
    { topic, broker, name: 'PULL', codec: CONSUMING_REQUESTS.PULL, header, waitMs, timeoutMs, idempotent: true, slaves: true },
    (error, response) => {
      if (error !== undefined) return done(error, undefined);
      const [result] = response.header.results;
      // Nothing to say of a queue: nothing has come.
      if (result === undefined) return done(undefined, nothingAt(offset));
      const fault = faultOf(id, offset, result);
      if (fault !== undefined) return done(fault, undefined);
      const { nextOffset, highWatermark, oldestOffset } = result;
      const messages = messagesOf(host, id, offset, response.payload, nextOffset);
      return done(undefined, { messages, nextOffset, highWatermark, oldestOffset });
    },
  );
}

function nothingAt(offset: number): FetchResult {
  return { messages: [], nextOffset: offset, highWatermark: offset, oldestOffset: 0 };
}

function faultOf({ topic, broker, queue }: QueueId, offset: number, result: PullResult): QanatError | undefined {
  if (result.code === 0) return undefined;
  const has = `it has ${result.oldestOffset} to ${result.highWatermark}`;
  const where = `topic ${topic}, queue ${broker}/${queue}, offset ${offset}: ${has}`;
  return new QanatError(codeOfWireNumber(result.code), where, { wireNumber: result.code });
}

function messagesOf(host: ClientHost, id: QueueId, offset: number, payload: Uint8Array, nextOffset: number): Message[] {
  const everything: TopicSubscription = { topic: id.topic, filterText: '', filter: undefined, tagSums: new Set() };
  const buffer = new QueueBuffer(host.platform, id, everything, offset, (at, count, error) => {
    const what = `${count} messages of topic ${id.topic}, queue ${id.broker}/${id.queue}, from offset ${at} on are passed`;
    host.event({ kind: 'error', error: new QanatError(error.code, `${what}: ${error.message}`, { cause: error }) });
  });
  buffer.append(payload, nextOffset);
  const messages: Message[] = [];
  for (let message = buffer.next(); message !== undefined; message = buffer.next()) messages.push(message);
  return messages;
}
