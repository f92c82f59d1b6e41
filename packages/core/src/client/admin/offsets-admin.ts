import type { RequestInit, ResponseHeader } from '../../connection/request.ts';
import { codeOfWireNumber, QanatError } from '../../errors.ts';
import { CONSUMING_REQUESTS } from '../../wire/gen/consuming-messages.ts';
import { GroupKind, Position } from '../../wire/gen/registry.ts';
import type { StartPosition } from '../consumer/options.ts';
import type { ClientHost, QueueId } from '../host.ts';

/** Queues in one request: their names stay well below CONTROL_HEADER_BYTES_MAX. */
const QUEUES_PER_REQUEST = 400;

/** What came of one queue. */
export interface QueueOffsetResult extends QueueId {
  /** Undefined with an error, and where a group has committed nothing. */
  readonly offset: number | undefined;
  readonly error: QanatError | undefined;
}

/**
 * `results` are in the order asked for. `error` is set when a broker did not answer; the results of the other brokers are there
 * nevertheless, and those of its own queues tell why they are missing.
 */
export type OffsetsDone = (error: QanatError | undefined, results: readonly QueueOffsetResult[]) => void;

interface Answered {
  readonly code: number;
  readonly offset: number | undefined;
}

/** Offsets of queues over all brokers: looked up, and of groups without leases committed and fetched. */
export class OffsetsAdmin {
  readonly #host: ClientHost;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  /** The first offset, the one behind the newest message, or that of the first message stored at or after a time. */
  lookup(queues: readonly QueueId[], at: StartPosition, timeoutMs: number, done: OffsetsDone): void {
    const place =
      at === 'first'
        ? { position: Position.FIRST }
        : at === 'last'
          ? { position: Position.LAST }
          : { position: Position.AT_TIME, timeMs: at.timeMs };
    this.#ask(queues, 'OFFSET_LOOKUP', timeoutMs, done, {
      header: (part) => ({ queues: part.map(({ topic, queue }) => ({ topic, queue, ...place })) }),
      results: ({ offsets }) => offsets.map(({ code, offset }) => ({ code, offset })),
    });
  }

  /** What a group has committed. */
  fetch(group: string, queues: readonly QueueId[], timeoutMs: number, done: OffsetsDone): void {
    this.#ask(queues, 'OFFSET_FETCH', timeoutMs, done, {
      header: (part) => ({ group, queues: part.map(({ topic, queue }) => ({ topic, queue })) }),
      results: ({ offsets }) => offsets.map(({ code, committed, offset }) => ({ code, offset: committed ? offset : undefined })),
    });
  }

  /** Commits offsets of a `free` group, which is made where there is none. */
  commit(group: string, offsets: readonly (QueueId & { readonly offset: number })[], timeoutMs: number, done: OffsetsDone): void {
    this.#ask(offsets, 'OFFSET_COMMIT', timeoutMs, done, {
      header: (part) => ({
        group,
        kind: GroupKind.FREE,
        offsets: part.map(({ topic, queue, offset }) => ({ topic, queue, offset })),
      }),
      results: ({ results }, part) =>
        part.map(({ topic, queue, offset }) => {
          const failed = results.find((one) => one.topic === topic && one.queue === queue);
          return { code: failed?.code ?? 0, offset };
        }),
    });
  }

  #ask<N extends 'OFFSET_COMMIT' | 'OFFSET_FETCH' | 'OFFSET_LOOKUP', Q extends QueueId>(
    queues: readonly Q[],
    name: N,
    timeoutMs: number,
    done: OffsetsDone,
    codec: {
      header(part: readonly Q[]): RequestInit<N>;
      /** One for each queue of the part, in its order. */
      results(header: ResponseHeader<N>, part: readonly Q[]): readonly Answered[];
    },
  ): void {
    const results = new Map<Q, QueueOffsetResult>();
    let first: QanatError | undefined;
    const parts = partsOf(queues);
    let open = parts.length;
    if (open === 0) return done(undefined, []);
    const options = { timeoutMs, codec: CONSUMING_REQUESTS[name] };
    for (const part of parts) {
      const { broker } = part[0] as Q;
      this.#host.request(broker, name, codec.header(part), options, (error, response) => {
        first ??= error;
        const answers = error === undefined ? codec.results(response.header, part) : [];
        part.forEach((queue, i) => results.set(queue, resultOf(queue, error, answers[i])));
        if (--open === 0)
          done(
            first,
            queues.map((queue) => results.get(queue) as QueueOffsetResult),
          );
      });
    }
  }
}

/** The queues by broker, in parts that fit a request. */
function partsOf<Q extends QueueId>(queues: readonly Q[]): readonly (readonly Q[])[] {
  const byBroker = new Map<string, Q[]>();
  for (const queue of queues) {
    const own = byBroker.get(queue.broker);
    if (own === undefined) byBroker.set(queue.broker, [queue]);
    else own.push(queue);
  }
  const parts: (readonly Q[])[] = [];
  for (const own of byBroker.values()) {
    for (let i = 0; i < own.length; i += QUEUES_PER_REQUEST) parts.push(own.slice(i, i + QUEUES_PER_REQUEST));
  }
  return parts;
}

function resultOf(
  { topic, broker, queue }: QueueId,
  error: QanatError | undefined,
  answer: Answered | undefined,
): QueueOffsetResult {
  if (error !== undefined) return { topic, broker, queue, offset: undefined, error };
  const code = answer?.code ?? 0;
  if (answer !== undefined && code === 0) return { topic, broker, queue, offset: answer.offset, error: undefined };
  const why =
    answer === undefined
      ? new QanatError('MALFORMED_FRAME', `broker ${broker} answered for fewer queues than were asked for`)
      : new QanatError(codeOfWireNumber(code), `queue ${queue} of topic "${topic}" at broker ${broker}`, { wireNumber: code });
  return { topic, broker, queue, offset: undefined, error: why };
}
