// The snapshot files: `snap/<20 digits>.snap`, a CRC-32 of the rest and a Snapshot message. The two newest are kept.
import { QanatError } from '../../errors.ts';
import type { Platform } from '../../platform.ts';
import type { StoredFile } from '../../storage.ts';
import { readUint32 } from '../../wire/bytes.ts';
import { Snapshot } from '../../wire/gen/messages.ts';
import type { LogHost } from './log-host.ts';
import { positionDigits } from './segment.ts';
import { CHECKSUM_BYTES } from './snapshot-file.ts';
import { perform, type StorageTask } from './storage-task.ts';

const KEPT = 2;
const NAME = /^snap\/(\d{20})\.snap$/;

export const snapshotName = (position: number): string => `snap/${positionDigits(position)}.snap`;

const positionOf = ({ name }: StoredFile): number => Number((NAME.exec(name) as RegExpExecArray)[1]);

/** The snapshot files among others, the oldest first. */
export const snapshotFiles = (files: readonly StoredFile[]): StoredFile[] =>
  files.filter(({ name }) => NAME.test(name)).sort((a, b) => (a.name < b.name ? -1 : 1));

export class SnapshotStore {
  readonly #host: LogHost;
  readonly #platform: Platform;
  /** Positions of the files that are there, ascending. */
  #positions: number[] = [];
  /** Lengths of those of them that were written by us or read whole. */
  readonly #verified = new Map<number, number>();
  readonly #damaged = new Set<number>();
  /** Of the newest one. */
  #bytes = 0;

  constructor(host: LogHost, platform: Platform) {
    this.#host = host;
    this.#platform = platform;
  }

  /** Reads the newest snapshot that verifies; a damaged one is passed, since the one before it and the log say the same. */
  *newest(files: readonly StoredFile[]): StorageTask<Snapshot | undefined> {
    const found = snapshotFiles(files);
    this.#positions = found.map(positionOf);
    for (const file of found.reverse()) {
      const bytes = yield* perform({ op: 'read', name: file.name, position: 0, length: file.size });
      const snapshot = decodeSnapshotFile(this.#platform, bytes);
      if (snapshot !== undefined && snapshotName(snapshot.position) === file.name) {
        this.#verified.set(snapshot.position, bytes.length);
        this.#bytes = bytes.length;
        return snapshot;
      }
      this.#damaged.add(positionOf(file));
      this.#host.log('error', 'log.snapshot.damaged', { file: file.name });
    }
    return undefined;
  }

  /** Length of the newest snapshot; 0 without one. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is below is in both snapshots; 0 while it is not known that two are whole. */
  get coveredTo(): number {
    return this.#verified.size < KEPT ? 0 : Math.min(...this.#verified.keys());
  }

  /** The newest snapshot, or the one at `position`; undefined where there is none. */
  find(position: number): { readonly position: number; readonly bytes: number } | undefined {
    const found = position === 0 ? Math.max(0, ...this.#verified.keys()) : position;
    const bytes = this.#verified.get(found);
    return bytes === undefined ? undefined : { position: found, bytes };
  }

  /** Writes the file of a snapshot, then removes those that are too many, damaged ones first. */
  *write(position: number, bytes: Uint8Array): StorageTask<void> {
    yield* perform({ op: 'replace', name: snapshotName(position), bytes });
    this.#bytes = bytes.length;
    this.#verified.set(position, bytes.length);
    this.#damaged.delete(position);
    if (!this.#positions.includes(position)) this.#positions.push(position);
    while (this.#positions.length > KEPT) {
      const [damaged] = this.#damaged;
      const gone = damaged ?? Math.min(...this.#positions);
      yield* perform({ op: 'unlink', name: snapshotName(gone) });
      this.#positions = this.#positions.filter((position) => position !== gone);
      this.#verified.delete(gone);
      this.#damaged.delete(gone);
    }
  }
}

/** @returns undefined when the bytes are no snapshot, or damaged. */
export function decodeSnapshotFile(platform: Platform, bytes: Uint8Array): Snapshot | undefined {
  if (bytes.length < CHECKSUM_BYTES) return undefined;
  const body = bytes.subarray(CHECKSUM_BYTES);
  if (platform.crc32(body, 0) !== readUint32(bytes, 0)) return undefined;
  try {
    return Snapshot.decode(body);
  } catch (error) {
    if (QanatError.is(error)) return undefined;
    throw error;
  }
}
