// A log on a fake disk, with an observer that writes down what it is told.
import { crc32 } from 'node:zlib';
import {
  CommitLog,
  type CommitLogOptions,
  type LogEntry,
  type LogHost,
  type LogObserver,
} from '../../src/broker/log/commit-log.ts';
import { type Platform, type QanatError, type Snapshot, Timers } from '../../src/index.ts';
import { BATCH_HEADER_BYTES, BATCH_MAGIC, BATCH_VERSION, stampBatch } from '../../src/wire/batch.ts';
import { writeUint16At, writeUint32At } from '../../src/wire/bytes.ts';
import { FakeDisk } from './fake-disk.ts';

export const platform: Platform = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  deflateRaw: (bytes) => bytes,
  inflateRaw: (bytes) => bytes,
};

/** A batch as the broker stores it: the form is right, the records are filling bytes. */
export function batchOf(
  baseOffset: number,
  recordCount: number,
  bytes: number,
  storeTimeMs = 1_000,
  serial = baseOffset,
): Uint8Array {
  const batch = new Uint8Array(BATCH_HEADER_BYTES + bytes).fill(serial & 0xff, BATCH_HEADER_BYTES);
  writeUint16At(batch, 0, BATCH_MAGIC);
  batch[2] = BATCH_VERSION;
  batch[3] = BATCH_HEADER_BYTES / 8;
  writeUint32At(batch, 4, batch.length - 8);
  writeUint32At(batch, 40, recordCount);
  writeUint32At(batch, 60, serial);
  writeUint32At(batch, 32, platform.crc32(batch.subarray(36), 0));
  stampBatch(platform, batch, baseOffset, 1, storeTimeMs);
  return batch;
}

/** One line for an entry: what it says and what it holds. */
export const lineOf = ({ kind, position, length, term, topicId, queue, body }: LogEntry): string =>
  `${kind} ${position}+${length} term ${term} ${topicId}/${queue} ${platform.crc32(body, 0)}`;

export type WorldOptions = Partial<Omit<CommitLogOptions, 'platform' | 'newStoreId'>>;

/** One life of a broker on a disk that outlives it. */
export class LogWorld implements LogObserver {
  readonly timers = new Timers();
  readonly disk: FakeDisk;
  readonly log: CommitLog;
  /** What operators are told. */
  readonly reports: string[] = [];
  readonly events: string[] = [];
  /** All that was applied in this life, by `lineOf`. */
  readonly applied: string[] = [];
  readonly fatals: QanatError[] = [];
  restored: Snapshot | undefined;
  progressed?: () => void;
  now = 0;
  /** What the wall clock shows beyond `now`. */
  wallOffsetMs = 0;

  constructor(options: WorldOptions = {}, disk = new FakeDisk()) {
    this.disk = disk;
    const host: LogHost = {
      timers: this.timers,
      nowMs: () => this.now,
      storage: (request, done) => disk.storage(request, done),
      wallMs: () => this.now + this.wallOffsetMs,
      log: (level, event) => this.reports.push(`${level} ${event}`),
      fatal: (error) => {
        this.events.push(`fatal ${error.code}`);
        this.fatals.push(error);
      },
    };
    this.log = new CommitLog(
      { platform, flush: 'sync', newStoreId: new Uint8Array(16).fill(7), segmentBytes: 4096, blockBytes: 512, ...options },
      host,
      this,
    );
  }

  restore(snapshot: Snapshot | undefined): void {
    this.restored = snapshot;
    this.events.push(`restore ${snapshot?.position ?? 'nothing'}`);
  }

  apply(entry: LogEntry): void {
    this.applied.push(lineOf(entry));
    this.events.push(`apply ${entry.position}`);
  }

  rolledBack(): void {
    this.events.push('rolledBack');
  }

  /** Opens the log to the end of its recovery. */
  open(): QanatError | undefined {
    let result: QanatError | undefined | 'open' = 'open';
    this.log.open((error) => {
      result = error;
    });
    this.disk.pump();
    if (result === 'open') throw new Error('open did not end');
    if (result === undefined) this.log.term ||= 1;
    return result;
  }

  /** Stages a batch; what becomes of it is an event. */
  send(topicId: number, queue: number, batch: Uint8Array, name = 'batch'): void {
    this.log.appendBatch(topicId, queue, batch, (error) => this.events.push(`settle ${name} ${error?.code ?? 'OK'}`));
  }

  commit(): void {
    this.log.commit();
    this.disk.pump();
  }

  /** Reads to the end of the disk's work. */
  read(
    topicId: number,
    queue: number,
    offset: number,
    bytesMax = 2 ** 30,
  ): { batches: readonly Uint8Array[]; nextOffset: number } {
    let result: { batches: readonly Uint8Array[]; nextOffset: number } | undefined;
    this.log.read(topicId, queue, offset, bytesMax, (error, batches, nextOffset) => {
      if (error !== undefined) throw error;
      result = { batches, nextOffset };
    });
    this.disk.pump();
    if (result === undefined) throw new Error('read did not end');
    return result;
  }

  /** Reads a queue to its end. */
  readAll(topicId: number, queue: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let offset = 0; ; ) {
      const { batches, nextOffset } = this.read(topicId, queue, offset);
      if (batches.length === 0) return all;
      all.push(...batches);
      offset = nextOffset;
    }
  }

  advance(ms: number): void {
    this.now += ms;
    this.timers.tick(this.now);
    this.disk.pump();
  }
}
