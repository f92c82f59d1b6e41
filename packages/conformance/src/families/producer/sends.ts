import { errorClass } from '@qanat/core';
import type { CallError, EventOf } from '../../history/event.ts';
import type { ConnectionSeen, Exchange, FrameSeen } from '../../history/view.ts';
import { isObject, type Json, type JsonObject } from '../../json.ts';
import { listOf, textOf } from '../../play/program.ts';
import { type ClientRun, clientOf, endOfConnection, type Facts, isBroker, once, type Place } from '../clients/facts.ts';
import { readSent, type SentBatch } from './sent-batch.ts';

/** One message of a call to send. */
export interface Asked {
  readonly body: string;
  readonly key: string;
  readonly tag: string;
  readonly properties: JsonObject;
}

/** What the kit asked a driver to send. */
export interface Call {
  readonly at: Place;
  readonly topic: string;
  readonly messages: readonly Asked[];
  /** Its caller named the queue. */
  readonly queue: { readonly broker: string; readonly queue: number } | undefined;
  /** When it has to end; undefined where the kit named no time. */
  readonly dueMs: number | undefined;
  readonly client: ClientRun | undefined;
  readonly end: (Place & { readonly ok?: Json; readonly error?: CallError }) | undefined;
  /** Batches that bore a message of it. */
  readonly batches: Batch[];
}

/** A SEND of the subject. */
export interface Attempt {
  readonly request: FrameSeen;
  /** Undefined for one-way frames. */
  readonly exchange: Exchange | undefined;
  readonly client: ClientRun | undefined;
  readonly connection: ConnectionSeen;
  readonly node: string;
  readonly topic: string;
  readonly queue: number;
  readonly sent: SentBatch;
  /** What its records are known by: undefined for one that several calls may have meant. */
  readonly names: readonly (string | undefined)[];
  batch: Batch | undefined;
}

/** The same records in the same order, however often they were sent. */
export interface Batch {
  readonly attempts: Attempt[];
  readonly calls: readonly Call[];
  /** All attempts, of any batch, that were answered SEQUENCE_GAP. */
  readonly gaps: readonly Attempt[];
  readonly slackMs: number;
}

/** Sends of a history, and the calls that they belong to. */
export interface Sends {
  readonly facts: Facts;
  readonly calls: readonly Call[];
  readonly attempts: readonly Attempt[];
  readonly batches: readonly Batch[];
  readonly callOf: (name: string) => Call | undefined;
}

export const sendsOf = once(gather);

const nameOf = (topic: string, body: string): string => `${topic}\u0000${body}`;

function gather(facts: Facts): Sends {
  const calls = facts.view.calls('send').map((one) => readCall(facts, one));
  const byName = new Map<string, Call | undefined>();
  for (const call of calls)
    for (const { body } of call.messages) {
      const name = nameOf(call.topic, body);
      byName.set(name, byName.has(name) ? undefined : call);
    }
  const attempts = attemptsOf(facts, (name) => (byName.get(name) === undefined ? undefined : name));
  const callOf = (name: string): Call | undefined => byName.get(name);
  return { facts, calls, attempts, batches: batchesOf(attempts, callOf, facts.view.slackMs), callOf };
}

function readCall(
  facts: Facts,
  { call, result }: { call: EventOf<'call'> & { index: number }; result: (EventOf<'result'> & { index: number }) | undefined },
): Call {
  const args = isObject(call.args) ? call.args : {};
  const given = listOf(args, 'batch').filter(isObject);
  const at = { index: call.index, ms: call.atMs };
  const name = textOf(args, 'client', 'p');
  const ended = result !== undefined && result.index < facts.end.index ? result : undefined;
  return {
    at,
    topic: textOf(args, 'topic'),
    messages: (given.length > 0 ? given : [args]).map(readMessage),
    queue: isObject(args.queue) ? (args.queue as unknown as Call['queue']) : undefined,
    dueMs: typeof args.timeoutMs === 'number' ? call.atMs + args.timeoutMs : undefined,
    client: facts.clients.findLast((one) => one.name === name && one.start.index < call.index),
    end:
      ended === undefined
        ? undefined
        : {
            index: ended.index,
            ms: ended.atMs,
            ...(ended.error === undefined ? { ok: ended.ok ?? null } : { error: ended.error }),
          },
    batches: [],
  };
}

const readMessage = (of: JsonObject): Asked => ({
  body: typeof of.size === 'number' ? 'a'.repeat(of.size) : textOf(of, 'body'),
  key: textOf(of, 'key'),
  tag: textOf(of, 'tag'),
  properties: isObject(of.properties) ? of.properties : {},
});

function attemptsOf(facts: Facts, known: (name: string) => string | undefined): readonly Attempt[] {
  const found: Attempt[] = [];
  for (const connection of facts.connections) {
    if (!isBroker(connection.node)) continue;
    const byFrame = new Map(connection.exchanges.map((exchange) => [exchange.request, exchange]));
    for (const request of connection.frames) {
      if (request.name !== 'SEND' || request.isResponse || request.from !== 'subject' || request.header === undefined) continue;
      if (request.index >= facts.end.index) continue;
      const sent = readSent(request.payload);
      const { topic, queue } = request.header as { topic: string; queue: number };
      found.push({
        request,
        exchange: byFrame.get(request),
        client: clientOf(facts, connection),
        connection,
        node: connection.node,
        topic,
        queue,
        sent,
        names: sent.records.map(({ body }) => known(nameOf(topic, body))),
        batch: undefined,
      });
    }
  }
  return found.sort((a, b) => a.request.index - b.request.index);
}

function batchesOf(attempts: readonly Attempt[], callOf: Sends['callOf'], slackMs: number): readonly Batch[] {
  const found = new Map<string, Batch>();
  const gaps = attempts.filter(({ exchange }) => exchange?.code === 'SEQUENCE_GAP');
  for (const attempt of attempts) {
    const { names } = attempt;
    if (names.length === 0 || names.includes(undefined)) continue;
    const key = names.join('\u0001');
    const calls = new Set(names.map((name) => callOf(name as string) as Call));
    const batch = found.get(key) ?? { attempts: [], calls: [...calls], gaps, slackMs };
    found.set(key, batch);
    batch.attempts.push(attempt);
    attempt.batch = batch;
    for (const call of calls) if (!call.batches.includes(batch)) call.batches.push(batch);
  }
  return [...found.values()];
}

/** The response to an attempt that the kit gave before a place. */
export function answerBefore({ exchange }: Attempt, index: number): FrameSeen | undefined {
  const response = exchange?.response;
  return response !== undefined && response.index < index ? response : undefined;
}

/** How an attempt stood at a place, as far as the wire tells. */
export type Standing = 'stored' | 'refused' | 'gap' | 'unknown' | 'odd';

/** Error classes after which a batch is surely not stored. */
const DEFINITE = new Set([2, 3, 4, 5, 7]);

export function standing(attempt: Attempt, index: number): Standing {
  if (attempt.request.isOneWay) return 'odd';
  const response = answerBefore(attempt, index);
  if (response === undefined) return 'unknown';
  if (!response.isError) return 'stored';
  const { code, header } = response;
  if (code === 'SEQUENCE_CONFLICT') return 'unknown';
  if (code === 'SEQUENCE_GAP') return 'gap';
  const kind = errorClass(header?.code ?? 0);
  if (kind === 6) return 'unknown';
  return DEFINITE.has(kind) ? 'refused' : 'odd';
}

/** Whether a gap says that nothing of the batch is stored. */
export const deniesBatch = (attempt: Attempt): boolean => denies(attempt, attempt);

/** The same of another batch of the queue: the broker has nothing from the number on that it expects. */
function denies(gap: Attempt, { sent, node, topic, queue }: Attempt): boolean {
  if (gap.node !== node || gap.topic !== topic || gap.queue !== queue) return false;
  if (gap.sent.producerId !== sent.producerId || gap.sent.epoch !== sent.epoch) return false;
  return (((gap.exchange?.response?.header?.expectedSequence ?? 0) - sent.base) | 0) <= 0;
}

/** The attempts of a batch before a place whose outcome nobody can know at that place. */
export function doubts({ attempts, gaps, slackMs }: Batch, index: number): readonly Attempt[] {
  return attempts.filter((one) => {
    if (one.request.index >= index || standing(one, index) !== 'unknown') return false;
    // It may have been on its way when the batch was sent: behind a gap that one is not stored either.
    return !gaps.some(
      (gap) => denies(gap, one) && (answerBefore(gap, index)?.atMs ?? Number.NEGATIVE_INFINITY) + slackMs >= one.request.atMs,
    );
  });
}

/** How long the subject surely waits for an answer. */
const PATIENT_MS = 1_000;

/** Whether the subject had the answer by some time: it came soon enough, and on a connection that lasted. */
export function hadAnswer(facts: Facts, { request, exchange, connection }: Attempt, byMs: number): boolean {
  const response = exchange?.response;
  if (response === undefined || response.atMs - request.atMs > PATIENT_MS) return false;
  const readMs = response.atMs + facts.view.slackMs;
  return readMs <= byMs && endOfConnection(facts, connection).ms >= readMs;
}

/** The batch that bears all messages of a call, and never without each other: the outcome of the call is that of the batch. */
export function wholeBatch({ callOf }: Sends, call: Call): Batch | undefined {
  const [batch] = call.batches;
  if (batch === undefined || call.batches.length > 1) return undefined;
  const own = batch.attempts[0]?.names.filter((name) => callOf(name as string) === call) ?? [];
  return own.length === call.messages.length ? batch : undefined;
}

/** Whether a client was told to stop, or ended, before a place. */
export const wasStopped = ({ client }: { readonly client: ClientRun | undefined }, index: number): boolean =>
  client === undefined || Math.min(client.closing.index, client.ended?.index ?? index) < index;

export const placeOf = ({ node, queue }: Pick<Attempt, 'node' | 'queue'>): string => `${node}/${queue}`;
