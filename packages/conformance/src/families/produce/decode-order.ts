// What a broker has to answer to each SEND (spec, chapter 11: decode order at the broker).
import { AckLevel } from '@qanat/core';
import { type Refusal, refusalOf } from './batch-oracle.ts';
import type { Facts } from './facts.ts';
import type { Holding, ProducerBook } from './producers.ts';
import { isNotLookedAt, type Send } from './sends.ts';

/** The line of the table that decides. 6 and 7 need what the broker remembers: see windows.ts. */
export interface Expectation {
  readonly send: Send;
  readonly line: 1 | 2 | 3 | 4 | 5 | 6;
  /** One of these; none for line 6. */
  readonly codes: readonly string[];
  readonly why: string;
  /** Line 3: what is wrong with the batch. */
  readonly refusal: Refusal | undefined;
  /** From line 5 on: who holds the producer id. Undefined for a batch without one. */
  readonly holding: Holding | undefined;
  /** A later line fails as well: the order decides. */
  readonly contested: boolean;
}

/** The line at which a broker gives a code; 0 for a code that no line gives. */
export const LINE_OF: Readonly<Record<string, number>> = {
  TOPIC_NOT_FOUND: 2,
  QUEUE_NOT_FOUND: 2,
  INVALID_BATCH: 3,
  BATCH_TOO_LARGE: 3,
  UNKNOWN_PRODUCER: 5,
  PRODUCER_FENCED: 5,
  SEQUENCE_GAP: 6,
  SEQUENCE_CONFLICT: 6,
  DISK_FULL: 7,
  BROKER_BUSY: 7,
};

type Verdict = Pick<Expectation, 'line' | 'codes' | 'why'>;

/** Of all SENDs that were answered, in order, as far as the kit can tell. */
export function expectationsOf(facts: Facts, producers: ProducerBook): readonly Expectation[] {
  return facts.sends.flatMap((send) => {
    if (send.exchange?.response === undefined || isNotLookedAt(send.connection, send.code)) return [];
    if (send.outcome === 'unknown') return [];
    const expectation = expectationOf(facts, producers, send);
    return expectation === undefined ? [] : [expectation];
  });
}

function expectationOf(facts: Facts, producers: ProducerBook, send: Send): Expectation | undefined {
  const refusal = refusalOf(send.batch, batchBytesMaxOf(send));
  const holding = send.fields === undefined || send.fields.producerId === 0 ? undefined : producers.holding(send);
  const lines = [
    ackLine(send),
    placeLine(facts, send),
    batchLine(refusal),
    holding === undefined ? 'passes' : producerLine(holding),
  ];
  const first = lines.findIndex((line) => line !== 'passes');
  const verdict = first === -1 ? undefined : (lines[first] as Verdict | 'unsure');
  if (verdict === 'unsure') return undefined;
  const contested = first !== -1 && lines.slice(first + 1).some((line) => line !== 'passes' && line !== 'unsure');
  const rest = { send, refusal, holding, contested };
  return verdict === undefined ? { ...rest, line: 6, codes: [], why: '' } : { ...rest, ...verdict };
}

const batchBytesMaxOf = ({ connection }: Send): number => connection.helloOk.batchBytesMax || Number.POSITIVE_INFINITY;

type Line = Verdict | 'passes' | 'unsure';

/** All SENDs here were answered: they are no one-way ones. */
const ackLine = ({ ack }: Send): Line =>
  ack === AckLevel.ACK_NONE ? { line: 1, codes: ['INVALID_ARGUMENT'], why: 'ACK_NONE goes with one-way only' } : 'passes';

function placeLine(facts: Facts, send: Send): Line {
  const topic = facts.topics.at(send.topic, send.start, send.end);
  if (topic === undefined) return 'unsure';
  if (topic.queues === 0) return { line: 2, codes: ['TOPIC_NOT_FOUND'], why: `there is no topic ${send.topic}` };
  if (send.queue < topic.queues) return 'passes';
  return {
    line: 2,
    codes: ['QUEUE_NOT_FOUND'],
    why: `topic ${send.topic} has ${topic.queues} queues, there is no ${send.queue}`,
  };
}

const batchLine = (refusal: Refusal | undefined): Line =>
  refusal === undefined
    ? 'passes'
    : { line: 3, codes: [refusal.code], why: `the batch fails line ${refusal.line} of its decode order (${refusal.says})` };

function producerLine(holding: Holding): Line {
  switch (holding.kind) {
    case 'held':
      return 'passes';
    case 'unknown':
      return { line: 5, codes: ['UNKNOWN_PRODUCER'], why: holding.why };
    case 'fenced':
      return { line: 5, codes: ['PRODUCER_FENCED'], why: holding.why };
    case 'refused':
      return { line: 5, codes: ['UNKNOWN_PRODUCER', 'PRODUCER_FENCED'], why: holding.why };
    default:
      return 'unsure';
  }
}

/** What the broker said, for people. */
export const saidOf = ({ outcome, code }: Send): string =>
  code ?? (outcome === 'duplicate' ? 'OK as a duplicate' : outcome === 'stored' ? 'OK' : outcome);
