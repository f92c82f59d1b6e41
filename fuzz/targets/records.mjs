import { batchFormError } from '../../packages/core/src/wire/batch.ts';
import { checkProperties, readProperties } from '../../packages/core/src/wire/properties.ts';
import { encodeBatch, RecordReader } from '../../packages/core/src/wire/record.ts';
import { nodePlatform } from '../../packages/transports/src/node/node-platform.ts';
import { batchSeeds, mendBatch } from './batch-header.mjs';
import { equal, must, refusing, wellFormed } from './rules.mjs';

const FIELDS = { producerId: 0, producerEpoch: 0, baseSequence: 0 };

function read(batch) {
  const reader = new RecordReader(nodePlatform, batch);
  const records = [];
  while (reader.next()) {
    must(reader.bodyAt <= reader.bodyEnd && reader.bodyEnd <= reader.bytes.length, 'a body outside the batch');
    must(Number.isSafeInteger(reader.bornTimeMs), 'a born time of', reader.bornTimeMs);
    checkProperties(reader.bytes, reader.propertiesAt);
    const { key, tag, body, bornTimeMs } = reader;
    records.push({ key, tag, body, bornTimeMs, properties: readProperties(reader.bytes, reader.propertiesAt) });
  }
  must(records.length === reader.header.recordCount, 'fewer records than the header says');
  return { records, bornTimeMs: reader.header.bornTimeMs };
}

export default {
  seeds: batchSeeds,
  mend: mendBatch,
  run(input) {
    if (batchFormError(input) !== undefined) return;
    const batch = refusing(['INVALID_BATCH'], () => read(input));
    if (batch === undefined) return;
    // What a reader accepts may pass what a producer may send: then the encoder says so.
    const encoded = refusing(['INVALID_BATCH', 'BATCH_TOO_LARGE'], () =>
      encodeBatch(nodePlatform, batch.records, { ...FIELDS, bornTimeMs: batch.bornTimeMs }, 64 * 1024 * 1024),
    );
    if (encoded === undefined) return;
    must(batchFormError(encoded) === undefined, 'encoded in a wrong form');
    must(equal(read(encoded), batch) || !wellFormed(batch), 'encoding gives other records');
  },
};
