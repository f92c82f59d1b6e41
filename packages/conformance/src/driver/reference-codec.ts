import * as core from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';
import { type BatchJson, type BatchSaid, batchBytes, batchJson, readBatch } from '../codec/batch-json.ts';
import { type FrameJson, frameBytes, readFrame } from '../codec/frame-json.ts';
import { codecOf, fromCore, toCore } from '../codec/schema-json.ts';
import { bytesOf, hexOf, type Json, type JsonObject } from '../json.ts';
import { listOf, numberOf, objectOf, textOf } from '../play/program.ts';
import type { CallDone, Driver, Manifest } from './driver.ts';
import type { Engines } from './engines.ts';

type Answers = (args: JsonObject, engines: Engines) => JsonObject;

/** The codec and the pure functions of this repository as a subject, in this process or behind lines of JSON. */
export class ReferenceCodec implements Driver {
  readonly manifest: Manifest = {
    name: 'qanat',
    version: '0.1.0',
    language: 'TypeScript',
    roles: ['codec'],
    abilities: ['functions'],
  };
  readonly #engines: Engines;

  /** @param engines those that ship, or others with a bug in them. */
  constructor(engines: Engines = core) {
    this.#engines = engines;
  }

  call(op: string, args: JsonObject, done: CallDone): void {
    const answers = answersTo(op, args);
    if (answers === undefined) return done({ kind: 'unsupported', text: `there is no ${op} ${textOf(args, 'what')}` }, null);
    let ok: JsonObject;
    try {
      ok = answers(args, this.#engines);
    } catch (error) {
      const { message } = error as Error;
      if (core.QanatError.is(error)) return done({ kind: 'failed', code: error.code, text: message }, null);
      return done({ kind: 'invalid', text: message }, null);
    }
    done(undefined, ok);
  }

  onTold(): void {}

  async close(): Promise<void> {}
}

function answersTo(op: string, args: JsonObject): Answers | undefined {
  const table = op === 'decode' ? DECODE : op === 'encode' ? ENCODE : FUNCTIONS;
  const name = table === FUNCTIONS ? op : textOf(args, 'what');
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const hexIn = (args: JsonObject): Uint8Array => bytesOf(textOf(args, 'hex'));

const DECODE: Readonly<Record<string, Answers>> = {
  preface: (args, engines) => {
    const bytes = hexIn(args);
    const read = new engines.PrefaceReader().push(bytes);
    if (core.QanatError.is(read)) throw read;
    return read === undefined ? { incomplete: true } : { major: engines.PROTOCOL_MAJOR };
  },
  frame: (args, engines) => ({ ...readFrame(hexIn(args), engines) }) as JsonObject,
  header: (args, engines) => {
    const message = textOf(args, 'message');
    return { header: fromCore(message, codecOf(message, engines).decode(hexIn(args))) };
  },
  batch: (args, engines) => batchJson(checkedBatch(hexIn(args), engines)),
};

const ENCODE: Readonly<Record<string, Answers>> = {
  preface: (args, engines) => ({ hex: hexOf(engines.encodePreface(numberOf(args, 'major', engines.PROTOCOL_MAJOR))) }),
  frame: (args, engines) => ({ hex: hexOf(frameBytes(args as unknown as FrameJson, engines)) }),
  header: (args, engines) => {
    const message = textOf(args, 'message');
    return { hex: hexOf(codecOf(message, engines).encode(toCore(message, objectOf(args, 'header')))) };
  },
  batch: (args, engines) => ({ hex: hexOf(batchBytes(args as unknown as BatchJson, engines)) }),
};

/** A batch as a consumer takes it, or, before a broker has stamped it, as its producer does. @throws QanatError INVALID_BATCH. */
function checkedBatch(bytes: Uint8Array, engines: Engines): BatchSaid {
  const form = engines.batchFormError(bytes);
  const isStamped = form === undefined && bytes.subarray(engines.BATCH_AT.baseOffset, engines.BATCH_BROKER_BYTES).some(Boolean);
  const wrong = form ?? (isStamped ? engines.verifyBatch(nodePlatform, bytes) : bodyError(bytes, engines));
  if (wrong !== undefined) throw new core.QanatError('INVALID_BATCH', wrong);
  return readBatch(bytes, engines);
}

const bodyError = (bytes: Uint8Array, engines: Engines): string | undefined =>
  engines.bodyChecksumHolds(nodePlatform, bytes) ? undefined : 'the body checksum does not hold';

const FUNCTIONS: Readonly<Record<string, Answers>> = {
  checkBatch: (args, engines) => {
    const bytes = hexIn(args);
    return { valid: engines.batchFormError(bytes) === undefined && engines.bodyChecksumHolds(nodePlatform, bytes) };
  },
  crc32: (args, engines) => ({ crc32: engines.portableCrc32(hexIn(args), 0) }),
  name: (args, engines) => ({ valid: engines.nameError(textOf(args, 'text')) === undefined }),
  tag: (args, engines) => ({ valid: engines.tagError(textOf(args, 'text')) === undefined }),
  filter: (args, engines) => {
    const tags = engines.parseFilter(textOf(args, 'text'));
    return { tags: tags === undefined ? null : [...tags] };
  },
  passes: (args, engines) => {
    const tag = typeof args.tag === 'string' ? args.tag : undefined;
    return { passes: engines.passes(engines.parseFilter(textOf(args, 'filter')), tag) };
  },
  outcome: (args, engines) => {
    const number = numberOf(args, 'code', 0);
    const { retryable, outcome } = new engines.QanatError(engines.codeOfWireNumber(number), '', { wireNumber: number });
    return { retryable, outcome };
  },
  queueOfKey: (args, engines) => {
    const queues = listOf(args, 'queues') as readonly (readonly [broker: string, queue: number])[];
    const hashes = queues.map(([broker, queue]) => engines.queueHash(nodePlatform, broker, queue));
    return { queue: queues[engines.queueOfKey(engines.textChecksum(nodePlatform, textOf(args, 'key')), hashes)] ?? null };
  },
  allocate: (args, engines) => (STRATEGIES[textOf(args, 'strategy')] ?? STRATEGIES.AVERAGELY)(args, engines),
};

const STRATEGIES: Readonly<Record<string, Answers>> & { readonly AVERAGELY: Answers } = {
  AVERAGELY: (args, engines) => {
    const members = numberOf(args, 'members', 0);
    const shares = Array.from({ length: members }, (_, index) => {
      const { start, count } = engines.allocateAveragely(numberOf(args, 'queues', 0), members, index);
      return count === 0 ? [] : [start, count];
    });
    return { shares };
  },
  CIRCLE: (args, engines) => {
    const members = numberOf(args, 'members', 0);
    const queues = Array.from({ length: numberOf(args, 'queues', 0) }, (_, queue) => queue);
    return { owners: queues.map((queue) => engines.allocateByCircle(queue, members)) };
  },
  STICKY: (args, engines) => {
    const held = listOf(args, 'held') as readonly Json[];
    const [owners, members] = [listOf(args, 'owners') as string[], listOf(args, 'members') as string[]];
    return { result: engines.allocateSticky(owners, members, (queue) => (held[queue] as string | null) ?? undefined) };
  },
};
