import { IndexRun } from '../../packages/core/src/broker/log/index-run.ts';
import { decodeSegmentIndex, encodeSegmentIndex } from '../../packages/core/src/broker/log/segment-index.ts';
import { writeUint32At } from '../../packages/core/src/wire/bytes.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { must, same } from './rules.mjs';

const HEADER_BYTES = 64;
const CHECKSUM_AT = 60;
const SEGMENT = {
  base: 4096,
  end: 9000,
  previousChain: 1,
  chain: 2,
  lastTerm: 3,
  firstStoreTimeMs: 1_700_000_000_000,
  lastStoreTimeMs: 1_700_000_000_500,
};

function runOf(queue, batches) {
  const run = new IndexRun(SEGMENT.base, 10, SEGMENT.firstStoreTimeMs);
  for (let i = 0; i < batches; i++) run.add(10 + i, 1, SEGMENT.base + 200 * i, 200, SEGMENT.firstStoreTimeMs + i);
  return { topicId: 1, queue, run };
}

export default {
  seeds: () => [
    encodeSegmentIndex(nodePlatform, SEGMENT, []),
    encodeSegmentIndex(nodePlatform, SEGMENT, [runOf(0, 3), runOf(1, 1)]),
  ],
  /** The checksum is that of the rest. */
  mend(input) {
    if (input.length < HEADER_BYTES) return input;
    const { crc32 } = nodePlatform;
    writeUint32At(input, CHECKSUM_AT, crc32(input.subarray(HEADER_BYTES), crc32(input.subarray(0, CHECKSUM_AT), 0)));
    return input;
  },
  run(input) {
    const index = decodeSegmentIndex(nodePlatform, input);
    if (index === undefined) return;
    for (const { run } of index.runs) {
      must(run.count >= 0 && run.count * 16 <= input.length, 'batches of a run:', run.count);
      if (run.count === 0) continue;
      for (const item of [0, run.count - 1])
        must(!Number.isNaN(run.positionOf(item) + run.offsetOf(item)), 'a batch behind the end');
    }
    const numbers = [index.base, index.end, index.firstStoreTimeMs, index.lastStoreTimeMs];
    if (numbers.some(Number.isNaN) || input.subarray(6, 8).some((byte) => byte !== 0)) return;
    must(same(encodeSegmentIndex(nodePlatform, index, index.runs), input), 'encoding gives another file');
  },
};
