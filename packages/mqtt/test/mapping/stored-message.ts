import type { MessageInit } from '@qanat/client';
import { encodeBatch, Message, RecordReader, utf8 } from '@qanat/core';
import { nodePlatform } from '@qanat/transports/node';

/** The message as a consumer gets it: through the bytes of a batch. */
export function storedMessage(topic: string, init: MessageInit): Message {
  const body = typeof init.body === 'string' ? utf8(init.body) : init.body;
  const fields = { bornTimeMs: init.bornTimeMs ?? 0, producerId: 0, producerEpoch: 0, baseSequence: 0 };
  const reader = new RecordReader(nodePlatform, encodeBatch(nodePlatform, [{ ...init, body }], fields));
  reader.next();
  return new Message({ queue: { topic, broker: 'b', queue: 0 }, header: reader.header, bytes: reader.bytes }, reader);
}
