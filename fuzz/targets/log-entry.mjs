import {
  ENTRY_AT,
  ENTRY_HEADER_BYTES,
  ENTRY_VERSION,
  EntryCodec,
  EntryKind,
  readEntryHeader,
} from '../../packages/core/src/broker/log/entry.ts';
import { stampBatch } from '../../packages/core/src/wire/batch.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { batchSeeds } from './batch-header.mjs';
import { bytesOf, concat, must, same } from './rules.mjs';

const codec = new EntryCodec(nodePlatform);
const place = { kind: EntryKind.STATE, topicId: 1, queue: 2, term: 3, position: 0, syncedPosition: 0, previousChain: 0 };

export function entryOf(body, changed = {}) {
  return concat([codec.seal({ ...place, ...changed }, body).slice(), body]);
}

export function storedBatches() {
  return batchSeeds().map((batch, i) => {
    if (batch.length >= 64) stampBatch(nodePlatform, batch, i, 3, 1_700_000_000_000);
    return batch;
  });
}

/** Seals the bytes at hand: as an entry of their own kind that stands at `position`. */
export function sealed(input, position, previousChain) {
  const header = readEntryHeader(input, 0);
  const kind = header.kind === EntryKind.BATCH && input.length >= 128 ? EntryKind.BATCH : EntryKind.STATE;
  const syncedPosition = Math.min(position, header.syncedPosition || 0);
  return entryOf(input.subarray(ENTRY_HEADER_BYTES), { ...header, kind, position, previousChain, syncedPosition });
}

export default {
  seeds: () => [
    entryOf(bytesOf('state')),
    entryOf(new Uint8Array(0)),
    ...storedBatches().map((batch) => entryOf(batch, { kind: EntryKind.BATCH, position: 4096, syncedPosition: 4000 })),
  ],
  mend: (input) => (input.length < ENTRY_HEADER_BYTES ? input : sealed(input, input[31], 7)),
  run(input) {
    if (input.length < ENTRY_HEADER_BYTES) return;
    const header = readEntryHeader(input, 0);
    if (!codec.headerHolds(input, 0, header.position)) return;
    must(!codec.headerHolds(input, 0, header.position + 1), 'a header holds at two positions');
    if (header.length < ENTRY_HEADER_BYTES || header.length > input.length || !codec.bodyHolds(input, 0, header)) return;
    const later = input.subarray(ENTRY_AT.dueTime, ENTRY_HEADER_BYTES).some((byte) => byte !== 0);
    if (header.version !== ENTRY_VERSION || header.flags !== 0 || later || Number.isNaN(header.syncedPosition)) return;
    const body = input.subarray(ENTRY_HEADER_BYTES, header.length);
    must(same(codec.seal(header, body), input.subarray(0, ENTRY_HEADER_BYTES)), 'sealing gives another header');
  },
};
