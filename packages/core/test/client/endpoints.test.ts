import { describe, expect, it } from 'vitest';
import { Admin } from '../../src/client/admin/admin.ts';
import type { EndpointInit } from '../../src/wire/gen/messages.ts';
import { Cluster } from './cluster.ts';
import { FakeNameServer } from './fake-name-server.ts';
import { World } from './world.ts';

const EVERY_SCHEME = ['qanat', 'qanats', 'ws', 'wss'];
const endpoint = (scheme: string, listener = 'default'): EndpointInit => ({
  listener,
  scheme,
  address: `${scheme}-${listener}:1`,
});

/** A client that wants to speak with broker `a`, which is found at `endpoints` by those who ask at `nameServer`. */
function wanting(nameServer: string, endpoints: readonly EndpointInit[], schemes = EVERY_SCHEME): World {
  const world = new World({ nameServers: [nameServer], schemes });
  const server = world.add(new FakeNameServer('ns:7600', world.random));
  server.broker('a', '', { endpoints });
  server.topics.set('orders', { a: 1 });
  world.call((client) => client.watchRoute('orders', () => {}));
  world.run(20);
  world.call((client) => client.hold('a'));
  world.run(20);
  return world;
}

const errorsOf = ({ events }: World): unknown[] => events.flatMap((event) => (event.kind === 'error' ? [event.error] : []));

describe('which endpoint of a broker a client takes', () => {
  it.each([
    ['qanat://ns:7600', ['ws', 'qanats', 'qanat'], 'qanat'],
    ['ns:7600', ['ws', 'qanat'], 'qanat'],
    ['ws://ns:7600', ['qanat', 'wss', 'ws'], 'ws'],
    ['ws://ns:7600', ['qanats', 'qanat'], 'qanats'],
    ['qanats://ns:7600', ['qanat', 'qanats'], 'qanats'],
    ['wss://ns:7600', ['qanat', 'ws', 'qanats'], 'qanats'],
  ])('over %s, of %j: %s [QNT-RTE-022, QNT-RTE-027]', (nameServer, offered, taken) => {
    const world = wanting(
      nameServer,
      offered.map((scheme) => endpoint(scheme)),
    );
    expect(world.dialled).toEqual([nameServer, `${taken}://${taken}-default:1`]);
  });

  it.each([
    ['qanats://ns:7600', 'qanats, wss'],
    ['wss://ns:7600', 'qanats, wss'],
  ])('over %s none without TLS, and says so [QNT-RTE-028]', (nameServer, spoken) => {
    const world = wanting(nameServer, [endpoint('qanat'), endpoint('ws', 'lan')]);
    world.run(10_000);
    expect(world.dialled).toEqual([nameServer]);
    expect(errorsOf(world)).toMatchObject([
      {
        code: 'NO_BROKER',
        message: `broker a offers qanat://qanat-default:1 (listener default), ws://ws-lan:1 (listener lan); this client takes ${spoken}, since its NameServer is reached over TLS`,
        hint: expect.stringContaining('--listen qanats://HOST:PORT'),
      },
    ]);
  });

  it('that does not speak any of them names both sides [QNT-RTE-022]', () => {
    const world = wanting('ns:7600', [endpoint('ws')], ['qanat']);
    expect(errorsOf(world)).toMatchObject([
      { code: 'NO_BROKER', message: 'broker a offers ws://ws-default:1 (listener default); this client takes qanat' },
    ]);
  });
});

describe('a broker that a NameServer hears and nobody reaches', () => {
  function unreached(): Cluster {
    const cluster = new Cluster();
    cluster.nameServer.broker('a', '172.17.0.2:7610');
    cluster.world.call((client) => client.watchRoute('orders', () => {}));
    cluster.world.run(20);
    return cluster;
  }
  const advertised = {
    code: 'CONNECTION_FAILED',
    outcome: 'not-sent',
    message: expect.stringMatching(
      /^broker a is advertised at qanat:\/\/172\.17\.0\.2:7610 \(listener default\), and cannot be reached there: .*refused.*; this client came in over NameServer ns:7600$/,
    ),
    hint: expect.stringContaining('--advertise default=HOST:PORT'),
  };

  it('is told to the caller with its advertised address, the NameServer, and what to set', () => {
    const { world } = unreached();
    const errors: unknown[] = [];
    world.call((client) => client.request('a', 'PING', {}, { timeoutMs: 1_000 }, (error) => errors.push(error)));
    world.run(100);
    expect(errors).toMatchObject([advertised]);
  });

  it('is an event, once, until the route says something else', () => {
    const cluster = unreached();
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(20_000);
    expect(errorsOf(cluster.world)).toMatchObject([advertised]);
    cluster.nameServer.broker('a', '172.17.0.3:7610');
    cluster.nameServer.push('orders');
    cluster.world.run(20_000);
    expect(errorsOf(cluster.world)).toHaveLength(2);
  });

  it('is the reason of a send that ran out of time', () => {
    const cluster = unreached();
    const result = cluster.send('hello', {}, { timeoutMs: 5_000 });
    cluster.world.run(6_000);
    expect(result.error).toMatchObject({
      code: 'TIMEOUT',
      outcome: 'not-sent',
      message: expect.stringContaining('could not be sent in time: broker a is advertised at qanat://172.17.0.2:7610'),
      hint: advertised.hint,
    });
  });

  it('is not blamed on its address where it was reached there before, or is away', () => {
    const cluster = new Cluster();
    cluster.world.call((client) => client.watchRoute('orders', () => {}));
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(20);
    cluster.a.state = 'down';
    cluster.world.cut(cluster.a);
    cluster.world.run(5_000);
    cluster.nameServer.broker('a', 'elsewhere:1', { away: true });
    cluster.nameServer.push('orders');
    cluster.world.run(5_000);
    expect(errorsOf(cluster.world)).toEqual([]);
  });
});

describe('a broker group without a master', () => {
  const hint = expect.stringMatching(/qanat cluster status.*qanat broker promote a --replica N/);
  const slaves = [{ replica: 1, endpoints: [{ scheme: 'qanat', address: 'a1:7620' }] }];

  /** The reason that a send which ran out of time is told. */
  function reason(cluster: Cluster): unknown {
    const result = cluster.send('hello', {}, { timeoutMs: 5_000 });
    cluster.world.run(6_000);
    return result.error;
  }

  it('is told by a send that waited for one in vain, with what to do: nobody is master', () => {
    const cluster = new Cluster();
    cluster.nameServer.broker('a', '', { endpoints: [], slaves });
    expect(reason(cluster)).toMatchObject({
      code: 'TIMEOUT',
      outcome: 'not-sent',
      message: expect.stringMatching(/in time: broker a has no master, and takes no messages$/),
      hint,
    });
  });

  it('is told by a send that waited for one in vain, with what to do: the master is dead', () => {
    const cluster = new Cluster();
    cluster.nameServer.broker('a', cluster.a.address, { slaves });
    cluster.world.call((client) => client.watchRoute('orders', () => {}));
    cluster.world.call((client) => client.hold('a'));
    cluster.world.run(20);
    cluster.a.state = 'down';
    cluster.world.cut(cluster.a);
    expect(reason(cluster)).toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringMatching(/broker a has no master.*: the one that it had does not answer: .*refused/),
      hint,
    });
    // A failover of moments is no news: those who wait for it in vain are told.
    expect(errorsOf(cluster.world)).toEqual([]);
  });

  it('creates no topic, and says so', () => {
    const cluster = new Cluster();
    cluster.nameServer.broker('a', '', { endpoints: [], away: true, slaves });
    const errors: unknown[] = [];
    cluster.world.call((client) => new Admin(client).createTopic('t', {}, 5_000, (error) => errors.push(error)));
    cluster.world.run(6_000);
    expect(errors).toMatchObject([
      {
        code: 'NO_BROKER',
        message: 'no broker can be asked now: a is away, or without a master',
        hint: expect.stringContaining('qanat cluster status'),
      },
    ]);
  });
});

describe('NameServers that cannot be reached', () => {
  it('are told with why the last one could not', () => {
    const world = new World({ nameServers: ['one:7600', 'two:7600'] });
    world.call(() => {});
    world.run(1_000);
    expect(errorsOf(world)).toMatchObject([
      {
        code: 'CONNECTION_FAILED',
        message: expect.stringMatching(/^no NameServer answers: one:7600, two:7600: (one|two):7600: /),
      },
    ]);
  });
});
