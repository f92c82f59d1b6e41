import fc from 'fast-check';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { type Device, World } from './world.ts';

const WINDOW = 3;
const TOPICS = ['t/0', 't/1', 't/2'];

interface Outgoing {
  readonly packet: IPublishPacket;
  released: boolean;
}

/** A client with a session that stays: it keeps what MQTT says that a client keeps, and checks what it is sent. */
class Client {
  readonly clientId: string;
  readonly got: { readonly qos: number; readonly topic: string; readonly payload: string }[] = [];
  readonly published: { readonly qos: number; readonly topic: string; readonly payload: string }[] = [];
  device: Device | undefined;
  readonly #world: World;
  readonly #outgoing = new Map<number, Outgoing>();
  readonly #unreleased = new Set<number>();
  #handled = 0;
  /** Packet ids of PUBLISH that came on this connection and whose delivery has not ended. */
  #underWay = new Set<number>();
  #nextId = 1;

  constructor(world: World, clientId: string) {
    this.#world = world;
    this.clientId = clientId;
  }

  connect(bridge: number): void {
    this.device = this.#world.device(5, bridge).connect({
      clientId: this.clientId,
      clean: false,
      properties: { sessionExpiryInterval: 600, receiveMaximum: WINDOW },
    });
    this.#handled = 0;
    this.#underWay = new Set();
  }

  get #online(): boolean {
    return this.device?.ended === undefined && (this.device?.all('connack').length ?? 0) > 0;
  }

  publish(topic: string, qos: 1 | 2): void {
    if (!this.#online || this.#outgoing.size >= 50) return;
    const messageId = this.#nextId++;
    const payload = `${this.clientId}.${messageId}`;
    const packet: IPublishPacket = { cmd: 'publish', topic, payload, qos, messageId, dup: false, retain: false };
    this.published.push({ qos, topic, payload });
    this.#outgoing.set(messageId, { packet, released: false });
    this.device?.send(packet);
  }

  /** Looks at some of what came, and answers it. */
  handle(most: number): void {
    for (let i = 0; i < most; i++) {
      const { device } = this;
      const packet = device?.got[this.#handled];
      if (device === undefined || packet === undefined || device.ended !== undefined) return;
      this.#handled++;
      this.#one(device, packet);
    }
  }

  #one(device: Device, packet: Packet): void {
    const id = packet.messageId ?? 0;
    if (packet.cmd === 'connack') this.#resend(device);
    else if (packet.cmd === 'publish') this.#received(device, packet, id);
    else if (packet.cmd === 'pubrel') this.#released(device, id);
    else if (packet.cmd === 'puback' || packet.cmd === 'pubcomp') this.#outgoing.delete(id);
    else if (packet.cmd === 'pubrec') this.#release(device, id);
    else if (packet.cmd === 'disconnect') expect(packet.reasonCode).toBe(0x8e);
  }

  /** [MQTT-4.4.0-1]. */
  #resend(device: Device): void {
    for (const { packet, released } of this.#outgoing.values()) {
      if (released) device.ack('pubrel', packet.messageId as number);
      else device.send({ ...packet, dup: true });
    }
  }

  #release(device: Device, id: number): void {
    const outgoing = this.#outgoing.get(id);
    if (outgoing !== undefined) outgoing.released = true;
    device.ack('pubrel', id);
  }

  #received(device: Device, { qos, topic, payload, dup }: IPublishPacket, id: number): void {
    this.#underWay.add(id);
    const known = qos === 2 && this.#unreleased.has(id);
    if (known) expect(dup, 'a packet id that is in use came without DUP').toBe(true);
    if (qos === 2) this.#unreleased.add(id);
    if (!known) this.got.push({ qos, topic, payload: payload.toString() });
    if (qos === 1) this.#underWay.delete(id);
    device.ack(qos === 1 ? 'puback' : 'pubrec', id);
  }

  #released(device: Device, id: number): void {
    this.#unreleased.delete(id);
    this.#underWay.delete(id);
    device.ack('pubcomp', id);
  }

  /** [MQTT-3.3.4-9]. */
  checkWindow(): void {
    const unseen = this.device?.got.slice(this.#handled).filter((packet) => packet.cmd === 'publish' && packet.qos > 0) ?? [];
    expect(unseen.length + this.#underWay.size).toBeLessThanOrEqual(WINDOW);
  }

  get busy(): boolean {
    return this.#outgoing.size > 0 || this.#handled < (this.device?.got.length ?? 0);
  }
}

const action = fc.record({
  what: fc.constantFrom('publish', 'publish', 'send', 'step', 'step', 'handle', 'handle', 'drop', 'connect', 'freeze', 'thaw'),
  who: fc.nat({ max: 2 }),
  number: fc.nat({ max: 11 }),
});

function act(world: World, client: Client, what: string, number: number): void {
  const { device } = client;
  const topic = TOPICS[number % 3] as string;
  const qos = number % 2 === 0 ? 1 : 2;
  if (what === 'publish') client.publish(topic, qos);
  else if (what === 'send') world.cluster.send(topic, `log.${world.cluster.logs.flat().length}`, { qos });
  else if (what === 'step') for (let i = 0; i <= number; i++) world.step();
  else if (what === 'handle') client.handle(number);
  else if (what === 'drop') device?.drop();
  else if (what === 'connect') client.connect(number % 2);
  else if (what === 'freeze' && device !== undefined) device.frozen = true;
  else if (what === 'thaw') device?.thaw();
}

/** Lets everything come to rest, with every client connected. */
function settle(world: World, clients: readonly Client[]): void {
  for (const client of clients) client.device?.thaw();
  world.run();
  for (const client of clients) client.connect(0);
  for (let i = 0; i < 10_000; i++) {
    world.run();
    for (const client of clients) client.handle(100);
    if (world.cluster.idle && clients.every(({ busy }) => !busy)) return;
  }
  throw new Error('the devices never come to rest');
}

const say = ({ topic, payload }: { readonly topic: string; readonly payload: string }) => `${topic}=${payload}`;

function check(world: World, clients: readonly Client[]): void {
  const log = world.cluster.logs.flat().map((message) => ({ ...message, payload: Buffer.from(message.payload).toString() }));
  const select = <Item extends { readonly qos: number; readonly topic: string }>(
    items: readonly Item[],
    qos: number,
    topic: string,
  ) => items.filter((item) => item.qos === qos && item.topic === topic);
  for (const topic of TOPICS) {
    const exactly = select(log, 2, topic).map(say);
    const atLeast = [...new Set(select(log, 1, topic).map(say))];
    expect(exactly, 'QoS 2 is stored once').toEqual([...new Set(exactly)]);
    for (const { got, published, clientId } of clients) {
      expect(select(got, 2, topic).map(say), `QoS 2 to ${clientId}`).toEqual(exactly);
      expect([...new Set(select(got, 1, topic).map(say))], `QoS 1 to ${clientId}`).toEqual(atLeast);
      const own = `${topic}=${clientId}.`;
      expect(exactly.filter((text) => text.startsWith(own))).toEqual(select(published, 2, topic).map(say));
      expect(atLeast.filter((text) => text.startsWith(own))).toEqual(select(published, 1, topic).map(say));
    }
  }
}

test('whatever links do: QoS 1 loses nothing and keeps the order, QoS 2 comes once, no window is passed [MQTT-4.3.2] [MQTT-4.3.3] [MQTT-4.6.0-6]', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 120, size: 'max' }), (actions) => {
      const world = new World({ bridges: 2, limits: { pendingPlacesMax: 3 } });
      world.cluster.placesMax = 4;
      const clients = ['a', 'b', 'c'].map((clientId) => new Client(world, clientId));
      for (const client of clients) {
        client.connect(0);
        client.device?.subscribe('t/#', 2);
      }
      world.run();
      for (const { what, who, number } of actions) {
        act(world, clients[who] as Client, what, number);
        for (const client of clients) client.checkWindow();
      }
      settle(world, clients);
      check(world, clients);
      for (const server of world.servers) expect(server.figures().gauges).toMatchObject({ underWay: 0, sessionsBehind: 0 });
    }),
    { numRuns: 200 },
  );
});
