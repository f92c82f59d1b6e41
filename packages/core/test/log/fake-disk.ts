// A disk for tests of the log: a request ends when the test pumps it, and a power cut takes what was not synced.
import { QanatError, Random, type StorageRequest } from '../../src/index.ts';

type Done = (error: QanatError | undefined, result: unknown) => void;
type Failure = 'append' | 'short' | 'sync' | 'truncate' | 'create' | 'replace' | 'unlink' | 'read';

interface File {
  /** What reads see. */
  cache: Uint8Array;
  /** What survives. */
  disk: Uint8Array;
  /** From here on `cache` waits for a sync; nothing does when it is the length of the cache. */
  dirtyFrom: number;
}

interface Pending {
  readonly request: StorageRequest;
  readonly done: Done;
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

export class FakeDisk {
  readonly files = new Map<string, File>();
  readonly requests: StorageRequest[] = [];
  freeBytes = 2 ** 40;
  #pending: Pending[] = [];
  #failures: Failure[] = [];

  /** The next request of the kind fails; `short` is an append that writes half. */
  failNext(failure: Failure): void {
    this.#failures.push(failure);
  }

  storage(request: StorageRequest, done: Done): void {
    this.requests.push(request);
    this.#pending.push({ request, done });
  }

  get pending(): readonly StorageRequest[] {
    return this.#pending.map(({ request }) => request);
  }

  count(op: StorageRequest['op']): number {
    return this.requests.filter((request) => request.op === op).length;
  }

  /** Ends the oldest request. @returns false when there is none. */
  step(): boolean {
    const next = this.#pending.shift();
    if (next === undefined) return false;
    const { request, done } = next;
    try {
      done(undefined, this.#perform(request));
    } catch (error) {
      if (!QanatError.is(error, 'STORE_IO')) throw error;
      done(error, undefined);
    }
    return true;
  }

  pump(stepsMax = Number.POSITIVE_INFINITY): number {
    let steps = 0;
    while (steps < stepsMax && this.step()) steps++;
    return steps;
  }

  /** The process is gone, the machine is not: what was written stays readable, whether or not it is on the disk. */
  kill(): void {
    this.#pending = [];
    this.#failures = [];
  }

  /** Each request under way has happened or not, and of the bytes that were not synced anything may be there. */
  powerCut(seed: number): void {
    const random = new Random(seed);
    this.#failures = [];
    for (const { request } of this.#pending) {
      if (random.below(2) === 0) break;
      if (request.op === 'append' && random.below(2) === 0) {
        const whole = joined(...request.parts);
        this.#append(request.name, whole.subarray(0, random.below(whole.length)));
        break;
      }
      this.#perform(request);
    }
    this.kill();
    for (const file of this.files.values()) {
      file.cache = this.#survivors(file, random);
      file.disk = file.cache.slice();
      file.dirtyFrom = file.cache.length;
    }
  }

  /** The logical content of each file. */
  contents(): Map<string, string> {
    return new Map([...this.files].map(([name, file]) => [name, Buffer.from(file.cache).toString('base64')]));
  }

  flip(name: string, at: number, mask = 1): void {
    const file = this.#file(name);
    for (const bytes of [file.cache, file.disk]) bytes[at] = (bytes[at] as number) ^ mask;
  }

  cutTo(name: string, size: number): void {
    const file = this.#file(name);
    file.cache = file.cache.slice(0, size);
    file.disk = file.disk.slice(0, size);
    file.dirtyFrom = Math.min(file.dirtyFrom, size);
  }

  append(name: string, bytes: Uint8Array): void {
    this.#append(name, bytes);
    this.#sync(name);
  }

  /** Synced bytes survive; of the others a prefix, with pages of 32 bytes missing in it now and then. */
  #survivors(file: File, random: Random): Uint8Array {
    const { cache, disk, dirtyFrom } = file;
    const lost = Math.max(0, cache.length - dirtyFrom);
    const kept = dirtyFrom + random.below(lost + 1);
    const bytes = new Uint8Array(Math.max(Math.min(disk.length, cache.length), kept));
    bytes.set(disk.subarray(0, bytes.length));
    if (dirtyFrom < kept) bytes.set(cache.subarray(dirtyFrom, kept), dirtyFrom);
    if (random.below(3) === 0) {
      for (let at = dirtyFrom; at < kept; at += 32) if (random.below(3) === 0) bytes.fill(0, at, Math.min(kept, at + 32));
    }
    return bytes;
  }

  #takeFailure(kind: Failure): boolean {
    if (this.#failures[0] !== kind) return false;
    this.#failures.shift();
    return true;
  }

  #fail(what: string): never {
    throw new QanatError('STORE_IO', what);
  }

  #file(name: string): File {
    return this.files.get(name) ?? this.#fail(`${name} is not there`);
  }

  #perform(request: StorageRequest): unknown {
    if (request.op !== 'append' && this.#takeFailure(request.op as Failure)) {
      if (request.op === 'sync') {
        // The kernel marks the pages clean, and the next sync says that all is well.
        const file = this.#file(request.name);
        file.dirtyFrom = file.cache.length;
      }
      this.#fail(`${request.op} failed`);
    }
    switch (request.op) {
      case 'list':
        return [...this.files].map(([name, file]) => ({ name, size: file.cache.length })).reverse();
      case 'create':
        if (this.files.has(request.name)) this.#fail(`${request.name} exists`);
        this.files.set(request.name, { cache: new Uint8Array(0), disk: new Uint8Array(0), dirtyFrom: 0 });
        return undefined;
      case 'append': {
        const bytes = joined(...request.parts);
        if (this.#takeFailure('append')) this.#fail('append failed');
        if (this.#takeFailure('short')) {
          this.#append(request.name, bytes.subarray(0, bytes.length >> 1));
          this.#fail('short write');
        }
        this.#append(request.name, bytes);
        return undefined;
      }
      case 'read':
        return this.#file(request.name).cache.slice(request.position, request.position + request.length);
      case 'sync':
        this.#sync(request.name);
        return undefined;
      case 'truncate':
        this.cutTo(request.name, request.size);
        return undefined;
      case 'unlink':
        this.files.delete(request.name);
        return undefined;
      case 'replace': {
        const bytes = request.bytes.slice();
        this.files.set(request.name, { cache: bytes, disk: bytes.slice(), dirtyFrom: bytes.length });
        return undefined;
      }
      case 'freeSpace':
        return this.freeBytes;
      case 'close':
        return undefined;
    }
  }

  #append(name: string, bytes: Uint8Array): void {
    const file = this.#file(name);
    file.cache = joined(file.cache, bytes);
  }

  #sync(name: string): void {
    const file = this.#file(name);
    const disk = new Uint8Array(file.cache.length);
    disk.set(file.disk.subarray(0, disk.length));
    disk.set(file.cache.subarray(file.dirtyFrom), file.dirtyFrom);
    file.disk = disk;
    file.dirtyFrom = file.cache.length;
  }
}
