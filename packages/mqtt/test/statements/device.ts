import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';

/** Where a device sends its bytes to. */
export interface Line {
  received(device: Device, bytes: Uint8Array): void;
  broken(device: Device): void;
}

/** A packet as `mqtt-packet` reads it. */
export type Received = Packet & { readonly cmd: string };

/** Fields that a test gives; the rest have the defaults of the library. */
export type Sent = { readonly cmd: Packet['cmd'] } & Readonly<Record<string, unknown>>;

/** A device: it speaks bytes, by a codec that is not ours. */
export class Device {
  readonly number: number;
  readonly version: 4 | 5;
  /** Packets that came and were not taken. */
  readonly inbox: Received[] = [];
  /** Everything that came, in hex, packet by packet. */
  readonly packetsInHex: string[] = [];
  closed = false;
  /** The socket takes no more; what is sent meanwhile waits. */
  frozen = false;
  readonly #line: Line;
  #bytes = Buffer.alloc(0);

  constructor(line: Line, number: number, version: 4 | 5) {
    this.#line = line;
    this.number = number;
    this.version = version;
  }

  // What the server does.

  receive(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (let end = this.#end(); end !== undefined; end = this.#end()) {
      const packet = this.#bytes.subarray(0, end);
      this.#bytes = this.#bytes.subarray(end);
      this.packetsInHex.push(packet.toString('hex'));
      this.#decode(packet);
    }
  }

  #end(): number | undefined {
    let length = 0;
    for (let i = 1; i < this.#bytes.length; i++) {
      const byte = this.#bytes[i] as number;
      length += (byte & 0x7f) * 128 ** (i - 1);
      if (byte < 0x80) return this.#bytes.length >= i + 1 + length ? i + 1 + length : undefined;
    }
    return undefined;
  }

  #decode(bytes: Buffer): void {
    const reader = parser({ protocolVersion: this.version });
    reader.on('packet', (packet: Received) => void this.inbox.push(packet));
    reader.on('error', (error: unknown) => {
      throw error;
    });
    reader.parse(bytes);
  }

  // What the device does.

  /** Sends a packet, and lets everybody answer. */
  send(packet: Sent): this {
    return this.raw(generate(packet as unknown as Packet, { protocolVersion: this.version }));
  }

  /** Sends several packets in one piece. */
  sendTogether(...packets: readonly Sent[]): this {
    const options = { protocolVersion: this.version };
    return this.raw(Buffer.concat(packets.map((packet) => generate(packet as unknown as Packet, options))));
  }

  /** Sends bytes; text is hex, in which blanks do not count. */
  raw(bytes: Uint8Array | string): this {
    const chunk = typeof bytes === 'string' ? Buffer.from(bytes.replace(/\s/g, ''), 'hex') : bytes;
    this.#line.received(this, new Uint8Array(chunk));
    return this;
  }

  connect(options: Partial<IConnectPacket> = {}): this {
    const protocolVersion = this.version;
    return this.send({
      cmd: 'connect',
      clientId: `device-${this.number}`,
      clean: true,
      keepalive: 0,
      protocolVersion,
      ...options,
    });
  }

  subscribe(filter: string, options: Readonly<Record<string, unknown>> = {}, properties?: object): this {
    const subscriptions = [{ topic: filter, qos: 0, nl: false, rap: false, rh: 0, ...options }];
    return this.send({ cmd: 'subscribe', messageId: 1, subscriptions, ...(properties === undefined ? {} : { properties }) });
  }

  publish(topic: string, payload: string, options: Readonly<Record<string, unknown>> = {}): this {
    return this.send({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options });
  }

  /** The connection breaks. */
  drop(): this {
    this.#line.broken(this);
    return this;
  }

  // What a test asks.

  /** Takes everything that came. */
  all(): Received[] {
    return this.inbox.splice(0);
  }

  /** Takes the packets of one kind out of what came. */
  take(cmd: Packet['cmd']): Received[] {
    const taken = this.inbox.filter((packet) => packet.cmd === cmd);
    const rest = this.inbox.filter((packet) => packet.cmd !== cmd);
    this.inbox.splice(0, this.inbox.length, ...rest);
    return taken;
  }

  /** The payloads of the messages that came, as text. */
  messages(): string[] {
    return this.take('publish').map((packet) => String((packet as { payload?: unknown }).payload));
  }

  /** The reason of the DISCONNECT or CONNACK with which the connection ended; undefined where it ended without a word. */
  get reason(): number | undefined {
    const last = this.inbox.findLast(({ cmd }) => cmd === 'disconnect' || cmd === 'connack') as
      | { readonly reasonCode?: number; readonly returnCode?: number }
      | undefined;
    return last?.reasonCode ?? last?.returnCode;
  }
}
