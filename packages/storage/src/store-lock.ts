import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { QanatError } from '@qanat/core';

const LOCK_FILE = 'LOCK';

/** Gives the lock back. */
export type Unlock = (done: () => void) => void;

/**
 * Takes the store in `directory` (a real path) for this process. The lock is a socket in a name space of the kernel, so it ends
 * with the process however that dies; the file LOCK only tells people who holds it. It does not reach over machines or into
 * other network
 * name spaces (containers).
 * @throws QanatError STORE_LOCKED naming the process that holds it.
 */
export async function lockStore(directory: string): Promise<Unlock> {
  const file = join(directory, LOCK_FILE);
  const name = `qanat-${createHash('sha256').update(directory).digest('hex')}`;
  const unlockSocket =
    process.platform === 'linux' || process.platform === 'win32' ? await holdSocket(name, file) : holdFile(file);
  writeFileSync(file, `${process.pid}\n`);
  return (done) => {
    rmSync(file, { force: true });
    unlockSocket(done);
  };
}

function holdSocket(name: string, file: string): Promise<Unlock> {
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `\0${name}`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? locked(file)
          : new QanatError('STORE_IO', `cannot lock the store: ${error.message}`, { cause: error }),
      );
    });
    server.listen(path, () => {
      server.unref();
      resolve((done) => server.close(() => done()));
    });
  });
}

/** Where the kernel has no such names: the file itself, unless the process that it names is dead. */
function holdFile(file: string): Unlock {
  const pid = holderOf(file);
  if (pid !== undefined && (pid === process.pid || isAlive(pid))) throw locked(file);
  return (done) => process.nextTick(done);
}

function locked(file: string): QanatError {
  const pid = holderOf(file);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new QanatError('STORE_LOCKED', `${who} uses the store (${file})`);
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
