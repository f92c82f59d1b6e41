import { POINTERS_PER_ENTRY_MAX } from './limits.ts';
import { pointersKey } from './state-keys.ts';
import { StoredReader, StoredWriter } from './stored-bytes.ts';

const FORMAT = 1;

/** Pointers of a session into a data queue, under `p/`. */
export interface Pointers {
  /** Name of the queue. */
  readonly queue: string;
  /** The claim of the session that they belong to. */
  readonly claim: number;
  /** The messages, in order. Empty where the span is to be looked through. */
  readonly offsets: readonly number[];
  /** Everything in `[from, to)` has to be looked through; `to` Infinity: everything behind it too. */
  readonly scan: { readonly from: number; readonly to: number } | undefined;
}

/** Offsets as distances, the first one from 0. */
function writeOffsets(w: StoredWriter, offsets: readonly number[]): void {
  let before = 0;
  w.list(offsets, (offset) => {
    w.number(offset - before);
    before = offset;
  });
}

function readOffsets(r: StoredReader): number[] {
  let offset = 0;
  return r.list(() => {
    offset += r.number();
    return offset;
  });
}

export function encodePointers({ queue, claim, offsets, scan }: Pointers): Uint8Array {
  const w = new StoredWriter(FORMAT).text(queue).number(claim);
  writeOffsets(w, offsets);
  w.maybe(scan, ({ from, to }) => {
    w.number(from);
    w.maybe(to === Number.POSITIVE_INFINITY ? undefined : to, (end) => w.number(end));
  });
  return w.end();
}

/** @throws QanatError CORRUPT_LOG. */
export function decodePointers(bytes: Uint8Array): Pointers {
  const r = new StoredReader(bytes, FORMAT);
  return {
    queue: r.text(),
    claim: r.number(),
    offsets: readOffsets(r),
    scan: r.maybe(() => ({ from: r.number(), to: r.maybe(() => r.number()) ?? Number.POSITIVE_INFINITY })),
  };
}

/** Pointers that take more than the half of a span are stored as the span. */
const isDense = (offsets: readonly number[]): boolean => {
  const span = (offsets.at(-1) ?? 0) - (offsets[0] ?? 0) + 1;
  return offsets.length > 64 && offsets.length * 2 > span;
};

/** The entries for what an indexer found for one session in a span of a queue. */
export function indexedEntries(
  clientId: string,
  claim: number,
  queue: string,
  offsets: readonly number[],
  spanEnd: number,
): { readonly key: string; readonly value: Uint8Array }[] {
  const first = offsets[0];
  if (first === undefined) return [];
  const none = { queue, claim };
  if (isDense(offsets)) {
    const scan = { from: first, to: (offsets.at(-1) as number) + 1 };
    return [{ key: pointersKey(clientId, claim, queue, first, spanEnd), value: encodePointers({ ...none, offsets: [], scan }) }];
  }
  const entries: { key: string; value: Uint8Array }[] = [];
  for (let at = 0; at < offsets.length; at += POINTERS_PER_ENTRY_MAX) {
    const part = offsets.slice(at, at + POINTERS_PER_ENTRY_MAX);
    const value = encodePointers({ ...none, offsets: part, scan: undefined });
    entries.push({ key: pointersKey(clientId, claim, queue, part[0] as number, spanEnd), value });
  }
  return entries;
}

/** Places that may have been sent, in the order in which they were. */
export interface SentPointers {
  readonly claim: number;
  readonly places: readonly { readonly queue: string; readonly offset: number; readonly packetId: number }[];
}

export function encodeSent({ claim, places }: SentPointers): Uint8Array {
  const w = new StoredWriter(FORMAT).number(claim);
  const names = [...new Set(places.map(({ queue }) => queue))];
  w.list(names, (name) => w.text(name));
  w.list(places, ({ queue, offset, packetId }) => w.number(names.indexOf(queue)).number(offset).number(packetId));
  return w.end();
}

/** @throws QanatError CORRUPT_LOG. */
export function decodeSent(bytes: Uint8Array): SentPointers {
  const r = new StoredReader(bytes, FORMAT);
  const claim = r.number();
  const names = r.list(() => r.text());
  const places = r.list(() => ({ queue: names[r.number()] ?? '', offset: r.number(), packetId: r.number() }));
  return { claim, places };
}
