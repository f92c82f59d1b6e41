import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { IConnackPacket, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet } from 'mqtt-packet';
import packets from 'mqtt-packet';

export type ConnackProperties = NonNullable<IConnackPacket['properties']>;

/** A broker that takes what its CONNACK says, and ends a connection that sends anything else, as section 3.2.2.3 has it. */
export class StrictBroker implements AsyncDisposable {
  /** Of the connections to come. */
  takes: ConnackProperties = {};
  /** Whether publishes are acknowledged. */
  acknowledging = true;
  /** Whether PUBREL is answered; what it says is done nevertheless. */
  answersReleases = true;
  /** Whether a later connection finds the session of the one before. */
  keepsSessions = true;
  /** So many publishes of QoS 1 are acknowledged together. */
  acknowledgesAtOnce = 1;
  readonly published: IPublishPacket[] = [];
  /** Whether PUBREC is sent; the exchange stands nevertheless. */
  answersExactlyOnce = true;
  /** PUBREL that came. */
  releases = 0;
  readonly subscribed: string[] = [];
  /** What SUBSCRIBE said of retained messages, for each of these. */
  readonly retainHandling: (number | undefined)[] = [];
  readonly unsubscribed: string[] = [];
  /** Whether SUBSCRIBE and UNSUBSCRIBE are answered. */
  answersSubscriptions = true;
  /** Whether it ends each connection before CONNACK, as one that is away behind something that balances does. */
  away = false;
  /** Connections that it ended so. */
  turnedAway = 0;
  connections = 0;
  /** Why it ended connections. */
  readonly violations: string[] = [];
  readonly version: 4 | 5;
  readonly #sockets = new Set<Socket>();
  /** Exchanges of QoS 2 that the session has, by their packet identifiers. */
  readonly #exchanges = new Set<number>();
  #unacknowledged: Packet[] = [];
  readonly #listener: Server = createServer((socket) => this.#accepted(socket));

  constructor(version: 4 | 5 = 5) {
    this.version = version;
  }

  /** @returns its address. */
  async start(): Promise<string> {
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    return `mqtt://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** The topics of what was published, in its order. */
  topics(): readonly string[] {
    return this.published.map(({ topic }) => topic);
  }

  /** Ends all connections. */
  breakOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accepted(socket: Socket): void {
    socket.on('error', () => {});
    if (this.away) {
      this.turnedAway++;
      socket.destroy();
      return;
    }
    const takes = this.takes;
    const parser = packets.parser({ protocolVersion: this.version });
    this.connections++;
    this.#sockets.add(socket);
    parser.on('packet', (packet) => {
      const violation = violationOf(packet, takes);
      if (violation === undefined) return this.#take(socket, packet, takes);
      this.violations.push(violation);
      socket.destroy();
    });
    parser.on('error', (error) => {
      this.violations.push(error.message);
      socket.destroy();
    });
    socket.on('data', (bytes) => void parser.parse(bytes));
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #take(socket: Socket, packet: Packet, takes: ConnackProperties): void {
    if (packet.cmd === 'connect') {
      if (!this.keepsSessions) this.#exchanges.clear();
      const five = this.version === 5 ? { reasonCode: 0, properties: takes } : {};
      this.#answer(socket, {
        cmd: 'connack',
        sessionPresent: this.keepsSessions && this.connections > 1,
        returnCode: 0,
        ...five,
      });
    } else if (packet.cmd === 'subscribe') this.#subscribe(socket, packet);
    else if (packet.cmd === 'unsubscribe') this.#unsubscribe(socket, packet);
    else if (packet.cmd === 'publish') this.#publish(socket, packet, takes);
    else if (packet.cmd === 'pubrel') this.#release(socket, packet.messageId as number);
  }

  #publish(socket: Socket, packet: IPublishPacket, { receiveMaximum = 0xffff }: ConnackProperties): void {
    this.published.push(packet);
    if (packet.qos === 0 || !this.acknowledging) return;
    const messageId = packet.messageId as number;
    const inUse = packet.qos === 2 && this.#exchanges.has(messageId);
    if (packet.qos === 2) this.#exchanges.add(messageId);
    if (packet.qos === 2 && !this.answersExactlyOnce) return;
    this.#unacknowledged.push({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: inUse ? 0x91 : 0 });
    if (this.#unacknowledged.length > receiveMaximum) {
      this.violations.push(`${this.#unacknowledged.length} publishes under way`);
      socket.destroy();
    } else if (this.#unacknowledged.length === this.acknowledgesAtOnce) {
      // Behind what came with it, which is under way too.
      setImmediate(() => this.#answer(socket, ...this.#unacknowledged.splice(0)));
    }
  }

  #release(socket: Socket, messageId: number): void {
    this.releases++;
    const known = this.#exchanges.delete(messageId);
    if (this.answersReleases) this.#answer(socket, { cmd: 'pubcomp', messageId, reasonCode: known ? 0 : 0x92 });
  }

  #subscribe(socket: Socket, { subscriptions, messageId }: ISubscribePacket): void {
    this.subscribed.push(...subscriptions.map(({ topic }) => topic));
    this.retainHandling.push(...subscriptions.map(({ rh }) => rh));
    if (!this.answersSubscriptions) return;
    this.#answer(socket, { cmd: 'suback', messageId: messageId as number, granted: subscriptions.map(({ qos }) => qos) });
  }

  #unsubscribe(socket: Socket, { unsubscriptions, messageId }: IUnsubscribePacket): void {
    this.unsubscribed.push(...unsubscriptions);
    if (!this.answersSubscriptions) return;
    this.#answer(socket, { cmd: 'unsuback', messageId: messageId as number, granted: unsubscriptions.map(() => 0) });
  }

  #answer(socket: Socket, ...answers: Packet[]): void {
    socket.write(Buffer.concat(answers.map((packet) => packets.generate(packet, { protocolVersion: this.version }))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.breakOff();
    this.#listener.close();
    await once(this.#listener, 'close');
  }
}

/** Of a packet that was parsed, its fixed header included. */
export function bytesOf({ length = 0 }: Packet): number {
  return 1 + (length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4) + length;
}

/** What of a packet is more than the broker takes; undefined: nothing. */
function violationOf(packet: Packet, takes: ConnackProperties): string | undefined {
  if (packet.cmd === 'connect') return undefined;
  const bytes = bytesOf(packet);
  if (bytes > (takes.maximumPacketSize ?? Number.POSITIVE_INFINITY)) return `${packet.cmd} of ${bytes} bytes`;
  if (packet.cmd === 'subscribe' && takes.wildcardSubscriptionAvailable === false) {
    const wild = packet.subscriptions.find(({ topic }) => /[+#]/.test(topic));
    return wild && `subscribe to ${wild.topic}`;
  }
  if (packet.cmd !== 'publish') return undefined;
  if (packet.qos > (takes.maximumQoS ?? 2)) return `publish of QoS ${packet.qos}`;
  if (packet.retain && takes.retainAvailable === false) return 'publish with RETAIN';
  return packet.topic === '' ? 'publish without a topic' : undefined;
}
