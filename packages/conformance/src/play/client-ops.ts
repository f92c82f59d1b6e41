import {
  BATCH_AT,
  BATCH_BODY_AT,
  BATCH_HEADER_BYTES,
  CONTROL_HEADERS,
  FRAMES,
  type LiveFrame,
  readBatchHeader,
  writeUint32At,
} from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { readRule } from '../cluster/meddling-rule.ts';
import { bytesOf, hexOf, isObject, type JsonObject } from '../json.ts';
import { Drain } from './drain.ts';
import type { Op } from './family.ts';
import { payloadOf } from './payload.ts';
import type { Play } from './play.ts';
import { countOf, flagOf, listOf, msOf, numberOf, objectOf, type Step, sizeOf, textOf } from './program.ts';
import { rawFrame } from './raw-frame.ts';
import { controlOf, flagsOf } from './step-frame.ts';

/** How long a producer or consumer may take to start. */
const START_MS = 15_000;

/** Starts a producer or consumer, `client`, with the fields of the step as its options; `wait`: whether for the answer. */
const start: Op = async (play, step) => {
  if (play.cluster === undefined) return;
  const { op: _, wait, ...options } = play.value(step) as JsonObject & { op: string };
  const args = { nameServers: play.cluster.nameServers, ...options };
  if (wait === false) play.begin(`${play.program.role}.start`, args);
  else await play.call(`${play.program.role}.start`, args, START_MS);
};

/** Calls of one step, within what a history can hold, whatever a program says. */
const CALLS_MAX = 1_000;

/**
 * Sends messages: `topic`, `count` of them in calls of their own (or one `batch`), `key`, `tag`, `body`, `timeoutMs`; `wait`
 * for all.
 */
const send: Op = async (play, step) => {
  const { op: _, wait, count: __, ...message } = play.value(step) as JsonObject & { op: string };
  const pending = Array.from({ length: Math.min(countOf(step, 'count'), CALLS_MAX) }, (___, i) =>
    play.begin('send', {
      client: 'p',
      topic: play.value('~orders') as string,
      body: `${textOf(step, 'body', 'm')}${i}.${play.history.events.length}`,
      ...message,
    }),
  );
  if (wait !== false) await play.until(() => pending.every(({ done }) => done), msOf(step, 'timeoutMs', 30_000) + 10_000);
};

/** Ends a producer or consumer as planned. */
const close: Op = async (play, step) => {
  const args = { client: textOf(step, 'client', play.program.role === 'producer' ? 'p' : 'c') };
  if (flagOf(step, 'wait', true)) await play.call('close', args);
  else play.begin('close', args);
};

/** Kills a producer or consumer. */
const abandon: Op = async (play, step) => {
  await play.call('abandon', { client: textOf(step, 'client', 'c') });
};

/** Asks the driver for anything: `call`, `args`. */
const call: Op = async (play, step) => {
  await play.call(textOf(step, 'call'), play.value(objectOf(step, 'args')) as JsonObject);
};

/** The next connections of a server (`at`, or all), `times` of them, begin with another preface, in `hex`. */
const preface: Op = async (play, step) => {
  const rule = { at: textOf(step, 'at', '*'), preface: bytesOf(textOf(step, 'hex')), times: numberOf(step, 'times', 1) };
  play.cluster?.meddler.prefaces.push(rule);
};

/** From now on some frames are meddled with: `at`, `frame`, `way`, `do`, `skip`, `times`. */
const meddle: Op = async (play, step) => {
  play.cluster?.meddler.rules.push(readRule(step));
};

/** Frames pass again as they are. */
const leaveAlone: Op = async (play) => {
  play.cluster?.meddler.rules.splice(0);
};

/** Stores messages in the kit's cluster: `topic`, `count`, `broker` and `queue` (numbers), `key`, `tag`, `tags` in turn. */
const publish: Op = async (play, step) => {
  const { cluster } = play;
  if (cluster === undefined) return;
  const count = countOf(step, 'count');
  const tags = listOf(step, 'tags');
  const records = Array.from({ length: count }, (_, i) => {
    const tag = tags.length > 0 ? String(tags[i % tags.length]) : step.tag;
    return {
      body: new TextEncoder().encode(`${textOf(step, 'body', 'm')}${i}.${play.history.events.length}`),
      ...(typeof tag === 'string' && tag !== '' ? { tag } : {}),
      ...(typeof step.key === 'string' ? { key: step.key } : {}),
      ...(isObject(step.properties) ? { properties: step.properties as Record<string, string> } : {}),
    };
  });
  const queue = { broker: cluster.nodeOf('broker', numberOf(step, 'broker', 0)), queue: numberOf(step, 'queue', 0) };
  // Nobody waits for a broker that is gone.
  if (typeof step.key !== 'string' && cluster.engineOf(queue.broker) === undefined) return;
  const topic = play.value(textOf(step, 'topic', '~orders')) as string;
  const place = await cluster.application.publish(topic, records, typeof step.key === 'string' ? undefined : queue);
  play.note('published', {
    topic,
    ...queue,
    ...place,
    stored: place !== undefined,
    bodies: records.map(({ body }) => new TextDecoder().decode(body)),
    tags: records.map(({ tag }) => tag ?? null),
  });
};

/**
 * Stores one batch as it is in the kit's cluster: `payload` as for a raw frame, `summed` (default: yes) to make its body checksum
 * right again after patches; `readable`: whether a consumer can read it.
 */
const storeBatch: Op = async (play, step) => {
  const { cluster } = play;
  if (cluster === undefined) return;
  const batch = payloadOf(play, nodePlatform, objectOf(step, 'payload')).slice();
  if (flagOf(step, 'summed', true) && batch.length > BATCH_BODY_AT)
    writeUint32At(batch, BATCH_AT.bodyChecksum, nodePlatform.crc32(batch.subarray(BATCH_BODY_AT), 0));
  const queue = { broker: cluster.nodeOf('broker', numberOf(step, 'broker', 0)), queue: numberOf(step, 'queue', 0) };
  const topic = play.value(textOf(step, 'topic', '~orders')) as string;
  const place = await cluster.application.store(topic, queue, batch);
  const count = batch.length < BATCH_HEADER_BYTES ? 0 : readBatchHeader(batch).recordCount;
  play.note('stored-batch', { topic, ...queue, ...place, stored: place !== undefined, count, bytes: hexOf(batch) });
};

/**
 * Sends a frame to the subject on every connection of a server, `times` over: `of`, `node`, `frame` or `type`, `flags`,
 * `correlation`, `header` or `control` (hex) with `controlZeros` behind it, `zeros`: so many bytes of payload; a wrong `length`
 * or `controlLength`.
 */
const push: Op = async (play, step) => {
  const name = textOf(step, 'frame') as LiveFrame;
  const known = Object.hasOwn(CONTROL_HEADERS, name);
  const bytes = rawFrame({
    type: known ? FRAMES[name].type : numberOf(step, 'type', 0x3a5a),
    flags: flagsOf(step),
    correlation: numberOf(step, 'correlation', 0),
    control: known ? controlOf(play, name, objectOf(step, 'header'), textOf(step, 'extra')) : opaqueControl(step),
    payload: new Uint8Array(sizeOf(step, 'zeros')),
    ...(typeof step.length === 'number' ? { length: step.length } : {}),
    ...(typeof step.controlLength === 'number' ? { controlLength: step.controlLength } : {}),
  });
  for (let i = 0; i < numberOf(step, 'times', 1); i++) play.cluster?.meddler.push(nodeOf(play, step), bytes);
};

/** The control header of a type of which the kit knows no message. */
const opaqueControl = (step: Step): Uint8Array =>
  Uint8Array.from([...bytesOf(textOf(step, 'control')), ...new Uint8Array(sizeOf(step, 'controlZeros'))]);

/**
 * Waits until every message that was published, and that a started consumer asked for, was delivered to somebody (of `each`
 * client where it broadcasts), `withinMs` at the most.
 */
const awaitDrained: Op = async (play, step) => {
  const drain = new Drain(play.history.events);
  await play.until(() => drain.done(), msOf(step, 'withinMs', 30_000));
};

/** Makes a topic at the kit's brokers. */
const createTopic: Op = async (play, step) => {
  await play.cluster?.createTopic(play.value(textOf(step, 'topic', '~orders')) as string, numberOf(step, 'queues', 4));
};

/** Adds queues to a topic. */
const addQueues: Op = async (play, step) => {
  await play.cluster?.application.alterTopic(play.value(textOf(step, 'topic', '~orders')) as string, numberOf(step, 'queues', 8));
};

const pass: Op = (play, step) => play.pass(msOf(step, 'ms'));

const nodeOf = (play: Play, step: Step): string =>
  play.cluster?.nodeOf(textOf(step, 'of', 'broker') === 'broker' ? 'broker' : 'nameserver', numberOf(step, 'node', 0)) ?? '';

const killNode: Op = async (play, step) => play.cluster?.kill(nodeOf(play, step));
const stopNode: Op = async (play, step) => play.cluster?.stop(nodeOf(play, step));
const startNode: Op = async (play, step) => play.cluster?.startAgain(nodeOf(play, step));
const hangNode: Op = async (play, step) => play.cluster?.hang(nodeOf(play, step));
const resumeNode: Op = async (play, step) => play.cluster?.goOn(nodeOf(play, step));
/** All connections of a server of the kit break. */
const breakOff: Op = async (play, step) => play.cluster?.meddler.breakOff(nodeOf(play, step));

/** A server ends the streams of its connections, and reads on. */
const endStreams: Op = async (play, step) => play.cluster?.meddler.endStreams(nodeOf(play, step));

/** Waits until so many messages (`count`, all in all) were delivered to the application, `withinMs` at the most. */
const awaitDelivered: Op = async (play, step) => {
  const count = numberOf(step, 'count', 1);
  const delivered = (): number =>
    play.history.events.reduce((sum, event) => (event.kind === 'told' && event.event === 'delivered' ? sum + 1 : sum), 0);
  await play.until(() => delivered() >= count, msOf(step, 'withinMs', 30_000));
};

/** Waits until the driver told an `event` so many times (`count`, all in all), or for `withinMs`. */
const awaitTold: Op = async (play, step) => {
  const count = numberOf(step, 'count', 1);
  const told = (): number =>
    play.history.events.reduce((sum, one) => (one.kind === 'told' && one.event === step.event ? sum + 1 : sum), 0);
  await play.until(() => told() >= count, msOf(step, 'withinMs', 30_000));
};

/** Waits until so many frames of a type (`count`, all in all) have come from the subject. */
const awaitFrame: Op = async (play, step) => {
  const type = numberOf(step, 'type', 0);
  const count = numberOf(step, 'count', 1);
  const come = (): number =>
    play.history.events.reduce(
      (sum, one) =>
        one.kind === 'frame' && one.from === 'subject' && ((one.bytes[4] as number) << 8) + (one.bytes[5] as number) === type
          ? sum + 1
          : sum,
      0,
    );
  await play.until(() => come() >= count, msOf(step, 'withinMs', 30_000));
};

/** Operations with producers and consumers under test: the kit is their cluster. */
export const CLIENT_OPS: Readonly<Record<string, Op>> = {
  start,
  send,
  close,
  abandon,
  call,
  preface,
  meddle,
  leaveAlone,
  publish,
  createTopic,
  addQueues,
  pass,
  killNode,
  stopNode,
  startNode,
  hangNode,
  resumeNode,
  breakOff,
  endStreams,
  awaitDelivered,
  awaitTold,
  awaitFrame,
  storeBatch,
  push,
  awaitDrained,
};
