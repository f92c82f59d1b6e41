import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Device, World } from './world.ts';

const SHARE = { name: 'g', filter: 't/#' };

/** A member of the shared subscription, with a session that stays. */
class Member {
  readonly clientId: string;
  /** Payloads of QoS 2 whose exchange was begun with this session. */
  readonly exactly = new Set<string>();
  readonly atLeast: string[] = [];
  readonly #world: World;
  #device: Device | undefined;
  #handled = 0;

  constructor(world: World, clientId: string) {
    this.#world = world;
    this.clientId = clientId;
  }

  connect(bridge: number): void {
    const properties = { sessionExpiryInterval: 600, receiveMaximum: 2 };
    this.#device = this.#world.device(5, bridge).connect({ clientId: this.clientId, clean: false, properties });
    this.#handled = 0;
  }

  subscribe(): void {
    this.#device?.subscribe('$share/g/t/#', 2);
  }

  drop(): void {
    this.#device?.drop();
  }

  handle(most: number): void {
    for (let i = 0; i < most && this.#device?.ended === undefined; i++) {
      const packet = this.#device?.got[this.#handled];
      if (packet === undefined) return;
      this.#handled++;
      const id = packet.messageId ?? 0;
      if (packet.cmd === 'publish' && packet.qos === 1) {
        this.atLeast.push(packet.payload.toString());
        this.#device?.ack('puback', id);
      } else if (packet.cmd === 'publish') {
        this.exactly.add(packet.payload.toString());
        this.#device?.ack('pubrec', id);
      } else if (packet.cmd === 'pubrel') {
        this.#device?.ack('pubcomp', id);
      }
    }
  }

  get busy(): boolean {
    return this.#handled < (this.#device?.got.length ?? 0);
  }
}

const action = fc.record({
  what: fc.constantFrom('send', 'send', 'step', 'step', 'handle', 'handle', 'drop', 'connect'),
  who: fc.nat({ max: 2 }),
  number: fc.nat({ max: 9 }),
});

function act(world: World, member: Member, what: string, number: number): void {
  const payload = `${world.cluster.logs.flat().length}`;
  if (what === 'send') world.cluster.send(`t/${number % 3}`, payload, { qos: number % 2 === 0 ? 1 : 2 });
  else if (what === 'step') for (let i = 0; i <= number; i++) world.step();
  else if (what === 'handle') member.handle(number);
  else if (what === 'drop') member.drop();
  else member.connect(number % 2);
}

function settle(world: World, members: readonly Member[]): void {
  world.run();
  for (const member of members) member.connect(0);
  for (let i = 0; i < 10_000; i++) {
    world.run();
    for (const member of members) member.handle(100);
    if (world.cluster.idle && members.every(({ busy }) => !busy)) return;
  }
  throw new Error('the members never come to rest');
}

test('members come and go: each message is settled once, comes at least once, and of QoS 2 to one session [MQTT-4.8.2-4] [MQTT-4.8.2-5]', () => {
  fc.assert(
    fc.property(fc.array(action, { minLength: 1, maxLength: 120, size: 'max' }), (actions) => {
      const world = new World({ bridges: 2 });
      const members = ['a', 'b', 'c'].map((clientId) => new Member(world, clientId));
      members.forEach((member, i) => {
        member.connect(i % 2);
        world.run();
        member.subscribe();
      });
      world.run();
      for (const { what, who, number } of actions) act(world, members[who] as Member, what, number);
      settle(world, members);
      const log = world.cluster.logs.flat();
      const named = (qos: number) =>
        log.filter((message) => message.qos === qos).map(({ payload }) => Buffer.from(payload).toString());
      expect(new Set(world.cluster.shareOf(SHARE).settled).size).toBe(log.length);
      expect(world.cluster.shareOf(SHARE).settled).toHaveLength(log.length);
      expect([...new Set(members.flatMap(({ atLeast }) => atLeast))].toSorted()).toEqual(named(1).toSorted());
      expect(members.flatMap(({ exactly }) => [...exactly]).toSorted()).toEqual(named(2).toSorted());
      for (const server of world.servers) expect(server.figures().gauges.underWay).toBe(0);
    }),
    { numRuns: 150 },
  );
});
