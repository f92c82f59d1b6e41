import { malformed, protocolError } from './mqtt-error.ts';
import type { Properties, ProtocolVersion, Publish, QoS } from './packet.ts';
import { checkPacketId } from './packet-id.ts';
import { PacketReader, slice } from './packet-reader.ts';
import { PACKET_TYPE } from './packet-type.ts';
import { readProperties } from './read-properties.ts';
import type { TopicReader } from './topic-reader.ts';

const DUP = 8;
const RETAIN = 1;

/** [MQTT-3.3.1-2] [MQTT-3.3.1-4]. */
function readQoS(flags: number): QoS {
  const qos = (flags >>> 1) & 3;
  if (qos === 3) throw malformed('the QoS of PUBLISH is 3');
  if (qos === 0 && flags & DUP) throw malformed('PUBLISH of QoS 0 has DUP');
  return qos as QoS;
}

/** Where the topic ends, whose length stands at `at`, and behind which `after` bytes follow at least. */
function topicEnd(bytes: Uint8Array, at: number, end: number, after: number): number {
  const to = at + 2 <= end ? at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number)) : end + 1;
  if (to + after > end) throw malformed('PUBLISH ends within its topic or packet identifier');
  return to;
}

/** A topic alias may stand for the topic (MQTT 5.0 section 3.3.2.1), with 3.1.1 nothing may. */
function checkEmptyTopic(properties: Properties | undefined): void {
  if (properties?.topicAlias === undefined) throw protocolError('PUBLISH has an empty topic and no topic alias');
}

/**
 * Reads what follows the fixed header of PUBLISH. By hand, without reader, where there are no properties: most of what comes is
 * this.
 * @param flags low four bits of the first byte.
 */
export function decodePublish(
  bytes: Uint8Array,
  flags: number,
  from: number,
  end: number,
  version: ProtocolVersion,
  topics: TopicReader,
): Publish {
  const qos = readQoS(flags);
  const dup = (flags & DUP) !== 0;
  const retain = (flags & RETAIN) !== 0;
  const to = topicEnd(bytes, from, end, qos === 0 ? 0 : 2);
  const topic = topics.read(bytes, from + 2, to);
  const packetId = qos === 0 ? 0 : checkPacketId(((bytes[to] as number) << 8) | (bytes[to + 1] as number));
  let at = qos === 0 ? to : to + 2;
  if (version === 5) {
    if (at < end && bytes[at] === 0) at++;
    else {
      const reader = new PacketReader(bytes, at, end);
      const properties = readProperties(reader, PACKET_TYPE.PUBLISH);
      if (topic === '') checkEmptyTopic(properties);
      const payload = slice(bytes, reader.at, end);
      if (properties !== undefined) return { type: 'PUBLISH', dup, qos, retain, topic, packetId, payload, properties };
    }
  }
  if (topic === '') checkEmptyTopic(undefined);
  return { type: 'PUBLISH', dup, qos, retain, topic, packetId, payload: slice(bytes, at, end) };
}
