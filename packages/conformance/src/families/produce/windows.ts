// The sequence numbers of producers: what a broker may remember of them, and what it therefore has to answer.
import type { BatchFields } from './batch-oracle.ts';
import type { Facts } from './facts.ts';
import type { Holding, ProducerBook } from './producers.ts';
import { NO_ROOM, type Send } from './sends.ts';

const REMEMBERED = 64;
/** The offset of a duplicate that is no longer remembered. */
export const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;
/** More states than these: nothing is known any more. */
const STATES_MAX = 48;

interface Known {
  readonly base: number;
  readonly count: number;
  readonly checksum: number;
  /** Undefined where nobody told it. */
  readonly offset: number | undefined;
  readonly storeTimeMs: number | undefined;
  readonly life: number;
}

/** What a broker may know of one producer and queue. */
interface Memory {
  readonly next: number;
  readonly batches: readonly Known[];
}

/** What `acceptBatch` of chapter 11 gives. */
export type Accepted =
  | { readonly outcome: 'STORE' }
  | { readonly outcome: 'SEQUENCE_GAP'; readonly expected: number }
  | { readonly outcome: 'DUPLICATE'; readonly original: Known | undefined }
  | { readonly outcome: 'SEQUENCE_CONFLICT' };

function acceptBatch(queue: Memory, batch: BatchFields): Accepted {
  const ahead = (batch.base - queue.next) | 0;
  if (ahead > 0) return { outcome: 'SEQUENCE_GAP', expected: queue.next };
  if (ahead === 0) return { outcome: 'STORE' };
  const original = queue.batches.find((known) => known.base === batch.base);
  if (original?.count === batch.count && original.checksum === batch.checksum) return { outcome: 'DUPLICATE', original };
  const oldest = queue.batches[0];
  const isFull = queue.batches.length === REMEMBERED;
  if (isFull && oldest !== undefined && ((batch.base + batch.count - oldest.base) | 0) <= 0)
    return { outcome: 'DUPLICATE', original: undefined };
  return { outcome: 'SEQUENCE_CONFLICT' };
}

function remember(queue: Memory, { base, count, checksum }: BatchFields, send: Send, life: number): Memory {
  const known = { base, count, checksum, offset: send.offset, storeTimeMs: send.storeTimeMs, life };
  return { next: (base + count) >>> 0, batches: [...queue.batches, known].slice(-REMEMBERED) };
}

/** How a SEND was answered, and how it had to be. */
export interface SequenceJudgement {
  readonly send: Send;
  /** What the broker may have known gives these. */
  readonly expected: readonly Accepted[];
  /** The answer is one of them. */
  readonly holds: boolean;
  /** What it had to know was stored in an earlier life. */
  readonly acrossLives: boolean;
  /** Refused for want of room, though the answer was clear before. */
  readonly noRoom: boolean;
}

interface Window {
  /** Undefined: lost track. */
  states: readonly Memory[] | undefined;
  /** Behind the answers of all that came before. */
  quietFrom: number;
}

/** Replays all batches with producer ids. @returns what could be judged, in order. */
export function judgeSequences(facts: Facts, producers: ProducerBook): readonly SequenceJudgement[] {
  if (facts.hasOddities) return [];
  const windows = new Map<string, Window>();
  const judgements: SequenceJudgement[] = [];
  for (const { send, holding } of inSequence(facts, producers)) {
    const fields = send.fields as BatchFields;
    const place = facts.placeOf(send);
    const window = windowOf(windows, `${fields.producerId}/${fields.epoch}/${place ?? 'lost'}`, place);
    const judgement = step(facts, window, send, holding);
    if (judgement !== undefined) judgements.push(judgement);
    window.quietFrom = Math.max(window.quietFrom, send.end);
  }
  return judgements;
}

function inSequence(facts: Facts, producers: ProducerBook): readonly { readonly send: Send; readonly holding: Holding }[] {
  return facts.sends
    .filter(({ exchange, fields }) => exchange !== undefined && fields !== undefined && fields.producerId !== 0)
    .map((send) => ({ send, holding: producers.holding(send) }));
}

/** A topic that was made anew under an old name may or may not begin with the old numbers: nothing is said of it. */
function windowOf(windows: Map<string, Window>, key: string, place: string | undefined): Window {
  let window = windows.get(key);
  if (window === undefined) {
    const isFirst = place?.split('/').at(-2) === '0';
    window = { states: isFirst ? [{ next: 0, batches: [] }] : undefined, quietFrom: -1 };
    windows.set(key, window);
  }
  return window;
}

function step(facts: Facts, window: Window, send: Send, holding: Holding): SequenceJudgement | undefined {
  const { states } = window;
  if (states === undefined) return undefined;
  if (holding.kind !== 'held' && holding.kind !== 'held or fenced') {
    if (holding.kind === 'unsure' && send.outcome !== 'rejected') window.states = undefined;
    return undefined;
  }
  if (facts.lives.mayLose(-1, send.start)) {
    window.states = undefined;
    return undefined;
  }
  const fields = send.fields as BatchFields;
  const life = facts.lives.lifeAt(send.start);
  const tried = states.map((state) => ({ state, accepted: acceptBatch(state, fields) }));
  if (send.outcome === 'unknown') {
    window.states = bounded([...states, ...tried.map((one) => after(one, fields, send, life))]);
    return undefined;
  }
  if (send.code !== undefined && !isOfSequence(send.code)) return undefined;
  const noRoom = send.code !== undefined && NO_ROOM.has(send.code);
  const fitting = tried.filter(({ accepted }) => (noRoom ? accepted.outcome === 'STORE' : answers(send, accepted)));
  // What is on its way may already be remembered, or not yet: at the edge of what is remembered both are right.
  const atEdge = window.quietFrom > send.start && tried.some(({ accepted }) => isAtEdge(accepted));
  window.states =
    fitting.length === 0
      ? atEdge
        ? states
        : undefined
      : bounded(noRoom ? states : fitting.map((one) => after(one, fields, send, life)));
  if (atEdge) return undefined;
  const acrossLives = tried.some(({ state }) => state.batches.some((known) => known.life < life));
  return { send, expected: tried.map(({ accepted }) => accepted), holds: fitting.length > 0, acrossLives, noRoom };
}

const isAtEdge = (accepted: Accepted): boolean =>
  accepted.outcome === 'SEQUENCE_CONFLICT' || (accepted.outcome === 'DUPLICATE' && accepted.original === undefined);

const isOfSequence = (code: string): boolean => code.startsWith('SEQUENCE_') || NO_ROOM.has(code);

function after(
  { state, accepted }: { readonly state: Memory; readonly accepted: Accepted },
  fields: BatchFields,
  send: Send,
  life: number,
): Memory {
  return accepted.outcome === 'STORE' ? remember(state, fields, send, life) : learnt(state, accepted, send);
}

/** The answer to a duplicate tells where its original is. */
function learnt(state: Memory, accepted: Accepted, { offset, storeTimeMs }: Send): Memory {
  if (accepted.outcome !== 'DUPLICATE' || accepted.original === undefined || accepted.original.offset !== undefined) return state;
  const { original } = accepted;
  return { ...state, batches: state.batches.map((known) => (known === original ? { ...known, offset, storeTimeMs } : known)) };
}

/** Whether the answer is what the broker had to say. */
function answers(send: Send, accepted: Accepted): boolean {
  switch (accepted.outcome) {
    case 'STORE':
      return send.outcome === 'stored';
    case 'DUPLICATE':
      return send.outcome === 'duplicate' && isPlaceOf(send, accepted.original);
    case 'SEQUENCE_GAP':
      return send.code === 'SEQUENCE_GAP' && send.exchange?.response?.header?.expectedSequence === accepted.expected;
    case 'SEQUENCE_CONFLICT':
      return send.code === 'SEQUENCE_CONFLICT';
  }
}

function isPlaceOf({ offset, storeTimeMs }: Send, original: Known | undefined): boolean {
  if (original === undefined) return offset === UNKNOWN_OFFSET;
  return (
    (original.offset ?? offset) === offset && (original.storeTimeMs ?? storeTimeMs) === storeTimeMs && offset !== UNKNOWN_OFFSET
  );
}

function bounded(states: readonly Memory[]): readonly Memory[] | undefined {
  const different = new Map(
    states.map((state) => [`${state.next} ${state.batches.map(({ base, checksum }) => `${base}:${checksum}`)}`, state]),
  );
  return different.size > STATES_MAX ? undefined : [...different.values()];
}
