import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of Linux: another text after each start of the machine. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const FILE = 'boot-id';

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/**
 * Whether the machine has run since the store in `directory` was used last: then what was written to it is there still, synced or
 * not. False where nobody can tell.
 */
export function hasRunSince(directory: string): boolean {
  const present = textOf(BOOT_ID);
  if (present === undefined) return false;
  const path = join(directory, FILE);
  const before = textOf(path);
  if (before !== present) writeFileSync(path, `${present}\n`);
  return before === present;
}
