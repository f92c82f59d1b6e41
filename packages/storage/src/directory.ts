import { close, fsync, mkdir, open } from 'node:fs';
import { dirname } from 'node:path';

type Done = (error: Error | null) => void;

/** Puts the names in a directory on stable storage. Windows has no such call and needs none. */
export function syncDirectory(path: string, done: Done): void {
  if (process.platform === 'win32') return void process.nextTick(done, null);
  open(path, 'r', (openError, fd) => {
    if (openError) return done(openError);
    fsync(fd, (syncError) => close(fd, (closeError) => done(syncError ?? closeError)));
  });
}

/** Makes a directory and those above it; the names of those that were made are on stable storage when it ends. */
export function makeDirectory(path: string, done: Done): void {
  mkdir(path, { mode: 0o750 }, (error) => {
    if (error === null) return syncDirectory(dirname(path), done);
    if (error.code === 'EEXIST') return done(null);
    if (error.code !== 'ENOENT' || dirname(path) === path) return done(error);
    makeDirectory(dirname(path), (above) => (above === null ? makeDirectory(path, done) : done(above)));
  });
}
