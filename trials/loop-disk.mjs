// A file system of its own in a file, mounted over a loop device, whose power can be cut. Needs root and a few tools.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { beforeExit } from './processes.mjs';

const MIB = 1024 * 1024;
const mounted = new Set();

/** A mount that stays behind would keep the directory of the trial from being removed. */
beforeExit(() => {
  for (const disk of mounted) disk.detach();
});

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

const has = (tool) =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin'].some((directory) => existsSync(join(directory, tool)));

/** @returns why no such disk can be made here; undefined when it can. */
export function whyNoLoopDisk(tools) {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid() !== 0) return 'it needs root, to mount a file system';
  const missing = ['mount', 'umount', ...tools].filter((tool) => !has(tool));
  if (missing.length > 0) return `it needs ${missing.join(', ')} (Debian: xfsprogs, e2fsprogs, mount)`;
  if (tools.length > 0 && !existsSync('/dev/loop-control')) return 'it needs loop devices';
  return undefined;
}

export class LoopDisk {
  mountPoint;
  #image;

  /** @param type ext4 or xfs. The file is sparse: it takes what is written to it. */
  constructor(directory, type, mib) {
    this.mountPoint = join(directory, `mnt-${type}`);
    this.#image = join(directory, `${type}.img`);
    mkdirSync(this.mountPoint, { recursive: true });
    const fd = openSync(this.#image, 'w');
    ftruncateSync(fd, mib * MIB);
    closeSync(fd);
    if (type === 'ext4') run('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1', this.#image);
    else run('mkfs.xfs', '-q', '-f', this.#image);
    this.mount();
  }

  mount() {
    run('mount', '-o', 'loop', this.#image, this.mountPoint);
    mounted.add(this);
  }

  /** What is not on the device now will not be: nothing more reaches it, not even the journal's buffers. */
  cutPower() {
    run('xfs_io', '-x', '-c', 'shutdown', this.mountPoint);
  }

  /** Lets the kernel write back a part of a file, as it does at any time, without the promise of a sync. */
  writeBack(file, from, length) {
    run('xfs_io', '-c', `sync_range -b -w -a ${from} ${length}`, file);
  }

  unmount() {
    run('umount', this.mountPoint);
    mounted.delete(this);
  }

  /** Whatever still uses it. */
  detach() {
    try {
      run('umount', '-l', this.mountPoint);
    } catch {
      // It was not mounted.
    }
    mounted.delete(this);
  }
}

/** A file system in memory of this size, for a disk that fills up. */
export class MemoryDisk {
  mountPoint;

  constructor(directory, mib) {
    this.mountPoint = join(directory, 'mnt-tmpfs');
    mkdirSync(this.mountPoint, { recursive: true });
    run('mount', '-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', this.mountPoint);
    mounted.add(this);
  }

  detach() {
    try {
      run('umount', '-l', this.mountPoint);
    } catch {
      // It was not mounted.
    }
    mounted.delete(this);
  }
}
