// Up to where a replicated log is known to be committed: the file `committed`, replaced whole. It may be behind, never ahead.
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import type { Timer } from '../../timers.ts';
import { readUint32, readUint53, writeUint32At, writeUint53At } from '../../wire/bytes.ts';
import type { LogPlace } from '../replication/replica-log.ts';
import type { Background } from './background.ts';
import type { LogHost } from './log-host.ts';
import { perform, type StorageTask } from './storage-task.ts';

export const COMMITTED_FILE = 'committed';
/** CRC-32 of the rest; the position; the chain of the entry before it. */
const AT = { checksum: 0, position: 4, chain: 12 } as const;
const FILE_BYTES = 16;
/** What a crash takes from it is asked of the master again. */
const WRITE_MS = 1_000;

type CommittedPlace = Pick<LogPlace, 'position' | 'chain'>;

/** @returns undefined where there is no such file, or a damaged one: then only what a snapshot covers is committed. */
export function* readCommitted(platform: Platform, files: readonly StoredFile[]): StorageTask<CommittedPlace | undefined> {
  if (!files.some(({ name }) => name === COMMITTED_FILE)) return undefined;
  const bytes = yield* perform({ op: 'read', name: COMMITTED_FILE, position: 0, length: FILE_BYTES });
  if (bytes.length < FILE_BYTES || platform.crc32(bytes.subarray(AT.position), 0) !== readUint32(bytes, AT.checksum))
    return undefined;
  return { position: readUint53(bytes, AT.position), chain: readUint32(bytes, AT.chain) };
}

export function* writeCommitted(platform: Platform, { position, chain }: CommittedPlace): StorageTask<void> {
  const bytes = new Uint8Array(FILE_BYTES);
  writeUint53At(bytes, AT.position, position);
  writeUint32At(bytes, AT.chain, chain);
  writeUint32At(bytes, AT.checksum, platform.crc32(bytes.subarray(AT.position), 0));
  yield* perform({ op: 'replace', name: COMMITTED_FILE, bytes });
}

export interface CommittedFileParts {
  readonly host: LogHost;
  readonly platform: Platform;
  readonly background: Background;
  committed(): CommittedPlace;
}

/** Writes the file at most once a second. */
export class CommittedFile {
  readonly #parts: CommittedFileParts;
  #timer: Timer | undefined;

  constructor(parts: CommittedFileParts) {
    this.#parts = parts;
  }

  /** More is committed than before. */
  moved(): void {
    const { host } = this.#parts;
    this.#timer ??= host.timers.at(host.nowMs() + WRITE_MS, () => this.#write());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** What is committed now. */
  *task(): StorageTask<void> {
    yield* writeCommitted(this.#parts.platform, this.#parts.committed());
  }

  #write(): void {
    const { background, host } = this.#parts;
    background.run(this.task(), (error) => {
      this.#timer = undefined;
      if (error !== undefined && error.code !== 'CLOSED') host.log('warn', 'log.committed.failed', { error: error.message });
    });
  }
}
