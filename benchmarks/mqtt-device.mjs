// MQTT 3.1.1 over TCP as bare as it can be, so that the load costs little: packets are made once, and of what is received only
// types and lengths are looked at.
import { Buffer } from 'node:buffer';
import { connect } from 'node:net';

const Type = { CONNACK: 2, PUBLISH: 3, PUBACK: 4, SUBACK: 9 };
const RECEIVE_BYTES = 256 * 1024;

const text = (value) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

function packet(first, ...parts) {
  const body = Buffer.concat(parts);
  const length = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
}

export const publishPacket = (topic, payload, qos, packetId) =>
  packet(0x30 | (qos << 1), text(topic), ...(qos === 0 ? [] : [Buffer.from([packetId >> 8, packetId & 255])]), payload);

/** One connection. `onPublish(payload bytes, how many were in the chunk so far)` and `onAck(count)` are set by the work. */
export class Device {
  #socket;
  #rest = Buffer.alloc(0);
  #acks = Buffer.allocUnsafe(64 * 1024);
  #waiting = new Map();
  /** Called with the buffer, and where the payload of a PUBLISH lies. */
  onPublish = () => {};
  onAck = () => {};
  onDrain = () => {};

  static async open(port, clientId) {
    const device = new Device();
    await device.#dial(port);
    device.#socket.write(packet(0x10, text('MQTT'), Buffer.from([4, 2, 0, 0]), text(clientId)));
    await device.#answer(Type.CONNACK);
    return device;
  }

  #dial(port) {
    return new Promise((resolve, reject) => {
      const onread = {
        buffer: Buffer.allocUnsafe(RECEIVE_BYTES),
        callback: (length, buffer) => this.#received(buffer.subarray(0, length)),
      };
      this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, onread }, resolve);
      this.#socket.on('error', reject);
      this.#socket.on('drain', () => this.onDrain());
    });
  }

  async subscribe(filter, qos) {
    this.#socket.write(packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos])));
    await this.#answer(Type.SUBACK);
  }

  /** @returns false: wait for `onDrain`. */
  write(bytes) {
    return this.#socket.write(bytes);
  }

  close() {
    this.#socket.destroy();
  }

  #answer(type) {
    return new Promise((resolve) => this.#waiting.set(type, resolve));
  }

  #received(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    let acked = 0;
    let owed = 0;
    while (bytes.length - at >= 2) {
      let head = at + 1;
      let length = 0;
      let shift = 0;
      while (head < bytes.length && bytes[head] > 127) {
        length |= (bytes[head++] & 127) << shift;
        shift += 7;
      }
      if (head >= bytes.length) break;
      length |= bytes[head++] << shift;
      if (head + length > bytes.length) break;
      const type = bytes[at] >> 4;
      if (type === Type.PUBLISH) owed = this.#publish(bytes, at, head, owed, head + length);
      else if (type === Type.PUBACK) acked++;
      else this.#waiting.get(type)?.();
      at = head + length;
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
    if (owed > 0) this.#socket.write(Buffer.from(this.#acks.subarray(0, owed)));
    if (acked > 0) this.onAck(acked);
  }

  #publish(bytes, at, head, owed, end) {
    const qos = (bytes[at] >> 1) & 3;
    const topicEnd = head + 2 + ((bytes[head] << 8) | bytes[head + 1]);
    this.onPublish(bytes, qos === 0 ? topicEnd : topicEnd + 2, end);
    if (qos === 0) return owed;
    if (owed + 4 > this.#acks.length) {
      this.#socket.write(Buffer.from(this.#acks.subarray(0, owed)));
      owed = 0;
    }
    this.#acks[owed] = 0x40;
    this.#acks[owed + 1] = 2;
    this.#acks[owed + 2] = bytes[topicEnd];
    this.#acks[owed + 3] = bytes[topicEnd + 1];
    return owed + 4;
  }
}
