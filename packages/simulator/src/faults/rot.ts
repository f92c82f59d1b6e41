import type { MemoryStorage } from '../memory-storage.ts';
import type { RotFault } from './fault.ts';

/**
 * So many syncs after it was written, the log itself says that a byte was durable: each group of entries carries what was
 * synced when it was staged, which is two groups ago. Damage that is younger looks like a torn write, and no broker can tell.
 */
const SYNCS_OF_EVIDENCE = 4;

/** Turns one bit of what is durable for long. @returns false when there is nothing of that kind. */
export function rotDisk(disk: MemoryStorage, { file: kind, at }: RotFault): boolean {
  const suffix = kind === 'log' ? '.seg' : '.snap';
  const names = disk.names.filter((name) => name.endsWith(suffix));
  const files = names.map((name, i) => {
    const file = disk.file(name);
    const bytes = file === undefined ? 0 : i < names.length - 1 ? file.durableSize : file.durableSizeBefore(SYNCS_OF_EVIDENCE);
    return { file, bytes: kind === 'snapshot' ? (file?.durableSize ?? 0) : bytes };
  });
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let position = Math.floor(at * total);
  for (const { file, bytes } of files) {
    if (file !== undefined && position < bytes) {
      file.rot(position, Math.floor(at * total * 8) % 8);
      return true;
    }
    position -= bytes;
  }
  return false;
}
