import { writeUint16At, writeUtf8 } from '@qanat/core';
import type { ProtocolVersion, Publish } from './packet.ts';
import { variableLength } from './packet-end.ts';
import { firstByte, PACKET_TYPE } from './packet-type.ts';
import { checkRemaining, checkSentId, copyBytes, textBytes, unsayable, writeHead } from './write-fields.ts';
import { propertiesBytes, writeProperties } from './write-properties.ts';

const SHORT_CHARACTERS = 256;

/** The UTF-8 of one topic at a time: a message goes to many subscribers, and its length is asked before it is written. */
class TopicBytes {
  #bytes = new Uint8Array(SHORT_CHARACTERS);
  #text = '';
  #length = 0;

  /** Takes a topic. @returns the bytes of it. @throws MqttError as `textBytes`. */
  take(topic: string): number {
    if (topic === this.#text) return this.#length;
    this.#length = this.#takeShort(topic) ? topic.length : this.#takeAny(topic);
    this.#text = topic;
    return this.#length;
  }

  /** Most topics are ASCII and short: one look at each character is enough. @returns whether this one is. */
  #takeShort(topic: string): boolean {
    const bytes = this.#bytes;
    if (topic.length > SHORT_CHARACTERS) return false;
    for (let i = 0; i < topic.length; i++) {
      const unit = topic.charCodeAt(i);
      if (unit === 0 || unit >= 0x80) return false;
      bytes[i] = unit;
    }
    return true;
  }

  #takeAny(topic: string): number {
    // What is refused must not leave the bytes of one topic under the name of another.
    this.#text = '';
    this.#length = 0;
    const length = textBytes(topic);
    if (length > this.#bytes.length) this.#bytes = new Uint8Array(length);
    writeUtf8(this.#bytes, 0, topic);
    return length;
  }

  /** Writes what was taken, its length first. @returns the place behind it. */
  write(target: Uint8Array, at: number): number {
    writeUint16At(target, at, this.#length);
    return copyBytes(target, at + 2, this.#bytes, this.#length);
  }
}

const topics = /* @__PURE__ */ new TopicBytes();

/** Of all behind the fixed header, where the topic was taken and the properties are so long. */
function remaining(publish: Publish, version: ProtocolVersion, topicLength: number, propertyBytes: number): number {
  const before = 2 + topicLength + (publish.qos === 0 ? 0 : 2);
  return before + (version === 5 ? variableLength(propertyBytes) + propertyBytes : 0) + publish.payload.length;
}

const bytesOfProperties = ({ properties }: Publish, version: ProtocolVersion): number =>
  version === 4 || properties === undefined ? 0 : propertiesBytes(properties, PACKET_TYPE.PUBLISH);

/**
 * Bytes of a PUBLISH towards a client, fixed header included. With 3.1.1 its properties are left out.
 * @throws MqttError 0x83 where a text is too long or has U+0000, or a property does not belong into it; 0x95 beyond 256 MiB.
 */
export function publishLength(publish: Publish, version: ProtocolVersion): number {
  const length = checkRemaining(remaining(publish, version, topics.take(publish.topic), bytesOfProperties(publish, version)));
  return 1 + variableLength(length) + length;
}

function checkTopic({ topic, properties }: Publish, version: ProtocolVersion): void {
  if (topic === '' && (version === 4 || properties?.topicAlias === undefined)) throw unsayable('PUBLISH without topic and alias');
}

/**
 * Writes a PUBLISH towards a client. With 3.1.1 its properties are left out; DUP is left out with QoS 0 [MQTT-3.3.1-2].
 * @param target has `publishLength` bytes from `at` on; the payload is copied into it.
 * @returns the place behind the packet.
 * @throws MqttError as `publishLength`; 0x83 also where QoS 1 or 2 has no packet identifier, or nothing says the topic.
 */
export function writePublish(target: Uint8Array, at: number, publish: Publish, version: ProtocolVersion): number {
  const { qos, payload } = publish;
  checkTopic(publish, version);
  const propertyBytes = bytesOfProperties(publish, version);
  const length = remaining(publish, version, topics.take(publish.topic), propertyBytes);
  const flags = (qos > 0 && publish.dup ? 8 : 0) | (qos << 1) | (publish.retain ? 1 : 0);
  let to = topics.write(target, writeHead(target, at, (PACKET_TYPE.PUBLISH << 4) | flags, length));
  if (qos > 0) {
    writeUint16At(target, to, checkSentId(publish.packetId));
    to += 2;
  }
  if (version === 5) to = writeProperties(target, to, propertyBytes === 0 ? undefined : publish.properties, propertyBytes);
  return copyBytes(target, to, payload, payload.length);
}

/** Bytes of what `writeAck` writes. */
export const ACK_BYTES = 4;

/**
 * Writes a PUBACK, PUBREC, PUBREL or PUBCOMP that says success, which is the same in 3.1.1 and 5.0.
 * @param target has ACK_BYTES bytes from `at` on.
 * @returns the place behind the packet.
 */
export function writeAck(
  target: Uint8Array,
  at: number,
  type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP',
  packetId: number,
): number {
  target[at] = firstByte(PACKET_TYPE[type]);
  target[at + 1] = 2;
  writeUint16At(target, at + 2, packetId);
  return at + ACK_BYTES;
}

/** Bytes of what `writePong` writes. */
export const PONG_BYTES = 2;

/**
 * Writes a PINGRESP.
 * @param target has PONG_BYTES bytes from `at` on.
 * @returns the place behind the packet.
 */
export function writePong(target: Uint8Array, at: number): number {
  target[at] = firstByte(PACKET_TYPE.PINGRESP);
  target[at + 1] = 0;
  return at + PONG_BYTES;
}
