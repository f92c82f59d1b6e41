import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** The signals that ask the command to stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM';

/** Everything that a run of the command touches; tests give their own. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Data only. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Everything else. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @returns what stops the listening. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
  /** SIGHUP: files are to be read again. @returns what stops the listening. */
  onReload(listener: () => void): () => void;
}

const STDOUT = 1;

/**
 * Standard output that never blocks. `process.stdout` writes to a pipe in one go: a slow reader would stop the whole process,
 * heartbeats included, and a group would take its member for dead.
 */
function openStdout(): CliIo['stdout'] {
  const isPipe = process.platform !== 'win32' && fstatSync(STDOUT).isFIFO();
  // Node puts the mode of the descriptor back when the process ends.
  return isPipe ? new Socket({ fd: STDOUT, readable: false, writable: true }) : process.stdout;
}

/** The streams, the environment and the signals of this process. */
export function processIo(): CliIo {
  return {
    get stdin() {
      return process.stdin; // Touching it opens it: not before somebody reads.
    },
    stdout: openStdout(),
    stderr: process.stderr,
    env: process.env,
    onSignal(listener) {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
    onReload(listener) {
      process.on('SIGHUP', listener);
      return () => void process.off('SIGHUP', listener);
    },
  };
}
