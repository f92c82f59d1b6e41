import { decodeFrame, Flag, type HelloOk, type ReplicateOk } from '@qanat/core';
import type { JsonObject } from '../../json.ts';
import type { Op } from '../../play/family.ts';
import type { KitConnection } from '../../play/kit-connection.ts';
import type { Play } from '../../play/play.ts';
import { flagOf, msOf, numberOf, type Step, textOf } from '../../play/program.ts';
import { answerTo, begin } from '../../play/step-frame.ts';
import { PRODUCE_OPS } from '../produce/operations.ts';
import { entriesIn } from './log-entries.ts';

/** How long a slave of the kit asks until it is in sync. */
const JOIN_MS = 6_000;
const WAIT_MS = 200;
const ROUNDS_MAX = 200;
const NEVER_MS = 60_000;
/** Kept by `awaitMaster`. */
const IS_MASTER = 'the subject is master';

interface Place {
  readonly position: number;
  readonly chain: number;
}

/** What a slave of the kit has copied: it writes nothing down, and says that it has stored what the program wants. */
interface Copied {
  /** Where each entry ends; the first is the beginning of the log. */
  readonly places: Place[];
  term: number;
}

const COPIES = new WeakMap<Play, Map<number, Copied>>();

function copyOf(play: Play, replica: number): Copied {
  const copies = COPIES.get(play) ?? new Map<number, Copied>();
  COPIES.set(play, copies);
  const copy = copies.get(replica) ?? { places: [{ position: 0, chain: 0 }], term: 0 };
  copies.set(replica, copy);
  return copy;
}

/** The first answer on a connection is that to HELLO. */
const helloOf = (connection: KitConnection): HelloOk | undefined => connection.answerOf(1) as HelloOk | undefined;

/** Where the request begins: at the `end` of what was copied, at its `start`, one entry `behind`, within an entry, or beyond. */
function placeOf({ places }: Copied, at: string): Place {
  const end = places.at(-1) as Place;
  if (at === 'start') return places[0] as Place;
  if (at === 'behind') return places.at(-2) ?? end;
  if (at === 'within') return { position: Math.max(0, end.position - 8), chain: end.chain };
  return at === 'beyond' ? { position: end.position + 640, chain: end.chain } : end;
}

/**
 * What a step says: `replica`, `life` (its incarnation), `at`, `chain: 'wrong'`, `stored` (a distance from the position that is
 * asked for; default 0), `term` (a distance from that of the master), `probe`, `ms` (to wait), `maxBytes`, `broker`,
 * `store: 'other'`.
 */
function headerOf(copy: Copied, step: Step, hello: HelloOk): JsonObject {
  const { position, chain } = placeOf(copy, textOf(step, 'at', 'end'));
  const store = Array.from(hello.storeId, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    broker: textOf(step, 'broker', hello.name),
    storeId: { $hex: step.store === 'other' ? '5e'.repeat(16) : store },
    replica: numberOf(step, 'replica', 1),
    incarnation: numberOf(step, 'life', 1),
    term: Math.max(0, Math.max(copy.term, hello.term) + numberOf(step, 'term', 0)),
    position,
    chain: step.chain === 'wrong' ? (chain ^ 0x5a5a) >>> 0 : chain,
    stored: Math.max(0, position + numberOf(step, 'stored', 0)),
    probe: flagOf(step, 'probe'),
    waitMs: numberOf(step, 'ms', WAIT_MS),
    maxBytes: numberOf(step, 'maxBytes', 0),
  };
}

/** The entries of an answer. */
function payloadOf(play: Play, connection: KitConnection, correlation: number): Uint8Array {
  for (const event of play.history.events.toReversed()) {
    if (event.kind !== 'frame' || event.connection !== connection.number || event.from !== 'subject') continue;
    const frame = decodeFrame(event.bytes);
    if (frame.correlation === correlation && (frame.flags & Flag.RESPONSE) !== 0) return frame.payload;
  }
  return new Uint8Array(0);
}

/** One REPLICATE of a slave of the kit. @returns the answer, where it is a good one and was waited for. */
async function ask(play: Play, step: Step): Promise<ReplicateOk | undefined> {
  const connection = play.connection(typeof step.c === 'number' ? step.c : undefined);
  const hello = connection && helloOf(connection);
  if (connection === undefined || hello === undefined || connection.state === 'closed') return undefined;
  const copy = copyOf(play, numberOf(step, 'replica', 1));
  const from = placeOf(copy, textOf(step, 'at', 'end'));
  const correlation = begin(play, connection, 'REPLICATE', headerOf(copy, step, hello));
  if (!flagOf(step, 'wait', true)) return undefined;
  await answerTo(play, connection, correlation, Math.min(msOf(step, 'ms', WAIT_MS), NEVER_MS) + 10_000);
  const answer = connection.answerOf(correlation) as ReplicateOk | undefined;
  if (answer === undefined) return undefined;
  copy.term = Math.max(copy.term, answer.term);
  if (from === copy.places.at(-1)) append(copy, payloadOf(play, connection, correlation), from.position);
  return answer;
}

function append({ places }: Copied, payload: Uint8Array, from: number): void {
  for (const { position, end, chain } of entriesIn(payload) ?? [])
    if (position >= from && end > (places.at(-1) as Place).position) places.push({ position: end, chain });
}

const replicate: Op = async (play, step) => void (await ask(play, step));

/** Copies and acknowledges everything, until it is of the in-sync set. */
const join: Op = async (play, step) => {
  const untilMs = play.nowMs() + JOIN_MS;
  const { places } = copyOf(play, numberOf(step, 'replica', 1));
  for (let round = 0; round < ROUNDS_MAX && play.nowMs() < untilMs; round++) {
    const asked = places.at(-1);
    const answer = await ask(play, step);
    if (answer === undefined) await play.pass(WAIT_MS);
    else if (answer.inSync && answer.committed === answer.logEnd && asked === places.at(-1)) return;
  }
};

/** Lives as a slave for some time, `forMs`. */
const keepUp: Op = async (play, step) => {
  const untilMs = play.nowMs() + msOf(step, 'forMs', 1_000);
  while (play.nowMs() < untilMs) if ((await ask(play, step)) === undefined) await play.pass(WAIT_MS);
};

/** Asks for a topic on the connection `c` until the subject takes it: it is master then, and has what it needs. */
const awaitMaster: Op = async (play, step) => {
  const connection = play.connection(numberOf(step, 'c', 0));
  const untilMs = play.nowMs() + JOIN_MS;
  play.kept.delete(IS_MASTER);
  while (connection !== undefined && connection.state !== 'closed' && play.nowMs() < untilMs) {
    const header = { topic: textOf(step, 'topic', '~t'), queues: 1 };
    const correlation = begin(play, connection, 'TOPIC_CREATE', header);
    await answerTo(play, connection, correlation);
    if (connection.answerOf(correlation) !== undefined) return void play.kept.set(IS_MASTER, true);
    await play.pass(WAIT_MS);
  }
};

/** Reads everything, as `drain` does, where the subject has become master in the meantime. */
const drainMaster: Op = async (play, step) => {
  if (play.kept.get(IS_MASTER) === true) await (PRODUCE_OPS.drain as Op)(play, step);
};

/** The kit as a slave of the subject. */
export const SLAVE_OPS: Readonly<Record<string, Op>> = { replicate, join, keepUp, awaitMaster, drainMaster };
