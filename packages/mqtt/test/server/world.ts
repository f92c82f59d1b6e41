import type { LogFields } from '@qanat/core';
import { type Credentials, type Gate, type MqttLimits, MqttServer, type Sockets } from '@qanat/mqtt';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { type MemoryBridge, MemoryCluster } from './memory-cluster.ts';

/** What a server sent, as mqtt-packet reads it. */
export type Got = Packet;

/** A gate that a test may shut for users, topics and filters. */
export class TestGate implements Gate {
  answer: 'bad-credentials' | 'not-authorized' | 'unavailable' | undefined;
  why: string | undefined;
  /** Holds answers back until `open`. */
  slow = false;
  readonly forbidden = new Set<string>();
  readonly #waiting: (() => void)[] = [];

  authenticate(credentials: Credentials, done: (principal: string, why?: string) => void): void {
    const answer = () => done(this.answer ?? credentials.username ?? 'anonymous', this.why);
    if (this.slow) this.#waiting.push(answer);
    else answer();
  }

  open(): void {
    this.slow = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  mayPublish(_principal: string, topic: string): boolean {
    return !this.forbidden.has(topic);
  }

  maySubscribe(_principal: string, filter: string): boolean {
    return !this.forbidden.has(filter);
  }
}

/** One socket and the client at its other end. */
export class Device {
  readonly id: number;
  readonly got: Packet[] = [];
  /** How many times the server sent. */
  sends = 0;
  bytes = 0;
  ended: 'closed' | 'aborted' | undefined;
  paused = false;
  /** How many times the server began to read again. */
  resumes = 0;
  /** It reads nothing: what it is sent waits, and from here on the server is told so. */
  frozen = false;
  /** Bytes that its socket takes while it is frozen. */
  roomBytes = 0;
  #held: Uint8Array[] = [];
  readonly #server: () => MqttServer;
  readonly #world: World;
  readonly #version: 4 | 5;
  readonly #parser;

  constructor(world: World, server: () => MqttServer, id: number, version: 4 | 5) {
    this.#world = world;
    this.#server = server;
    this.id = id;
    this.#version = version;
    this.#parser = parser({ protocolVersion: version } as never);
    this.#parser.on('packet', (packet) => void this.got.push(packet));
    this.#parser.on('error', (error) => {
      throw error;
    });
  }

  get version(): 4 | 5 {
    return this.#version;
  }

  /** From the server. */
  take(bytes: Uint8Array): boolean {
    this.sends++;
    this.bytes += bytes.length;
    if (!this.frozen) {
      this.#parser.parse(Buffer.from(bytes));
      return true;
    }
    this.#held.push(bytes);
    return this.#held.reduce((sum, { length }) => sum + length, 0) < this.roomBytes;
  }

  /** The server reads its socket no more, or again. */
  pause(paused: boolean): void {
    this.paused = paused;
    if (!paused) this.resumes++;
  }

  /** Reads what waits, and then no more. */
  read(): void {
    for (const bytes of this.#held.splice(0)) this.#parser.parse(Buffer.from(bytes));
    if (this.ended === undefined) this.#server().drained(this.id, this.#world.nowMs);
  }

  /** Reads on. */
  thaw(): void {
    this.frozen = false;
    this.read();
  }

  sendBytes(bytes: Uint8Array): this {
    if (this.ended === undefined) this.#server().received(this.id, bytes, this.#world.nowMs);
    return this;
  }

  /** Several packets in one chunk. */
  send(...packets: readonly Packet[]): this {
    return this.sendBytes(Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: this.#version } as never))));
  }

  connect(more: Partial<IConnectPacket> = {}): this {
    this.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clientId: 'a',
      clean: true,
      keepalive: 0,
      ...more,
    });
    return this;
  }

  subscribe(topic: string, qos: 0 | 1 | 2 = 1, options: object = {}, properties?: object): this {
    const subscription = { topic, qos, ...options };
    this.send({
      cmd: 'subscribe',
      messageId: 77,
      subscriptions: [subscription],
      ...(properties ? { properties } : {}),
    } as Packet);
    return this;
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2 = 0, more: object = {}): this {
    return this.send({ cmd: 'publish', topic, payload, qos, messageId: 1, dup: false, retain: false, ...more } as Packet);
  }

  ack(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number, reasonCode = 0): this {
    return this.send({ cmd, messageId, ...(this.#version === 5 ? { reasonCode } : {}) } as Packet);
  }

  /** The socket breaks. */
  drop(): void {
    if (this.ended !== undefined) return;
    this.ended = 'aborted';
    this.#server().closed(this.id, this.#world.nowMs);
  }

  /** Packets of a type, in the order in which they came. */
  all<Cmd extends Packet['cmd']>(cmd: Cmd): Extract<Packet, { cmd: Cmd }>[] {
    return this.got.filter((packet): packet is Extract<Packet, { cmd: Cmd }> => packet.cmd === cmd);
  }

  last<Cmd extends Packet['cmd']>(cmd: Cmd): Extract<Packet, { cmd: Cmd }> {
    const packet = this.got.findLast((one): one is Extract<Packet, { cmd: Cmd }> => one.cmd === cmd);
    if (packet === undefined) throw new Error(`no ${cmd} came, but ${this.got.map((one) => one.cmd).join(', ')}`);
    return packet;
  }

  /** `topic=payload` of every PUBLISH. */
  get messages(): string[] {
    return this.all('publish').map(({ topic, payload }) => `${topic}=${payload}`);
  }
}

const isDue = (server: MqttServer, nowMs: number): boolean => (server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY) <= nowMs;

/** Bridges, each with its server, over one cluster in memory, in virtual time. */
export class World {
  readonly cluster = new MemoryCluster();
  readonly gate = new TestGate();
  readonly servers: MqttServer[] = [];
  readonly bridges: MemoryBridge[] = [];
  readonly devices = new Map<number, Device>();
  /** The events that operators were told of, and with what. */
  readonly log: string[] = [];
  readonly logged: LogFields[] = [];
  nowMs = 0;
  #woken: MqttServer[] = [];
  #nextId = 1;

  constructor(options: { readonly bridges?: number; readonly limits?: Partial<MqttLimits> } = {}) {
    for (let i = 0; i < (options.bridges ?? 1); i++) this.#start(i, options.limits ?? {});
  }

  #start(i: number, limits: Partial<MqttLimits>): void {
    const bridge = this.cluster.bridge();
    const sockets: Sockets = {
      send: (id, bytes) => this.#device(id).take(bytes),
      close: (id) => this.#end(id, 'closed'),
      abort: (id) => this.#end(id, 'aborted'),
      pause: (id) => this.#device(id).pause(true),
      resume: (id) => this.#device(id).pause(false),
    };
    const server: MqttServer = new MqttServer(
      { seed: 4_711 + i, limits },
      {
        sockets,
        gate: this.gate,
        cluster: bridge,
        log: (_level, event, fields) => {
          this.log.push(event);
          this.logged.push(fields);
        },
        wake: () => void this.#woken.push(server),
      },
    );
    bridge.server = server;
    this.bridges.push(bridge);
    this.servers.push(server);
  }

  get server(): MqttServer {
    return this.servers[0] as MqttServer;
  }

  get bridge(): MemoryBridge {
    return this.bridges[0] as MemoryBridge;
  }

  #device(id: number): Device {
    const device = this.devices.get(id);
    if (device === undefined) throw new Error(`nobody has the socket ${id}`);
    return device;
  }

  #end(id: number, how: 'closed' | 'aborted'): void {
    this.#device(id).ended ??= how;
  }

  device(version: 4 | 5 = 5, bridge = 0): Device {
    const server = this.servers[bridge] as MqttServer;
    const device = new Device(this, () => server, this.#nextId++, version);
    this.devices.set(device.id, device);
    server.accepted(device.id, { address: '10.0.0.1:4000', secure: false }, this.nowMs);
    return device;
  }

  /** A device whose CONNECT was answered. */
  online(more: Partial<IConnectPacket> = {}, version: 4 | 5 = 5, bridge = 0): Device {
    const device = this.device(version, bridge).connect(more);
    this.run();
    return device;
  }

  /** One thing of what waits in the cluster, and what the servers send for it. */
  step(): boolean {
    const stepped = this.cluster.step();
    for (const server of this.#woken.splice(0)) server.flush(this.nowMs);
    return stepped;
  }

  /** Everything that waits in the cluster, and what is due by now. */
  run(): this {
    do {
      this.cluster.run();
      for (const server of this.#woken.splice(0)) server.flush(this.nowMs);
      for (const server of this.servers) if (isDue(server, this.nowMs)) server.tick(this.nowMs);
    } while (!this.cluster.idle || this.servers.some((server) => isDue(server, this.nowMs)));
    return this;
  }

  /** Lets time pass, and every deadline in it. */
  pass(ms: number): this {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const deadlines = this.servers.map((server) => server.nextDeadlineMs() ?? Number.POSITIVE_INFINITY);
      const next = Math.min(...deadlines, untilMs);
      this.nowMs = Math.max(this.nowMs, next);
      this.cluster.nowMs = this.nowMs;
      for (const server of this.servers) server.tick(this.nowMs);
      this.run();
      if (this.nowMs >= untilMs) return this;
    }
  }
}
