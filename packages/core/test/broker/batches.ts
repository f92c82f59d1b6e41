import { encodeBatch, portablePlatform, type RecordInit, RecordReader, readBatchHeader } from '../../src/index.ts';

const text = new TextEncoder();

export interface TestBatch {
  readonly producerId?: number;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly tag?: string | undefined;
  readonly bytes?: number;
}

export function batchOf(
  bodies: readonly string[],
  { producerId = 0, epoch = 0, sequence = 0, tag, bytes = 0 }: TestBatch = {},
): Uint8Array {
  const records: RecordInit[] = bodies.map((body) => ({ body: text.encode(body.padEnd(bytes, '.')), tag }));
  return encodeBatch(
    portablePlatform,
    records,
    { bornTimeMs: 5, producerId, producerEpoch: epoch, baseSequence: sequence },
    2 ** 30,
  );
}

/** `offset:body` of every message in a payload of whole batches. */
export function messagesOf(payload: Uint8Array): string[] {
  const messages: string[] = [];
  for (let at = 0; at < payload.length; ) {
    const { length } = readBatchHeader(payload, at);
    const reader = new RecordReader(portablePlatform, payload.subarray(at, at + length));
    while (reader.next()) messages.push(`${reader.header.baseOffset + reader.index}:${new TextDecoder().decode(reader.body)}`);
    at += length;
  }
  return messages;
}
