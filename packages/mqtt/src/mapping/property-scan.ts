import type { Message } from '@qanat/core';
import { readUtf8, utf8 } from '@qanat/core';
import { PROPERTY } from './property-names.ts';

const QOS = utf8(PROPERTY.QOS);
const RETAIN = utf8(PROPERTY.RETAIN);
const CLIENT = utf8(PROPERTY.CLIENT);
const TOPIC = utf8(PROPERTY.TOPIC);
const FROM = utf8(PROPERTY.FROM);
const ONE = 0x31;

/**
 * Looks through the properties of a message for the few that every message has, without decoding the others. Its fields hold
 * until the next `read`: there is one for all messages.
 */
export class PropertyScan {
  /** As it stands there; undefined for none. */
  qos: string | undefined;
  retain = false;
  clientId: string | undefined;
  topic: string | undefined;
  /** There are others, which only `Message.properties` tells. */
  more = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** The client id that was read last: messages of one client often follow each other. */
  #lastId = '';
  #lastIdBytes: Uint8Array = new Uint8Array(0);

  /** The message's properties have the right form, or their end is taken for their last one. */
  read(message: Message): void {
    this.qos = undefined;
    this.retain = false;
    this.clientId = undefined;
    this.topic = undefined;
    this.more = false;
    this.#bytes = message.bytes;
    this.#at = message.propertiesAt;
    for (let left = this.#varint(); left > 0 && this.#at < this.#bytes.length; left--) this.#property();
  }

  /** Whether the message is to be retained. As `read`, without a look at what else there is. */
  retains(message: Message): boolean {
    this.#bytes = message.bytes;
    this.#at = message.propertiesAt;
    for (let left = this.#varint(); left > 0 && this.#at < this.#bytes.length; left--) {
      const nameBytes = this.#varint();
      const nameAt = this.#at;
      this.#at = nameAt + nameBytes;
      const valueBytes = this.#varint();
      if (this.#is(RETAIN, nameAt, nameBytes)) return true;
      this.#at += valueBytes;
    }
    return false;
  }

  #property(): void {
    const nameBytes = this.#varint();
    const nameAt = this.#at;
    this.#at = nameAt + nameBytes;
    const valueBytes = this.#varint();
    const from = this.#at;
    const to = from + valueBytes;
    this.#at = to;
    if (this.#is(QOS, nameAt, nameBytes)) this.qos = readUtf8(this.#bytes, from, to);
    else if (this.#is(CLIENT, nameAt, nameBytes)) this.clientId = this.#clientId(from, to);
    else if (this.#is(TOPIC, nameAt, nameBytes)) this.topic = readUtf8(this.#bytes, from, to);
    else if (this.#is(RETAIN, nameAt, nameBytes)) this.retain = valueBytes === 1 && this.#bytes[from] === ONE;
    else if (!this.#is(FROM, nameAt, nameBytes)) this.more = true;
  }

  #clientId(from: number, to: number): string {
    if (!this.#is(this.#lastIdBytes, from, to - from)) {
      this.#lastId = readUtf8(this.#bytes, from, to);
      this.#lastIdBytes = this.#bytes.slice(from, to);
    }
    return this.#lastId;
  }

  #is(name: Uint8Array, at: number, length: number): boolean {
    if (name.length !== length) return false;
    // The names differ behind `mqtt.`.
    for (let i = length - 1; i >= 0; i--) if (name[i] !== this.#bytes[at + i]) return false;
    return true;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

const scan = /* @__PURE__ */ new PropertyScan();

/** Whether a message may be one that is retained, told without decoding anything. */
export const retains = (message: Message): boolean => scan.retains(message);
