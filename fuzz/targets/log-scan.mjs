import { ENTRY_AT, ENTRY_HEADER_BYTES, EntryCodec, EntryKind } from '../../packages/core/src/broker/log/entry.ts';
import { LogScan } from '../../packages/core/src/broker/log/log-scan.ts';
import { fileOffset, segmentName } from '../../packages/core/src/broker/log/segment.ts';
import { readUint32 } from '../../packages/core/src/wire/bytes.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { entryOf, sealed, storedBatches } from './log-entry.mjs';
import { bytesOf, concat, must, refusing } from './rules.mjs';

const BASE = 1_000;
const STEPS_MAX = 10_000;
const codec = new EntryCodec(nodePlatform);

/** A row of entries, each behind the one before. */
function row(bodies) {
  const entries = [];
  let position = BASE;
  let previousChain = 0;
  for (const [body, kind] of bodies) {
    const entry = entryOf(body, { kind, position, previousChain, syncedPosition: entries.length > 1 ? BASE : 0 });
    entries.push(entry);
    position += entry.length;
    previousChain = readUint32(entry, ENTRY_AT.chain);
  }
  return concat(entries);
}

/** Runs a task of the log on the bytes of one file. */
function perform(task, input) {
  let step = task.next();
  for (let steps = 0; step.done !== true; steps++) {
    must(steps < STEPS_MAX, 'it reads without end');
    const { op, position, length } = step.value;
    must(op === 'read', 'it asks for', op);
    const from = position - fileOffset(BASE, BASE);
    must(from >= 0 && length > 0 && from + length <= input.length, 'it reads bytes, at, of:', length, from, input.length);
    step = task.next(input.slice(from, from + length));
  }
  return step.value;
}

export default {
  seeds: () => {
    const batches = storedBatches().map((batch) => [batch, EntryKind.BATCH]);
    return [row([[bytesOf('a'), EntryKind.STATE]]), row(batches.slice(0, 4)), row([...batches.slice(0, 2), [bytesOf('b'), 2]])];
  },
  /** Each entry by its length is sealed for the place where it stands. */
  mend(input) {
    const entries = [];
    let position = BASE;
    let previousChain = 0;
    let at = 0;
    while (input.length - at >= ENTRY_HEADER_BYTES) {
      const length = readUint32(input, at);
      if (length < ENTRY_HEADER_BYTES || length > input.length - at) break;
      const entry = sealed(input.subarray(at, at + length), position, previousChain);
      entries.push(entry);
      at += length;
      position += length;
      previousChain = readUint32(entry, ENTRY_AT.chain);
    }
    return concat([...entries, input.subarray(at)]);
  },
  run(input) {
    const end = BASE + input.length;
    let next = BASE;
    const scan = new LogScan(codec, BASE, 0, BASE, (_segment, header, bytes, at) => {
      must(header.position === next && readUint32(bytes, at) === header.length, 'an entry that does not follow');
      next += header.length;
    });
    const segment = { name: segmentName(BASE), base: BASE, fileEnd: end };
    const whole = refusing(['CORRUPT_LOG'], () => perform(scan.segment(segment, end), input));
    must(scan.position === next && next <= end, 'the scan stands elsewhere');
    if (whole === false) perform(scan.lookForEvidence(segment), input);
    must(Number.isSafeInteger(scan.evidence) && scan.evidence <= end, 'evidence', scan.evidence);
  },
};
