// The other side of a bridge: the kit is a client of its cluster, reads what lies there, and stores messages of its own.
import { FrameType, RecordReader, readProperties } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { View } from '../../history/view.ts';
import { hexOf, isObject, type JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import { KitConnection } from '../../play/kit-connection.ts';
import { payloadOf } from '../../play/payload.ts';
import { HarnessError, type Play } from '../../play/play.ts';
import { countOf, numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { answerTo, begin, controlOf } from '../../play/step-frame.ts';
import { type BatchSeen, splitBatches } from '../consume/batches.ts';
import { clientIdOf, namedIn } from './devices.ts';

/** The topic of the cluster that a bridge maps everything to, and a way to it. */
interface ClusterSide {
  readonly topic: string;
  readonly broker: KitConnection;
  /** By queue: where to read on. */
  readonly offsets: Map<number, number>;
}

const sides = new WeakMap<Play, ClusterSide>();

/** How long the topic may take to be there, ms, and how often the kit looks. */
const TOPIC_MS = 5_000;
const LOOK_MS = 100;
/** PULL at a time. */
const PULLS_MAX = 200;

/** What an answer holds, as the codec of its header has it; the clauses of brokers judge those. */
// biome-ignore lint/suspicious/noExplicitAny: fields are read by name, as in `history/view.ts`.
type Answer = any;

async function asked(
  play: Play,
  connection: KitConnection,
  frame: Parameters<typeof begin>[2],
  header: JsonObject,
): Promise<Answer> {
  const correlation = begin(play, connection, frame, header);
  await answerTo(play, connection, correlation);
  return connection.answerOf(correlation);
}

async function opened(play: Play, address: string): Promise<KitConnection> {
  const connection = new KitConnection(play, address);
  play.connections.push(connection);
  await play.untilAnswered(() => connection.state !== 'opening');
  await asked(play, connection, 'HELLO', { software: 'qanat-conformance' });
  return connection;
}

/** Asks the driver for the cluster of the bridge, and goes to the broker of its topic. @throws HarnessError without one. */
const cluster: Op = async (play) => {
  if (!play.driver.manifest.abilities.includes('cluster')) return;
  const { ok = null, error } = await play.call('cluster', {});
  if (error !== undefined || !isObject(ok)) throw new HarnessError(`the driver tells no cluster: ${error?.text ?? 'no object'}`);
  const topic = textOf(ok, 'topic', 'mqtt');
  const nameServer = await opened(play, textOf(ok, 'nameServer'));
  const { broker, queues } = await routeTo(play, nameServer, topic);
  const offsets = new Map<number, number>();
  for (let queue = 0; queue < queues; queue++) offsets.set(queue, 0);
  const side = { topic, broker: await opened(play, broker), offsets };
  sides.set(play, side);
  // What earlier programs have stored is no matter of this one.
  for (const result of (await pulled(play, side, 1)).results) offsets.set(result.queue, result.highWatermark);
};

async function routeTo(play: Play, nameServer: KitConnection, topic: string): Promise<{ broker: string; queues: number }> {
  for (let waitedMs = 0; waitedMs < TOPIC_MS; waitedMs += LOOK_MS) {
    const answer = await asked(play, nameServer, 'ROUTE_QUERY', { topics: [topic] });
    const [share] = answer?.routes[0]?.shares ?? [];
    const broker = answer?.brokers.find((one: Answer) => one.broker === share?.broker);
    const endpoint = broker?.endpoints.find((one: Answer) => one.scheme === 'qanat');
    if (endpoint !== undefined) return { broker: endpoint.address, queues: share.queues };
    await play.pass(LOOK_MS);
  }
  throw new HarnessError(`the cluster has no topic ${topic}`);
}

async function pulled(
  play: Play,
  { topic, broker, offsets }: ClusterSide,
  maxBytes = 0,
): Promise<{ results: Answer[]; payload: Uint8Array }> {
  const queues = [...offsets].map(([queue, offset]) => ({ queue, offset }));
  const correlation = begin(play, broker, 'PULL', { maxBytes, topics: [{ topic, queues }] });
  await answerTo(play, broker, correlation);
  const view = new View(play.history.events, 0);
  const exchange = view
    .requests('PULL', 'kit')
    .find(({ connection, request }) => connection.number === broker.number && request.correlation === correlation);
  return { results: exchange?.answer?.results ?? [], payload: exchange?.payload ?? new Uint8Array(0) };
}

/** Reads what was stored since, and notes what belongs to this program. */
const readStored: Op = async (play) => {
  const side = sides.get(play);
  if (side === undefined) return;
  const own = namedIn(play)('{t}');
  const messages: JsonObject[] = [];
  for (let i = 0; i < PULLS_MAX; i++) {
    const { results, payload } = await pulled(play, side);
    if (payload.length === 0) break;
    let at = 0;
    for (const { queue, nextOffset, bytes } of results) {
      for (const batch of splitBatches(payload.subarray(at, at + bytes)) ?? []) messages.push(...messagesIn(batch, queue, own));
      side.offsets.set(queue, nextOffset);
      at += bytes;
    }
  }
  play.note('stored', { messages });
};

/** Messages of a batch that belong to a program: others may have stored megabytes meanwhile. */
function messagesIn({ bytes, base }: BatchSeen, queue: number, own: string): readonly JsonObject[] {
  const messages: JsonObject[] = [];
  const reader = new RecordReader(nodePlatform, bytes);
  for (let offset = base; reader.next(); offset++) {
    const { key = null, tag = null, body } = reader;
    const said = { queue, offset, key, tag, properties: { ...readProperties(reader.bytes, reader.propertiesAt) } };
    if (JSON.stringify(said).includes(own) || Buffer.from(body).includes(own)) messages.push({ ...said, body: hexOf(body) });
  }
  return messages;
}

/** Stores a message as any client does: `key`, `body`, `properties`, `tag`; names of this program as for devices. */
const store: Op = async (play, step) => {
  const side = sides.get(play);
  if (side === undefined) return;
  const record = recordOf(play, step);
  const correlation = side.broker.nextCorrelation();
  side.broker.frame({
    type: FrameType.SEND,
    correlation,
    control: controlOf(play, 'SEND', { topic: side.topic, queue: numberOf(step, 'queue', 0) }, ''),
    payload: payloadOf(play, nodePlatform, { batch: { records: [record], count: countOf(step, 'count') } }),
  });
  await answerTo(play, side.broker, correlation);
  play.note('told', record);
};

function recordOf(play: Play, step: Step): JsonObject {
  const named = namedIn(play);
  const text = (value: string): string => named(value).replaceAll('{client}', clientIdOf(play, 'a'));
  const properties = Object.entries(objectOf(step, 'properties')).map(([name, value]) => [name, text(String(value))]);
  return {
    body: textOf(step, 'body', 'from the cluster'),
    ...(typeof step.key === 'string' ? { key: text(step.key) } : {}),
    ...(typeof step.tag === 'string' ? { tag: step.tag } : {}),
    properties: Object.fromEntries(properties),
  };
}

export const CLUSTER_OPS = { cluster, readStored, store } as const satisfies Readonly<Record<string, Op>>;
