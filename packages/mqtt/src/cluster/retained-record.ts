import { QanatError } from '@qanat/core';
import type { QoS, UserProperty } from '../codec/packet.ts';
import type { Publication, PublicationProperties, StoredPublication } from '../ports.ts';
import { RETAINED_BYTES_MAX } from './limits.ts';
import type { QueueTable } from './queue-table.ts';
import { withoutUndefined } from './session-record.ts';
import { StoredReader, StoredWriter } from './stored-bytes.ts';
import { StoredMessage } from './stored-publication.ts';

const FORMAT = 1;

/** What a publication has as a retained message, with its topic, client id and properties; its place does not count. */
export function retainedBytes({ topic, clientId, payload, properties }: Publication): number {
  const w = new StoredWriter(FORMAT).text(topic);
  w.maybe(clientId, (text) => w.text(text));
  const said = w.maybe(properties, (given) => writeProperties(w, given)).end();
  return said.length + payload.length;
}

/** Whether a publication is within RETAINED_BYTES_MAX. */
export const mayBeRetained = (publication: Publication): boolean => retainedBytes(publication) <= RETAINED_BYTES_MAX;

/** @throws QanatError LIMIT_EXCEEDED: beyond RETAINED_BYTES_MAX. */
export function encodeRetained(message: StoredPublication, queues: QueueTable): Uint8Array {
  const { topic, queue, offset, storeTimeMs, qos, clientId, payload, properties } = message;
  if (!mayBeRetained(message))
    throw new QanatError('LIMIT_EXCEEDED', `a message with ${payload.length} bytes of payload is too large to be retained`);
  const w = new StoredWriter(FORMAT)
    .text(topic)
    .text(queues.nameOf(queue))
    .number(offset)
    .number(Math.max(0, storeTimeMs))
    .byte(qos);
  w.maybe(clientId, (text) => w.text(text));
  w.bytes(payload);
  return w.maybe(properties, (given) => writeProperties(w, given)).end();
}

/** @returns what borrows its payload. An empty payload: what was retained is removed. @throws QanatError CORRUPT_LOG. */
export function decodeRetained(bytes: Uint8Array, queues: QueueTable): StoredPublication {
  const r = new StoredReader(bytes, FORMAT);
  const topic = r.text();
  const queue = queues.numberOfName(r.text());
  const offset = r.number();
  const storeTimeMs = r.number();
  const qos = r.byte() as QoS;
  const clientId = r.maybe(() => r.text());
  const payload = r.bytes();
  const properties = r.maybe(() => readProperties(r));
  return new StoredMessage({ topic, qos, retain: true, clientId, properties }, payload, queue, offset, storeTimeMs);
}

function writeProperties(w: StoredWriter, properties: PublicationProperties): void {
  w.maybe(properties.payloadFormatIndicator, (format) => w.byte(format));
  w.maybe(properties.contentType, (text) => w.text(text));
  w.maybe(properties.responseTopic, (text) => w.text(text));
  w.maybe(properties.correlationData, (bytes) => w.bytes(bytes));
  w.maybe(properties.userProperties, (pairs) => w.list(pairs, ([name, value]) => w.text(name).text(value)));
  w.maybe(properties.expiresAtMs, (timeMs) => w.number(Math.trunc(timeMs)));
}

function readProperties(r: StoredReader): PublicationProperties {
  return withoutUndefined({
    payloadFormatIndicator: r.maybe(() => (r.byte() === 1 ? 1 : 0) as 0 | 1),
    contentType: r.maybe(() => r.text()),
    responseTopic: r.maybe(() => r.text()),
    correlationData: r.maybe(() => r.bytes()),
    userProperties: r.maybe(() => r.list((): UserProperty => [r.text(), r.text()])),
    expiresAtMs: r.maybe(() => r.number()),
  });
}
