import type { TestCluster } from '@qanat/testing';
import type { Packet } from 'mqtt-packet';
import { Link, type Node } from './nodes.ts';

/** A device with a session that goes on, as the standard wants a client to be. */
abstract class ChaosDevice {
  readonly clientId: string;
  link: Link | undefined;
  connected = false;
  protected readonly cluster: TestCluster;

  constructor(clientId: string, cluster: TestCluster) {
    this.clientId = clientId;
    this.cluster = cluster;
  }

  connect(node: Node): void {
    this.drop();
    this.link = new Link(node, this.cluster);
    this.link.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: this.clientId,
      clean: false,
      keepalive: 0,
      properties: { sessionExpiryInterval: 86_400, receiveMaximum: 20 },
    });
  }

  drop(): void {
    this.link?.drop();
    this.link = undefined;
    this.connected = false;
  }

  get alive(): boolean {
    return this.link?.open === true && !this.link.node.killed;
  }

  /** Handles what came; at most so many packets. */
  work(count: number): void {
    for (const packet of this.link?.inbox.splice(0, count) ?? []) {
      if (packet.cmd !== 'connack') this.handle(packet);
      else if (packet.reasonCode === 0) {
        this.connected = true;
        this.online(packet.sessionPresent);
      } else this.drop();
    }
  }

  protected ack(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number): void {
    this.link?.send({ cmd, messageId, reasonCode: 0 } as Packet);
  }

  protected abstract online(sessionPresent: boolean): void;
  protected abstract handle(packet: Packet): void;
}

/** Receives, and remembers how often. */
export class ChaosSubscriber extends ChaosDevice {
  readonly received = new Map<string, number>();
  /** In the order in which they came first, by topic. */
  readonly order = new Map<string, string[]>();
  subscribed = false;
  readonly #qos: 1 | 2;
  readonly #filter: string;
  readonly #exchanges = new Set<number>();

  constructor(clientId: string, cluster: TestCluster, filter: string, qos: 1 | 2) {
    super(clientId, cluster);
    this.#filter = filter;
    this.#qos = qos;
  }

  protected online(sessionPresent: boolean): void {
    if (this.subscribed && !sessionPresent) throw new Error(`${this.clientId} lost its session`);
    if (sessionPresent) return;
    this.#exchanges.clear();
    const subscription = { topic: this.#filter, qos: this.#qos, nl: false, rap: false, rh: 0 as const };
    this.link?.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription] });
  }

  protected handle(packet: Packet): void {
    if (packet.cmd === 'suback') this.subscribed = true;
    if (packet.cmd === 'pubrel') {
      this.#exchanges.delete(packet.messageId ?? 0);
      this.ack('pubcomp', packet.messageId ?? 0);
    }
    if (packet.cmd !== 'publish') return;
    const { topic, payload, messageId = 0, qos } = packet;
    if (qos === 2 && this.#exchanges.has(messageId)) return this.ack('pubrec', messageId);
    const before = this.received.get(`${payload}`) ?? 0;
    this.received.set(`${payload}`, before + 1);
    if (before === 0) this.order.set(topic, [...(this.order.get(topic) ?? []), `${payload}`]);
    if (qos === 2) this.#exchanges.add(messageId);
    this.ack(qos === 2 ? 'pubrec' : 'puback', messageId);
  }
}

interface Sent {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 1 | 2;
  released: boolean;
}

/** Publishes, and sends again what was not acknowledged when it is back. */
export class ChaosPublisher extends ChaosDevice {
  readonly acknowledged: { readonly payload: string; readonly topic: string; readonly qos: 1 | 2 }[] = [];
  readonly #underWay = new Map<number, Sent>();
  #nextId = 1;

  get idle(): boolean {
    return this.#underWay.size === 0;
  }

  publish(topic: string, payload: string, qos: 1 | 2): void {
    if (!this.connected || !this.alive || this.#underWay.size >= 10) return;
    const messageId = this.#nextId;
    this.#nextId = (this.#nextId % 60_000) + 1;
    const sent = { topic, payload, qos, released: false };
    this.#underWay.set(messageId, sent);
    this.#send(messageId, sent, false);
  }

  protected online(sessionPresent: boolean): void {
    for (const [messageId, sent] of this.#underWay) {
      // What another session has begun is begun anew.
      if (!sessionPresent) sent.released = false;
      if (sent.released) this.ack('pubrel', messageId);
      else this.#send(messageId, sent, true);
    }
  }

  protected handle(packet: Packet): void {
    const messageId = 'messageId' in packet ? (packet.messageId ?? 0) : 0;
    const sent = this.#underWay.get(messageId);
    if (sent === undefined) return;
    if (packet.cmd === 'pubrec') {
      sent.released = true;
      this.ack('pubrel', messageId);
    }
    if (packet.cmd !== 'puback' && packet.cmd !== 'pubcomp') return;
    this.#underWay.delete(messageId);
    this.acknowledged.push(sent);
  }

  #send(messageId: number, { topic, payload, qos }: Sent, dup: boolean): void {
    this.link?.send({ cmd: 'publish', topic, payload, qos, messageId, dup, retain: false } as Packet);
  }
}
