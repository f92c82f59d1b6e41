// Rules of clients, producers and consumers against brokers and NameServers that a test plays.
import { describe, expect, it } from 'vitest';
import {
  Admin,
  BatchAttribute,
  encodeBatch,
  GroupKind,
  LIMITS,
  QanatError,
  Random,
  RecordReader,
  readBatchHeader,
  readProperties,
} from '../../src/index.ts';
import { Cluster } from '../client/cluster.ts';
import { FakeNameServer } from '../client/fake-name-server.ts';
import { World as NamingWorld } from '../client/world.ts';
import { World } from '../consumer/world.ts';
import { testPlatform } from '../platform.ts';

const text = new TextEncoder();

/** The times between the dials to brokers, each failure followed by what `after` does. */
function gaps(cluster: Cluster, after: () => void = () => {}): number[] {
  const times: number[] = [];
  const dialled = (): number => cluster.world.dialled.filter((address) => address.includes('a:7610')).length;
  for (let ms = 0; ms < 20_000; ms++) {
    const before = dialled();
    cluster.world.run(1);
    if (dialled() > before) {
      times.push(cluster.world.nowMs);
      after();
    }
  }
  return times.slice(1).map((time, i) => time - (times[i] as number));
}

describe('a client that connects again', () => {
  it('waits between half and all of 100 ms × 2^n after each failure, at most 5 s [QNT-CON-025]', () => {
    const cluster = new Cluster();
    cluster.a.state = 'down';
    cluster.world.call((client) => client.hold('a'));
    cluster.send('x', { key: 'k' });
    const waits = gaps(cluster);
    expect(waits.length).toBeGreaterThan(6);
    waits.forEach((wait, n) => {
      const whole = Math.min(100 * 2 ** n, 5_000);
      // Dialling itself takes a moment; the cap of this client is lower.
      expect(wait).toBeLessThanOrEqual(whole + 3);
      if (whole <= 1_600) expect(wait).toBeGreaterThanOrEqual(whole / 2 - 1);
    });
  });

  it('goes on waiting longer while the server accepts and dies before HELLO is answered [QNT-CON-026]', () => {
    const cluster = new Cluster();
    cluster.a.state = 'hung';
    cluster.world.call((client) => client.hold('a'));
    cluster.send('x', { key: 'k' });
    const waits = gaps(cluster, () => cluster.world.later(1, () => cluster.world.cut(cluster.a)));
    expect(waits.length).toBeLessThan(25);
    expect(Math.min(...waits.slice(4))).toBeGreaterThan(400);
  });

  it('closes a connection where another broker than the one it expects answers [QNT-CON-013]', () => {
    const cluster = new Cluster({ brokers: 2 });
    const { identity } = cluster.b;
    cluster.a.identity = identity.bind(cluster.b);
    const result = cluster.send('x', {}, { queue: { broker: 'a', queue: 0 }, timeoutMs: 2_000 });
    cluster.world.run(5_000);
    expect(result.error?.outcome).toBe('not-sent');
    expect(cluster.a.sends).toEqual([]);
    expect(cluster.world.connections(cluster.a)).toBe(0);
    expect(cluster.world.events.filter((event) => event.kind === 'connected' && event.peer === 'a')).toEqual([]);
  });
});

describe('a client and the routes', () => {
  const addresses = ['ns:7600'];
  const naming = (options: object = {}) => {
    const world = new NamingWorld({ nameServers: addresses, ...options });
    const server = world.add(new FakeNameServer('ns:7600', new Random(5)));
    return { world, server };
  };
  const watch = (world: NamingWorld) => {
    const seen: unknown[] = [];
    world.call((client) => client.watchRoute('orders', (route) => seen.push(route.shares.map((s) => `${s.broker}${s.queues}`))));
    return seen;
  };

  it('adds up the shares of several routes of one topic [QNT-RTE-021]', () => {
    const { world, server } = naming();
    for (const broker of ['a', 'b', 'c']) server.broker(broker, `${broker}:7610`);
    server.routes = () => ({
      routes: [
        { topic: 'orders', shares: [{ broker: 'b', queues: 2 }] },
        {
          topic: 'orders',
          shares: [
            { broker: 'a', queues: 1 },
            { broker: 'c', queues: 3 },
          ],
        },
      ],
      brokers: [...server.brokers.values()],
    });
    const seen = watch(world);
    world.run(100);
    expect(seen).toEqual([['a1', 'b2', 'c3']]);
  });

  it('takes the endpoint of its listener, else the first of a scheme that it serves [QNT-RTE-022]', () => {
    const endpoints = [
      { listener: 'tls', scheme: 'qanats', address: 'tls:1' },
      { listener: 'inside', scheme: 'qanat', address: 'inside:1' },
      { listener: 'outside', scheme: 'qanat', address: 'outside:1' },
    ];
    const dialled = (options: object): string[] => {
      const { world, server } = naming(options);
      server.broker('a', '', { endpoints });
      server.topics.set('orders', { a: 1 });
      watch(world);
      world.call((client) => client.hold('a'));
      world.run(50);
      return world.dialled.filter((address) => address.endsWith(':1')).slice(0, 1);
    };
    expect(dialled({ listener: 'outside' })).toEqual(['qanat://outside:1']);
    expect(dialled({})).toEqual(['qanat://inside:1']);
    expect(dialled({ listener: 'nowhere' })).toEqual(['qanat://inside:1']);
  });

  it('keeps an away broker while a route names it, and for BROKER_AWAY_MS after the last one did [QNT-RTE-025]', () => {
    const { world, server } = naming();
    for (const broker of ['a', 'b']) server.broker(broker, `${broker}:7610`);
    server.topics.set('orders', { a: 1, b: 1 });
    const seen = watch(world);
    world.run(100);
    server.broker('b', 'b:7610', { away: true });
    server.push('orders');
    world.run(LIMITS.BROKER_AWAY_MS * 2);
    expect(seen.at(-1)).toEqual(['a1', 'b1']);
    server.topics.set('orders', { a: 1 });
    server.brokers.delete('b');
    world.cut(server);
    server.push('orders');
    world.run(LIMITS.BROKER_AWAY_MS - 35_000);
    expect(seen.at(-1)).toEqual(['a1', 'b1']);
    world.run(40_000);
    expect(seen.at(-1)).toEqual(['a1']);
  });

  it('leaves no broker because a route says that it is away or no longer names it [QNT-RTE-019]', () => {
    const world = new World();
    const { broker } = world.joined();
    world.host.route('t', [{ broker: 'b1', queues: 1, away: true }]);
    broker.fill('t', 0, 2);
    world.host.advance(100);
    world.host.route('t', []);
    broker.fill('t', 0, 2);
    world.host.advance(5_000);
    expect(world.offsets(0)).toEqual([0, 1, 2, 3]);
    expect(world.host.held.get('b1')).toBe(1);
    expect(world.of('revoked')).toEqual([]);
    expect(world.host.requests('RELEASE').concat(world.host.requests('LEAVE') as never)).toEqual([]);
    expect(world.host.requests('PULL').filter(({ open }) => open)).toHaveLength(1);
  });
});

describe('a producer', () => {
  it('repeats nothing before retry_after_ms has passed [QNT-ERR-006]', () => {
    const cluster = new Cluster();
    const times: number[] = [];
    cluster.a.meddle = (send) => {
      times.push(cluster.world.nowMs);
      if (times.length > 4) return false;
      send.fail(new QanatError('BROKER_BUSY', 'full', { retryAfterMs: 700 }));
      return true;
    };
    const result = cluster.send('x', { key: 'k' });
    cluster.world.until(() => result.done === 1);
    expect(times).toHaveLength(5);
    times.slice(1).forEach((time, i) => expect(time - (times[i] as number)).toBeGreaterThanOrEqual(700));
  });

  it('has no more than PRODUCER_BATCHES_REMEMBERED unanswered batches in one queue [QNT-SND-029]', () => {
    expect(() => new Cluster({ producer: { inFlightBatches: LIMITS.PRODUCER_BATCHES_REMEMBERED + 1 } })).toThrow(
      'inFlightBatches',
    );
    const cluster = new Cluster({ producer: { batchRecords: 1, inFlightBatches: 32 } });
    cluster.a.meddle = () => true;
    for (let round = 0; round < 6; round++) {
      cluster.sendAll(
        Array.from({ length: 60 }, (_, i) => `m${round * 60 + i}`),
        () => ({ key: 'k' }),
      );
      cluster.world.run(1_500);
      if (round % 2 === 1) cluster.world.cut(cluster.a);
    }
    const numbers = new Set(cluster.a.sends);
    expect(numbers.size).toBeGreaterThan(10);
    expect(numbers.size).toBeLessThanOrEqual(LIMITS.PRODUCER_BATCHES_REMEMBERED);
  });

  it('tells SEQUENCE_CONFLICT as UNKNOWN, and asks for a new id [QNT-SND-035]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    const warm = cluster.send('warm');
    cluster.world.until(() => warm.done === 1);
    let once = true;
    cluster.a.meddle = (send) => {
      if (!once) return false;
      once = false;
      send.fail(new QanatError('SEQUENCE_CONFLICT', 'these numbers are taken'));
      return true;
    };
    const result = cluster.send('x', { key: 'k' });
    cluster.world.until(() => result.done === 1);
    expect(result.error?.outcome).toBe('unknown');
    const inits = cluster.a.inits;
    const after = cluster.send('y', { key: 'k' });
    cluster.world.until(() => after.done === 1);
    expect(after.error).toBeUndefined();
    expect(inits + cluster.a.inits).toBeGreaterThanOrEqual(3);
    expect(cluster.a.log('orders', 0)).toEqual(['warm', 'y']);
  });

  it('never tries a batch without a producer id again [QNT-SND-041]', () => {
    const cluster = new Cluster({ producer: { ack: 'none', batchRecords: 1 } });
    cluster.send('warm');
    cluster.world.run(20);
    const taken: string[] = [];
    cluster.a.meddle = (send) => {
      taken.push(Buffer.from(send.payload).toString('hex'));
      return true;
    };
    cluster.sendAll(['m0', 'm1', 'm2']);
    cluster.world.run(5);
    cluster.world.cut(cluster.a);
    cluster.world.run(20_000);
    expect(taken).toHaveLength(3);
    expect(new Set(taken).size).toBe(3);
    expect(cluster.a.inits).toBe(0);
  });

  it('drops the connection of a broker that answers nothing for three attempts in a row, and connects again [QNT-COR-013]', () => {
    const cluster = new Cluster();
    const warm = cluster.send('warm');
    cluster.world.until(() => warm.done === 1);
    const dials = (): number => cluster.world.dialled.filter((address) => address.includes('a:7610')).length;
    const before = dials();
    cluster.a.state = 'hung';
    cluster.send('x', { key: 'k' });
    cluster.world.run(3 * 3_000 + 1_000);
    expect(dials()).toBeGreaterThan(before);
  });
});

describe('an operator’s client', () => {
  it('does not repeat a request of unknown outcome that is not idempotent [QNT-COR-012]', () => {
    const cluster = new Cluster();
    const warm = cluster.send('warm');
    cluster.world.until(() => warm.done === 1);
    const asked: string[] = [];
    cluster.a.onRequest = (request) => void asked.push(request.name);
    const outcomes: (string | undefined)[] = [];
    cluster.world.call((client) => {
      const admin = new Admin(client);
      admin.removeTopic('orders', 3_000, (error) => outcomes.push(error?.code));
      admin.resetGroup('g', 'first', {}, 3_000, (error) => outcomes.push(error?.code));
    });
    cluster.world.run(30_000);
    expect(outcomes).toHaveLength(2);
    expect(outcomes).not.toContain(undefined);
    const changing = asked.filter((name) => name === 'TOPIC_REMOVE' || name === 'GROUP_RESET');
    expect(new Set(changing).size).toBe(changing.length);
    expect(changing).toContain('TOPIC_REMOVE');
  });
});

describe('a batch', () => {
  const fields = { bornTimeMs: 5, producerId: 0, producerEpoch: 0, baseSequence: 0 };

  it('is compressed only where that makes it shorter [QNT-BAT-015]', () => {
    const random = new Random(1);
    const noise = Uint8Array.from({ length: 500 }, () => random.below(256));
    const compressionOf = (body: Uint8Array): number =>
      readBatchHeader(encodeBatch(testPlatform, [{ body }], { ...fields, compress: true })).attributes &
      BatchAttribute.COMPRESSION_MASK;
    expect(compressionOf(noise)).toBe(0);
    expect(compressionOf(new Uint8Array(500))).toBe(1);
  });

  it('gives the last value of a property that comes twice [QNT-BAT-016]', () => {
    const batch = encodeBatch(testPlatform, [{ body: text.encode('x'), properties: { a: '1', b: '2' } }], fields);
    const names = [...batch.keys()].filter((at) => at >= 64 && batch[at] === 0x62);
    expect(names).toHaveLength(1);
    batch[names[0] as number] = 0x61;
    const reader = new RecordReader(testPlatform, batch);
    expect(reader.next()).toBe(true);
    expect({ ...readProperties(reader.bytes, reader.propertiesAt) }).toEqual({ a: '2' });
  });
});

describe('a consumer', () => {
  it('takes an answer whose bytes do not add up, or of a queue that it did not ask for, as broken, and connects again [QNT-PUL-031]', () => {
    const faults = [
      { result: { topic: 't', queue: 0, nextOffset: 1, highWatermark: 1, oldestOffset: 0, bytes: 10, code: 0 }, payload: 9 },
      { result: { topic: 't', queue: 0, nextOffset: 1, highWatermark: 1, oldestOffset: 0, bytes: 10, code: 0 }, payload: 11 },
      { result: { topic: 't', queue: 5, nextOffset: 1, highWatermark: 1, oldestOffset: 0, bytes: 0, code: 0 }, payload: 0 },
      { result: { topic: 'u', queue: 0, nextOffset: 1, highWatermark: 1, oldestOffset: 0, bytes: 0, code: 0 }, payload: 0 },
    ];
    for (const { result, payload } of faults) {
      const world = new World();
      const { broker } = world.joined();
      broker.intercept = (sent) => {
        const { name, respond } = sent as unknown as { name: string; respond(header: object, payload: Uint8Array): void };
        if (name === 'PULL') respond({ results: [result] }, new Uint8Array(payload));
        return name === 'PULL';
      };
      world.host.disconnect('b1');
      broker.forget();
      world.host.connect('b1');
      world.host.advance(20);
      expect(world.host.suspected[0]).toBe('b1');
      broker.intercept = undefined;
      broker.forget();
      broker.fill('t', 0, 2);
      world.host.connect('b1');
      world.host.advance(200);
      expect(world.offsets(0)).toEqual([0, 1]);
    }
  });

  it('draws its member id at random, whatever its label [QNT-GRP-001]', () => {
    const world = new World();
    const broker = world.broker();
    world.host.route('t', [{ broker: 'b1', queues: 1 }]);
    broker.queue('t', 0);
    for (let i = 0; i < 3; i++) world.consumer({ instanceId: undefined as never, label: 'same' });
    world.host.connect('b1');
    world.host.advance(20);
    const members = world.host.requests('CLIENT_HEARTBEAT').map(({ header }) => [header.member, header.label]);
    expect(new Set(members.map(([member]) => member)).size).toBe(3);
    for (const [member, label] of members) {
      expect(label).toBe('same');
      // 64 bits are 16 hexadecimal digits.
      expect(member).toMatch(/^[0-9a-f]{16,}$/);
    }
  });

  it('ignores an assignment of a lower generation than one that it has taken [QNT-GRP-007]', () => {
    const world = new World();
    const { broker } = world.joined();
    const generation = broker.generation + 5;
    const push = (number: number, queues: readonly number[]): void => {
      const leases = queues.map((queue) => broker.lease('t', queue, 100 + queue));
      const assignment = { group: 'g', member: 'm1', generation: number, members: 1, queues: 2, leases, idle: false };
      world.host.push('b1', 'ASSIGNMENT', [assignment as never]);
      world.host.advance(10);
    };
    push(generation, [0]);
    push(generation - 1, []);
    expect(world.of('revoked')).toEqual([]);
    push(generation + 1, []);
    expect(world.of('revoked')).toHaveLength(1);
  });

  it('that the group refuses releases everything, leaves and reports the error with its text [QNT-GRP-015]', () => {
    const world = new World();
    const { broker } = world.joined();
    broker.fill('t', 0, 3);
    world.host.advance(10);
    const why = 'the group has [t: "a"], this member [t: "*"]';
    broker.intercept = (sent) => {
      if ((sent as { name: string }).name !== 'CLIENT_HEARTBEAT') return false;
      sent.fail(new QanatError('SUBSCRIPTION_CONFLICT', why));
      return true;
    };
    world.host.advance(5_000);
    expect(world.ended?.error).toMatchObject({ code: 'SUBSCRIPTION_CONFLICT', message: expect.stringContaining(why) });
    expect(broker.left).toBe(true);
    expect(broker.committed.get('t/0')).toBe(3);
    const sent = world.host.sent.length;
    broker.fill('t', 0, 3);
    world.host.advance(20_000);
    expect(world.host.sent).toHaveLength(sent);
    expect(world.offsets(0)).toEqual([0, 1, 2]);
  });

  it('joins with the kind ASSIGNED and asks for nothing that is reserved [QNT-GRP-050]', () => {
    const world = new World();
    world.joined();
    const [first] = world.host.requests('CLIENT_HEARTBEAT');
    expect(first?.header.subscription?.kind ?? GroupKind.ASSIGNED).toBe(GroupKind.ASSIGNED);
  });
});
