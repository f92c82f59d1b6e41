// The index file of a sealed segment: which batches of which queues stand in it, and where. Derived: a missing or damaged one is
// made anew from the segment. In memory it is the same bytes, so that reading one is a checksum and a little for each queue.
import type { Platform } from '../../platform.ts';
import { readUint32, readUint53, writeUint32At, writeUint53At } from '../../wire/bytes.ts';
import { IndexRun, type QueueRun, RUN_STRIDE } from './index-run.ts';
import { positionDigits } from './segment.ts';

const INDEX_MAGIC = 0x51494458; // "QIDX"
const INDEX_VERSION = 1;
/** Columns are in the order of this machine; a file of another one is made anew. */
const BYTE_ORDER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 2;
const AT = {
  magic: 0,
  version: 4,
  byteOrder: 5,
  base: 8,
  end: 16,
  previousChain: 24,
  chain: 28,
  runs: 32,
  batches: 36,
  firstTime: 40,
  lastTime: 48,
  term: 56,
  checksum: 60,
} as const;
const HEADER_BYTES = 64;
/** Topic, queue, base offset, base time and next offset in two words each, count of batches. */
const RUN_WORDS = 9;
const HIGH = 2 ** 32;
const NAME = /^index\/(\d{20})\.idx$/;

export const indexName = (base: number): string => `index/${positionDigits(base)}.idx`;

/** The base position of the segment in the name of its index file, or undefined for any other name. */
export function indexBaseOf(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What an index file is of; it must be that of the segment that it is used for. */
export interface IndexedSegment {
  readonly base: number;
  readonly end: number;
  readonly previousChain: number;
  /** Of its last entry. */
  readonly chain: number;
  /** Of its last entry. */
  readonly lastTerm: number;
  readonly firstStoreTimeMs: number;
  readonly lastStoreTimeMs: number;
}

export interface SegmentIndex extends IndexedSegment {
  /** Sorted by topic, queue and offset. */
  readonly runs: readonly QueueRun[];
}

/** The index file of a segment. The columns of its runs are in these bytes from now on: nobody may change them. */
export function encodeSegmentIndex(platform: Platform, segment: IndexedSegment, runs: readonly QueueRun[]): Uint8Array {
  let batches = 0;
  for (const { run } of runs) batches += run.count;
  const words = new Uint32Array(HEADER_BYTES / 4 + runs.length * RUN_WORDS + batches * RUN_STRIDE);
  const bytes = new Uint8Array(words.buffer);
  writeUint32At(bytes, AT.magic, INDEX_MAGIC);
  bytes[AT.version] = INDEX_VERSION;
  bytes[AT.byteOrder] = BYTE_ORDER;
  writeUint53At(bytes, AT.base, segment.base);
  writeUint53At(bytes, AT.end, segment.end);
  writeUint32At(bytes, AT.previousChain, segment.previousChain);
  writeUint32At(bytes, AT.chain, segment.chain);
  writeUint32At(bytes, AT.term, segment.lastTerm);
  writeUint32At(bytes, AT.runs, runs.length);
  writeUint32At(bytes, AT.batches, batches);
  writeUint53At(bytes, AT.firstTime, segment.firstStoreTimeMs);
  writeUint53At(bytes, AT.lastTime, segment.lastStoreTimeMs);
  let at = HEADER_BYTES / 4;
  let start = at + runs.length * RUN_WORDS;
  for (const { topicId, queue, run } of runs) {
    words[at] = topicId;
    words[at + 1] = queue;
    putPair(words, at + 2, run.baseOffset);
    putPair(words, at + 4, run.baseTimeMs);
    putPair(words, at + 6, run.nextOffset);
    words[at + 8] = run.count;
    at += RUN_WORDS;
    run.moveTo(words, start);
    start += run.count * RUN_STRIDE;
  }
  writeUint32At(bytes, AT.checksum, checksumOf(platform, bytes));
  return bytes;
}

/** @returns undefined when the bytes are no index of this release and machine, or damaged. */
export function decodeSegmentIndex(platform: Platform, given: Uint8Array): SegmentIndex | undefined {
  if (given.length < HEADER_BYTES || given.length % 4 !== 0 || readUint32(given, AT.magic) !== INDEX_MAGIC) return undefined;
  if (given[AT.version] !== INDEX_VERSION || given[AT.byteOrder] !== BYTE_ORDER) return undefined;
  const runCount = readUint32(given, AT.runs);
  const batches = readUint32(given, AT.batches);
  if (given.length !== HEADER_BYTES + 4 * (runCount * RUN_WORDS + batches * RUN_STRIDE)) return undefined;
  if (checksumOf(platform, given) !== readUint32(given, AT.checksum)) return undefined;
  const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const base = readUint53(bytes, AT.base);
  const runs: QueueRun[] = [];
  let start = HEADER_BYTES / 4 + runCount * RUN_WORDS;
  for (let at = HEADER_BYTES / 4; runs.length < runCount; at += RUN_WORDS) {
    const count = words[at + 8] as number;
    if (start + count * RUN_STRIDE > words.length) return undefined;
    const [baseOffset, baseTimeMs, nextOffset] = [pairAt(words, at + 2), pairAt(words, at + 4), pairAt(words, at + 6)];
    if (Math.max(baseOffset, baseTimeMs, nextOffset) > Number.MAX_SAFE_INTEGER) return undefined;
    const run = new IndexRun(base, baseOffset, baseTimeMs, { columns: words, start, count, nextOffset });
    runs.push({ topicId: words[at] as number, queue: words[at + 1] as number, run });
    start += count * RUN_STRIDE;
  }
  const end = readUint53(bytes, AT.end);
  // NaN where an integer is above 2^53-1.
  if (start !== words.length || !(base <= end)) return undefined;
  return {
    base,
    end,
    previousChain: readUint32(bytes, AT.previousChain),
    chain: readUint32(bytes, AT.chain),
    lastTerm: readUint32(bytes, AT.term),
    firstStoreTimeMs: readUint53(bytes, AT.firstTime),
    lastStoreTimeMs: readUint53(bytes, AT.lastTime),
    runs,
  };
}

function checksumOf(platform: Platform, bytes: Uint8Array): number {
  return platform.crc32(bytes.subarray(HEADER_BYTES), platform.crc32(bytes.subarray(0, AT.checksum), 0));
}

function putPair(words: Uint32Array, at: number, value: number): void {
  words[at] = Math.floor(value / HIGH);
  words[at + 1] = value % HIGH;
}

const pairAt = (words: Uint32Array, at: number): number => (words[at] as number) * HIGH + (words[at + 1] as number);
