import {
  BATCH_AT,
  BATCH_BODY_AT,
  batchFormError,
  columnsLength,
  readBatchHeader,
  stampBatch,
  verifyBatch,
} from '../../packages/core/src/wire/batch.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { hex, must, vectors } from './rules.mjs';

export const batchSeeds = () =>
  vectors('batches.json')
    .cases.filter((c) => c.hex !== undefined)
    .map((c) => hex(c.hex));

/** The length and the checksums say what is there. */
export function mendBatch(input) {
  if (input.length < 64) return input;
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  view.setUint32(BATCH_AT.length, input.length - 8);
  view.setUint32(BATCH_AT.bodyChecksum, nodePlatform.crc32(input.subarray(BATCH_BODY_AT), 0));
  return input;
}

export default {
  seeds: batchSeeds,
  mend: mendBatch,
  run(input) {
    const error = batchFormError(input);
    must(error === undefined || (typeof error === 'string' && error !== ''), 'an error without words');
    if (error !== undefined) return;
    const header = readBatchHeader(input);
    must(header.length === input.length, 'another length');
    must(header.recordCount >= 1 && header.recordCount <= 4096, 'the number of records');
    must(header.headerLength + columnsLength(header) <= input.length, 'columns run over the end');
    const stored = input.slice();
    stampBatch(nodePlatform, stored, 7, 3, 1_700_000_000_000);
    const after = readBatchHeader(stored);
    must(after.baseOffset === 7 && after.term === 3 && after.storeTimeMs === 1_700_000_000_000, 'the stamp is not read back');
    const verdict = verifyBatch(nodePlatform, stored);
    must(verdict === undefined || verdict === 'the body checksum does not hold', 'stamped:', verdict);
  },
};
