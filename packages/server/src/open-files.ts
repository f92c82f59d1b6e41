import { readFileSync } from 'node:fs';
import { LIMITS } from '@qanat/core';

/** Files that a server needs beside its connections: log, index, snapshots, standard streams. */
export const RESERVED_FILES = 128;
const LIMITS_FILE = '/proc/self/limits';

/** How many files this process may open; undefined where the platform does not tell. */
function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

/**
 * How many connections may be open at most. A server that runs out of files cannot write its log, so that a crowd of connections
 * would end it: a fifth is left for those that are told that there are too many.
 *
 * @param wanted what the operator wants; default CONNECTIONS_MAX.
 */
export function connectionsThatFit(wanted: number = LIMITS.CONNECTIONS_MAX, files = openFilesMax()): number {
  if (files === undefined) return wanted;
  return Math.max(1, Math.min(wanted, Math.floor(((files - RESERVED_FILES) * 4) / 5)));
}
