import { describe, expect, it } from 'vitest';
import { QanatError } from '../../src/errors.ts';
import { Cluster } from './cluster.ts';

function watched(options: ConstructorParameters<typeof Cluster>[0] = {}): { cluster: Cluster; told: string[] } {
  const cluster = new Cluster(options);
  const told: string[] = [];
  cluster.world.call((client) => {
    for (const who of ['1', '2']) {
      client.listen({
        onOpen: (broker) => told.push(`${who} open ${broker}`),
        onClosed: (broker) => told.push(`${who} closed ${broker}`),
        onGoAway: (broker) => told.push(`${who} leaves ${broker}`),
      });
    }
    client.watchRoute('orders', () => {});
  });
  cluster.world.run(20);
  return { cluster, told };
}

function ping(
  cluster: Cluster,
  broker = 'a',
  timeoutMs = 10_000,
): { error?: QanatError | undefined; done: number; atMs: number } {
  const result: { error?: QanatError | undefined; done: number; atMs: number } = { done: 0, atMs: 0 };
  cluster.world.call((client) =>
    client.request(broker, 'PING', {}, { timeoutMs }, (error) => {
      result.error = error;
      result.done++;
      result.atMs = cluster.world.nowMs;
    }),
  );
  return result;
}

describe('the connections to brokers', () => {
  it('are made for a request, and closed when nobody has used them for a minute', () => {
    const { cluster, told } = watched();
    expect(cluster.world.connections(cluster.a)).toBe(0);
    const result = ping(cluster);
    cluster.world.run(10);
    expect(result).toMatchObject({ done: 1, error: undefined });
    cluster.world.run(55_000);
    expect(cluster.world.connections(cluster.a)).toBe(1);
    cluster.world.run(70_000);
    expect(cluster.world.connections(cluster.a)).toBe(0);
    expect(told).toEqual(['1 open a', '2 open a', '1 closed a', '2 closed a']);
    expect(ping(cluster).done).toBe(0);
    cluster.world.run(10);
    expect(cluster.world.connections(cluster.a)).toBe(1);
  });

  it('are held open, and made again with back-off', () => {
    const { cluster } = watched();
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(200_000);
    expect(cluster.world.connections(cluster.a)).toBe(1);
    cluster.a.state = 'down';
    const before = cluster.world.dialled.length;
    cluster.world.cut(cluster.a);
    cluster.world.run(20_000);
    const tries = cluster.world.dialled.length - before;
    expect(tries).toBeGreaterThan(8);
    expect(tries).toBeLessThan(30);
    cluster.a.state = 'up';
    cluster.world.run(2_100);
    expect(cluster.world.connections(cluster.a)).toBe(1);
  });

  it('fail a request as not sent when there is no route, no listener, or no greeting within connectMs', () => {
    const { cluster } = watched({ brokers: 2 });
    const nowhere = ping(cluster, 'zz');
    expect(nowhere.done).toBe(0);
    cluster.a.state = 'down';
    const refused = ping(cluster, 'a');
    cluster.b.state = 'hung';
    const hung = ping(cluster, 'b');
    const began = cluster.world.nowMs;
    cluster.world.run(3_100);
    expect(nowhere.error).toMatchObject({ code: 'NO_BROKER', outcome: 'not-sent' });
    expect(refused.error).toMatchObject({ code: 'CONNECTION_FAILED', outcome: 'not-sent' });
    expect(refused.atMs - began).toBeLessThan(10);
    expect(hung.error).toMatchObject({ code: 'CONNECTION_FAILED', outcome: 'not-sent' });
    expect(hung.atMs - began).toBeLessThanOrEqual(3_001);
  });

  it('are dropped by suspect, and made again while held', () => {
    const { cluster, told } = watched();
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(10);
    cluster.world.call((client) => {
      const error = new QanatError('TIMEOUT', 'silent');
      client.suspect('a', error);
      expect(client.isOpen('a')).toBe(false);
    });
    cluster.world.run(200);
    expect(told).toEqual(['1 open a', '2 open a', '1 closed a', '2 closed a', '1 open a', '2 open a']);
  });

  it('after GOAWAY serve what is pending, while new requests go to a new one', () => {
    const { cluster, told } = watched();
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(10);
    cluster.a.meddle = (send) => {
      cluster.world.later(1_000, () => send.respond({ baseOffset: 0, storeTimeMs: 1 }));
      return true;
    };
    const slow = cluster.send('slow');
    cluster.world.run(10);
    cluster.a.goAway();
    cluster.world.run(500);
    expect(cluster.world.connections(cluster.a)).toBe(2);
    expect(told).toEqual(['1 open a', '2 open a', '1 leaves a', '2 leaves a', '1 open a', '2 open a']);
    const fresh = ping(cluster);
    cluster.world.run(10);
    expect(fresh).toMatchObject({ done: 1, error: undefined });
    cluster.world.run(1_000);
    expect(slow).toMatchObject({ done: 1, error: undefined });
    expect(cluster.world.connections(cluster.a)).toBe(1);
    expect(told.length).toBe(6);
  });

  it('follow a broker to its new address, and leave a working connection alone', () => {
    const { cluster } = watched();
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(10);
    cluster.nameServer.broker('a', 'a:7611');
    cluster.nameServer.push('orders');
    cluster.world.run(1_000);
    expect(cluster.world.connections(cluster.a)).toBe(1);
    expect(cluster.world.dialled).not.toContain('qanat://a:7611');
    cluster.a.state = 'down';
    cluster.world.cut(cluster.a);
    cluster.world.run(1_000);
    expect(cluster.world.dialled).toContain('qanat://a:7611');
  });

  it('are not kept to a server that turns out to be another broker', () => {
    const { cluster } = watched({ brokers: 2 });
    cluster.nameServer.broker('a', 'b:7610');
    cluster.nameServer.push('orders');
    cluster.world.run(10);
    const result = ping(cluster, 'a');
    cluster.world.run(10);
    expect(result.error).toMatchObject({ outcome: 'not-sent' });
    expect(result.error?.message).toContain('broker b');
  });

  it('are one to each broker', () => {
    const { cluster } = watched({ brokers: 2 });
    const results = [ping(cluster), ping(cluster), ping(cluster, 'b'), ping(cluster, 'b')];
    cluster.world.run(10);
    expect(results.every(({ done }) => done === 1)).toBe(true);
    expect(cluster.brokers.map((broker) => cluster.world.connections(broker))).toEqual([1, 1]);
  });
});
