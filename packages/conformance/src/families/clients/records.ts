import { BATCH_HEADER_BYTES, QanatError, RecordReader, readBatchHeader, readProperties, verifyBatch } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';

/** One record of a batch. */
export interface RecordSeen {
  readonly offset: number;
  readonly body: string;
  readonly key: string;
  readonly tag: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly bornTimeMs: number;
}

/**
 * What is wrong with a batch. `sums`: its length or a checksum; `form`: what a broker would refuse; `inflate`, `record`: what
 * shows only where records are read.
 */
export type Fault = 'sums' | 'body-sum' | 'form' | 'inflate' | 'record';

export interface BatchSeen {
  readonly baseOffset: number;
  readonly count: number;
  readonly compressed: boolean;
  /** Those in front of the fault, where there is one in a record. */
  readonly records: readonly RecordSeen[];
  readonly fault: Fault | undefined;
}

const text = new TextDecoder();

/** Reads a batch that a broker stored. */
export function readBatch(bytes: Uint8Array): BatchSeen {
  if (bytes.length < BATCH_HEADER_BYTES) return { baseOffset: 0, count: 0, compressed: false, records: [], fault: 'sums' };
  const { baseOffset, recordCount: count, attributes } = readBatchHeader(bytes);
  const known = { baseOffset, count, compressed: (attributes & 7) !== 0 };
  const why = verifyBatch(nodePlatform, bytes);
  if (why !== undefined) return { ...known, records: [], fault: faultOf(why) };
  return { ...known, ...recordsOf(bytes) };
}

/** Reads a batch as its producer sent it: without the sum of its header. */
export function readSentBatch(bytes: Uint8Array): readonly RecordSeen[] {
  return bytes.length < BATCH_HEADER_BYTES ? [] : recordsOf(bytes).records;
}

const faultOf = (why: string): Fault => {
  if (why.includes('header checksum') || why.includes('length field')) return 'sums';
  return why.includes('body checksum') ? 'body-sum' : 'form';
};

function recordsOf(bytes: Uint8Array): Pick<BatchSeen, 'records' | 'fault'> {
  const records: RecordSeen[] = [];
  let reader: RecordReader;
  try {
    reader = new RecordReader(nodePlatform, bytes);
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return { records, fault: 'inflate' };
  }
  try {
    while (reader.next()) {
      records.push({
        offset: reader.header.baseOffset + reader.index,
        body: text.decode(reader.body),
        key: reader.key ?? '',
        tag: reader.tag ?? '',
        properties: { ...readProperties(reader.bytes, reader.propertiesAt) },
        bornTimeMs: reader.bornTimeMs,
      });
    }
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return { records, fault: 'record' };
  }
  return { records, fault: undefined };
}
