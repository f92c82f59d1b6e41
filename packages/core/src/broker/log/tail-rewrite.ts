// Writes the unproven end of the log again. After a failed sync the page cache may show bytes that the disk does not have, so
// what recovery reads there is trusted only when it was written and synced once more. A copy keeps it safe meanwhile.
import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import { readUint32, readUint53, writeUint32At, writeUint53At } from '../../wire/bytes.ts';
import { fileOffset, segmentBaseOf } from './segment.ts';
import { perform, type StorageTask } from './storage-task.ts';

/**
 * u32 CRC-32 of the rest, u64 position, then the bytes of the log from that position to its end. There during a recovery only.
 */
export const TAIL_FILE = 'log/tail';
const AT = { checksum: 0, position: 4, bytes: 12 } as const;

/** Cuts the log at `from` and writes [from, to) again byte for byte; survives a crash at every step. */
export function* rewriteTail(platform: Platform, name: string, base: number, from: number, to: number): StorageTask<void> {
  const tail = yield* perform({ op: 'read', name, position: fileOffset(base, from), length: to - from });
  if (tail.length !== to - from) throw new QanatError('STORE_IO', `${name}: read ${tail.length} bytes instead of ${to - from}`);
  const copy = new Uint8Array(AT.bytes + tail.length);
  writeUint53At(copy, AT.position, from);
  copy.set(tail, AT.bytes);
  writeUint32At(copy, AT.checksum, platform.crc32(copy.subarray(AT.position), 0));
  yield* perform({ op: 'replace', name: TAIL_FILE, bytes: copy });
  yield* writeTail(name, base, from, copy.subarray(AT.bytes));
}

/**
 * Ends a rewrite that a crash interrupted: the copy is there, so the log goes up to its position and on with its bytes.
 *
 * @returns the position up to which the log is on stable storage now, or undefined when there was nothing to end.
 */
export function* resumeRewrite(platform: Platform, files: readonly StoredFile[]): StorageTask<number | undefined> {
  const file = files.find(({ name }) => name === TAIL_FILE);
  if (file === undefined) return undefined;
  const copy = yield* perform({ op: 'read', name: TAIL_FILE, position: 0, length: file.size });
  if (copy.length < AT.bytes || platform.crc32(copy.subarray(AT.position), 0) !== readUint32(copy, AT.checksum)) {
    throw new QanatError('CORRUPT_LOG', `${TAIL_FILE}: the copy of the log's end is damaged`);
  }
  const from = readUint53(copy, AT.position);
  const segments = files.flatMap(({ name, size }) => {
    const base = segmentBaseOf(name);
    return base === undefined || base > from ? [] : [{ name, base, size }];
  });
  const segment = segments.sort((a, b) => a.base - b.base).at(-1);
  if (segment === undefined || segment.size < fileOffset(segment.base, from)) {
    throw new QanatError('CORRUPT_LOG', `${TAIL_FILE}: the log ends before position ${from}, where this copy of its end begins`);
  }
  yield* writeTail(segment.name, segment.base, from, copy.subarray(AT.bytes));
  return from + copy.length - AT.bytes;
}

function* writeTail(name: string, base: number, from: number, bytes: Uint8Array): StorageTask<void> {
  yield* perform({ op: 'truncate', name, size: fileOffset(base, from) });
  yield* perform({ op: 'append', name, parts: [bytes] });
  yield* perform({ op: 'sync', name });
  yield* perform({ op: 'unlink', name: TAIL_FILE });
}
