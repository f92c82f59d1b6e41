import { StoredReader, StoredWriter } from './stored-bytes.ts';

const FORMAT = 1;

/** How far a data queue is indexed, under `i/`. */
export interface IndexRecord {
  /** Name of the data queue. */
  readonly queue: string;
  /** Below it every offline session that was known has its pointers. */
  readonly position: number;
  /** By the names of state queues: sessions that went offline up to this version were known. */
  readonly seen: ReadonlyMap<string, number>;
}

export function encodeIndex({ queue, position, seen }: IndexRecord): Uint8Array {
  const w = new StoredWriter(FORMAT).text(queue).number(position);
  return w.list([...seen], ([name, version]) => w.text(name).number(version)).end();
}

/** @throws QanatError CORRUPT_LOG. */
export function decodeIndex(bytes: Uint8Array): IndexRecord {
  const r = new StoredReader(bytes, FORMAT);
  return { queue: r.text(), position: r.number(), seen: new Map(r.list(() => [r.text(), r.number()] as const)) };
}
