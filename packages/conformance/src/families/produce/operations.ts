// Operations of this family: what needs the answers that came before.
import { FRAMES } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import type { Ability } from '../../driver/driver.ts';
import { bytesOf, hexOf, isObject, type Json, type JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import { payloadOf } from '../../play/payload.ts';
import type { Play } from '../../play/play.ts';
import { flagOf, listOf, numberOf, objectOf, type Step, textOf } from '../../play/program.ts';
import { SERVER_OPS } from '../../play/server-ops.ts';
import { controlOf } from '../../play/step-frame.ts';
import { sealed } from './batch-oracle.ts';

const RESTART_MS = 60_000;
const ROUNDS_MAX = 400;

const run = (op: string, play: Play, step: JsonObject): Promise<void> => (SERVER_OPS[op] as Op)(play, { ...step, op } as Step);

/** Reads everything of queues 0 … `queues` − 1 of `topics` by PULL without a group, on a connection of its own. */
const drain: Op = async (play, step) => {
  await run('open', play, {});
  const topics = step.topics === undefined ? ['~t'] : listOf(step, 'topics');
  const places = topics.flatMap((topic) =>
    Array.from({ length: numberOf(step, 'queues', 2) }, (_, queue) => ({ topic: play.value(topic) as string, queue, offset: 0 })),
  );
  const maxBytes = numberOf(step, 'maxBytes', 0);
  for (let round = 0, goesOn = places.length > 0; goesOn && round < ROUNDS_MAX; round++)
    goesOn = await pullOnce(play, places, maxBytes);
  await run('close', play, {});
};

interface Place {
  readonly topic: string;
  readonly queue: number;
  offset: number;
}

/** @returns whether some queue moved. */
async function pullOnce(play: Play, places: readonly Place[], maxBytes: number): Promise<boolean> {
  const names = [...new Set(places.map(({ topic }) => topic))];
  const topics = names.map((name) => ({
    topic: name,
    queues: places.filter(({ topic }) => topic === name).map(({ queue, offset }) => ({ queue, offset })),
  }));
  play.kept.delete('pulled');
  await run('request', play, { frame: 'PULL', header: { maxBytes, topics }, keep: { pulled: 'results' } });
  let moved = false;
  for (const result of (play.kept.get('pulled') as readonly JsonObject[] | undefined) ?? []) {
    const place = places.find(({ topic, queue }) => topic === result.topic && queue === (result.queue ?? 0));
    if (place === undefined || typeof result.nextOffset !== 'number' || result.nextOffset <= place.offset) continue;
    place.offset = result.nextOffset;
    moved = true;
  }
  return moved;
}

// ---- ends and beginnings ----

const ABILITY: Readonly<Record<string, Ability>> = { kill: 'kill', stop: 'stop', powerloss: 'powerloss' };

/**
 * Ends the subject by `how` (kill, stop, powerloss) and starts it again, with `settings` where they are given. A power cut
 * with a `seed` leaves some of what was not synced, torn. Does nothing where the driver cannot do it, and goes on where the
 * subject does not start again: the next connection shows it.
 */
const die: Op = async (play, step) => {
  const how = textOf(step, 'how', 'kill');
  const ability = ABILITY[how];
  if (ability === undefined || !play.driver.manifest.abilities.includes(ability)) return;
  await end(play, step, how);
  await startAgain(play, step.settings === undefined ? {} : { settings: step.settings });
};

async function end(play: Play, step: Step, how: string): Promise<void> {
  if (how === 'powerloss')
    play.note('powerloss', { flush: play.flush, ...(typeof step.seed === 'number' ? { seed: step.seed } : {}) });
  if (how === 'stop') play.history.add({ kind: 'subject', what: 'stopping', id: 'subject' });
  await play.call(how, typeof step.seed === 'number' ? { seed: step.seed } : {}, RESTART_MS);
  play.history.add({ kind: 'subject', what: how === 'stop' ? 'stopped' : 'killed', id: 'subject' });
}

async function startAgain(play: Play, args: JsonObject): Promise<void> {
  const { ok } = await play.call('start', args, RESTART_MS);
  if (isObject(ok) && typeof ok.address === 'string') play.address = ok.address;
  if (args.settings !== undefined) play.note('setup', { broker: args.settings });
  play.history.add({ kind: 'subject', what: 'started', id: 'subject' });
}

/** Kills the subject, begins to start it, and kills it again `ms` later, once for each of `afterMs`; then starts it. */
const breakOffStart: Op = async (play, step) => {
  await end(play, step, 'kill');
  for (const ms of listOf(step, 'afterMs')) {
    play.begin('start', {});
    await play.pass(ms as number);
    await play.call('kill', {}, RESTART_MS);
  }
  play.note('start broken off', {});
  await startAgain(play, {});
};

/** Says something to the checkers: `note`, `args`. */
const tell: Op = async (play, step) => play.note(textOf(step, 'note'), play.value(objectOf(step, 'args')) as Json);

// ---- producers ----

interface Sent {
  readonly hex: string;
  readonly queue: number;
}

interface Known {
  readonly id: number;
  epoch: number;
  readonly name: string;
  /** The place of the connection that took it last. */
  holder: number;
  /** The kit's own count, by epoch and queue. */
  readonly next: Map<string, number>;
  readonly sent: Sent[];
}

interface Memory {
  readonly producers: Known[];
  /** Batches without a producer id. */
  readonly sent: Sent[];
  batches: number;
}

const memories = new WeakMap<Play, Memory>();

function memoryOf(play: Play): Memory {
  let memory = memories.get(play);
  if (memory === undefined) {
    memory = { producers: [], sent: [], batches: 0 };
    memories.set(play, memory);
  }
  return memory;
}

/** One of a list, by a number modulo its length. */
const pick = <Item>(items: readonly Item[], selector: number): Item | undefined =>
  items.length === 0 ? undefined : items[selector % items.length];

/**
 * INIT_PRODUCER: `how` is `new`, `named` (`n` picks one of three names), `take` (the id of producer `p`), `wrong epoch`,
 * `wrong name` or `unknown`. A connection that is closed is opened anew.
 */
const init: Op = async (play, step) => {
  const { producers } = memoryOf(play);
  const c = await openOf(play, numberOf(step, 'c', 0));
  const how = textOf(step, 'how', 'new');
  const known = pick(producers, numberOf(step, 'p', 0));
  const name = how === 'named' ? (play.value(`~n${numberOf(step, 'n', 0) % 3}`) as string) : '';
  const header = headerOf(play, how, name, known);
  if (header === undefined) return;
  play.kept.delete('id');
  play.kept.delete('epoch');
  await run('request', play, { c, frame: 'INIT_PRODUCER', header, keep: { id: 'producerId', epoch: 'epoch' } });
  const id = play.kept.get('id');
  if (typeof id !== 'number') return;
  const epoch = (play.kept.get('epoch') ?? 0) as number;
  const before = producers.find((one) => one.id === id);
  if (before === undefined) producers.push({ id, epoch, name, holder: c, next: new Map(), sent: [] });
  else Object.assign(before, { epoch, holder: c });
};

/** The place of a connection that can be used, by its number modulo how many there are. */
async function openOf(play: Play, selector: number): Promise<number> {
  const place = play.connections.length === 0 ? -1 : selector % play.connections.length;
  if (place >= 0 && play.connections[place]?.state !== 'closed') return place;
  await run('open', play, {});
  return play.connections.length - 1;
}

/** Where a producer goes on: the connection that holds its id, or a new one that takes it over. */
async function holderOf(play: Play, producer: Known): Promise<number> {
  if (play.connections[producer.holder]?.state === 'closed')
    await init(play, { op: 'init', c: producer.holder, how: 'take', p: memoryOf(play).producers.indexOf(producer) });
  return producer.holder;
}

function headerOf(play: Play, how: string, name: string, known: Known | undefined): JsonObject | undefined {
  if (how === 'new') return {};
  if (how === 'named') return { name };
  if (how === 'unknown') return { producerId: 7 };
  if (known === undefined) return undefined;
  const { id: producerId, epoch } = known;
  if (how === 'wrong epoch') return { producerId, epoch: epoch + 1 };
  if (how === 'wrong name') return { producerId, epoch, name: play.value('~nobody') as string };
  return { producerId, epoch, ...(how === 'take by name' ? { name: known.name } : {}) };
}

/**
 * SEND of producer `p` (0: without an id) to queue `q` of `topic`, `times` one after the other. Without `c` it goes by the
 * connection that holds the id, or a new one that takes it over. `how`: `next`, `again` (the bytes of the `n`-th last batch),
 * `gap`, `conflict` (another batch with the number of the last), `old epoch`. `patch` changes bytes, `seal` sets length and
 * checksum anew.
 */
const produce: Op = async (play, step) => {
  for (let i = 0; i < numberOf(step, 'times', 1); i++) await produceOne(play, step);
};

async function produceOne(play: Play, step: Step): Promise<void> {
  const memory = memoryOf(play);
  const selector = numberOf(step, 'p', 0);
  const producer = selector === 0 ? undefined : pick(memory.producers, selector - 1);
  const sent = producer?.sent ?? memory.sent;
  const again = textOf(step, 'how') === 'again' ? sent.at(-1 - numberOf(step, 'n', 0)) : undefined;
  const c =
    typeof step.c === 'number' || producer === undefined
      ? await openOf(play, numberOf(step, 'c', 0))
      : await holderOf(play, producer);
  const { hex, queue } = again ?? newBatch(play, step, memory, producer);
  if (again === undefined) {
    sent.push({ hex, queue });
    if (sent.length > 100) sent.shift();
  }
  const header = { topic: textOf(step, 'topic', '~t'), queue, ack: numberOf(step, 'ack', 0) };
  const parts = { c, header, payload: { hex } };
  if (flagOf(step, 'oneWay')) return run('oneWay', play, { ...parts, frame: 'SEND' });
  return run('request', play, { ...parts, frame: 'SEND', wait: flagOf(step, 'wait', true) });
}

function newBatch(play: Play, step: Step, memory: Memory, producer: Known | undefined): Sent {
  const queue = numberOf(step, 'q', 0);
  const count = numberOf(step, 'count', 1);
  const how = textOf(step, 'how', 'next');
  const epoch = (producer?.epoch ?? 0) - (how === 'old epoch' ? 1 : 0);
  const window = `${epoch}/${queue}`;
  const next = producer?.next.get(window) ?? 0;
  const baseSequence = how === 'gap' ? next + 1 + numberOf(step, 'n', 0) : how === 'conflict' ? Math.max(0, next - 1) : next;
  if (how === 'next') producer?.next.set(window, next + count);
  const payload = {
    batch: {
      count,
      records: [{ body: `b${memory.batches++}` }],
      producerId: producer?.id ?? 0,
      producerEpoch: Math.max(0, epoch),
      baseSequence: producer === undefined ? 0 : baseSequence,
      compress: flagOf(step, 'compress'),
    },
    patch: listOf(step, 'patch'),
  };
  const bytes = payloadOf(play, nodePlatform, payload);
  return { hex: hexOf(flagOf(step, 'seal') ? sealed(bytes) : bytes), queue };
}

/** A SEND of so many `bytes` to queue 0 of `~t`: right in all but its length, and in what `patch` changes. */
const produceLarge: Op = async (play, step) => {
  const one = payloadOf(play, nodePlatform, { batch: { records: [{ body: 'large' }] } });
  const batch = new Uint8Array(numberOf(step, 'bytes', 0));
  batch.set(one);
  const bytes = sealed(batch);
  for (const [at, hex] of listOf(step, 'patch') as readonly (readonly [number, string])[]) bytes.set(bytesOf(hex), at);
  const connection = play.connection(undefined);
  if (connection === undefined || connection.state === 'closed') return;
  const correlation = connection.nextCorrelation();
  // Not by way of hex, which takes its time for millions of bytes.
  connection.frame({
    type: FRAMES.SEND.type,
    correlation,
    control: controlOf(play, 'SEND', { topic: '~t' }, ''),
    payload: bytes,
  });
  await play.untilAnswered(() => connection.answered.has(correlation) || connection.state === 'closed');
};

export const PRODUCE_OPS: Readonly<Record<string, Op>> = { drain, die, breakOffStart, tell, init, produce, produceLarge };
