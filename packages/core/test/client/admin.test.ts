import { describe, expect, it } from 'vitest';
import { Admin } from '../../src/client/admin/admin.ts';
import { clusterOverview } from '../../src/client/admin/cluster-overview.ts';
import { OffsetsAdmin } from '../../src/client/admin/offsets-admin.ts';
import type { Client } from '../../src/client/client.ts';
import type { Request } from '../../src/connection/server-session.ts';
import { QanatError, wireNumberOf } from '../../src/errors.ts';
import type { GroupDescribeOkInit } from '../../src/wire/gen/administration-messages.ts';
import { Position } from '../../src/wire/gen/registry.ts';
import { Cluster } from './cluster.ts';
import type { FakeBroker } from './fake-broker.ts';

type Outcome<T> = { error: QanatError | undefined; result: T } | undefined;

/** Calls the administration, and gives what came of it. */
function ask<T>(
  cluster: Cluster,
  call: (client: Client, done: (error: QanatError | undefined, result: T) => void) => void,
): Exclude<Outcome<T>, undefined> {
  let outcome: Outcome<T>;
  cluster.world.call((client) => call(client, (error, result) => (outcome = { error, result })));
  cluster.world.until(() => outcome !== undefined, 15_000);
  return outcome as Exclude<Outcome<T>, undefined>;
}

/** Each broker answers one kind of request. */
function serve<N extends Request['name']>(
  cluster: Cluster,
  name: N,
  answer: (request: Request<N>, broker: string) => void,
): void {
  for (const broker of cluster.brokers) {
    broker.admin = (request) => {
      if (request.name !== name) return false;
      answer(request as unknown as Request<N>, broker.name);
      return true;
    };
  }
}

describe('topics', () => {
  it('are created at every broker, or at those that are named', () => {
    const cluster = new Cluster({ brokers: 3 });
    expect(ask(cluster, (client, done) => new Admin(client).createTopic('t', { queues: 4 }, 5_000, done))).toEqual({
      error: undefined,
      result: 'created',
    });
    expect(
      ask<string>(cluster, (client, done) => new Admin(client).createTopic('u', { brokers: ['b'] }, 5_000, done)).error,
    ).toBeUndefined();
    expect(cluster.brokers.map(({ creations }) => creations)).toEqual([['t'], ['t', 'u'], ['t']]);
    expect(
      ask<string>(cluster, (client, done) => new Admin(client).createTopic('u', { brokers: ['zz'] }, 5_000, done)).error?.code,
    ).toBe('NO_BROKER');
  });

  it('are created when every NameServer that answers tells of them', () => {
    const cluster = new Cluster({ brokers: 2 });
    for (const broker of cluster.brokers) {
      broker.onCreate = (topic) =>
        cluster.world.later(broker === cluster.a ? 100 : 300, () =>
          cluster.nameServer.topics.set(topic, { ...cluster.nameServer.topics.get(topic), [broker.name]: 4 }),
        );
    }
    const began = cluster.world.nowMs;
    expect(ask(cluster, (client, done) => new Admin(client).createTopic('t', {}, 5_000, done)).error).toBeUndefined();
    expect(cluster.world.nowMs - began).toBeGreaterThan(300);
    expect(cluster.world.nowMs - began).toBeLessThan(400);
  });

  it('that are created together share the questions to the NameServer, so that thousands take seconds', () => {
    const cluster = new Cluster({ brokers: 1 });
    cluster.a.onCreate = (topic) => cluster.world.later(10, () => cluster.nameServer.topics.set(topic, { a: 4 }));
    const outcomes: (string | QanatError)[] = [];
    cluster.world.call((client) => {
      const admin = new Admin(client);
      for (let i = 0; i < 300; i++) admin.createTopic(`t${i}`, {}, 5_000, (error, result) => outcomes.push(error ?? result));
    });
    cluster.world.until(() => outcomes.length === 300, 15_000);
    expect(new Set(outcomes)).toEqual(new Set(['created']));
    expect(cluster.a.creations).toHaveLength(300);
    expect(cluster.nameServer.queries).toBeLessThan(10);
  });

  it('that wait behind a question that is never answered end in time', () => {
    const cluster = new Cluster({ brokers: 1 });
    cluster.nameServer.onRequest = () => {};
    const ends: number[] = [];
    cluster.world.call((client) => {
      const admin = new Admin(client);
      for (const timeoutMs of [5_000, 1_000]) admin.listTopics(timeoutMs, () => ends.push(timeoutMs));
    });
    const began = cluster.world.nowMs;
    cluster.world.until(() => ends.length === 1, 2_000);
    expect(cluster.world.nowMs - began).toBeLessThan(1_100);
    cluster.world.until(() => ends.length === 2, 10_000);
    expect(ends).toEqual([1_000, 5_000]);
  });

  it('that could be created at some brokers only are told with those, and with an unknown outcome', () => {
    const cluster = new Cluster({ brokers: 3 });
    (cluster.brokers[1] as FakeBroker).createsTopics = false;
    const { error } = ask(cluster, (client, done) => new Admin(client).createTopic('t', {}, 5_000, done));
    expect(error).toMatchObject({ code: 'CREATION_DISABLED', outcome: 'unknown' });
    expect(error?.message).toBe('b: no (done at a, c)');
  });

  it('are listed from the routes', () => {
    const cluster = new Cluster({ brokers: 2, queues: 3 });
    const { result } = ask(cluster, (client, done) => new Admin(client).listTopics(5_000, done));
    expect(result).toEqual([{ topic: 'orders', queues: 6, brokers: ['a', 'b'] }]);
  });

  it('are described over all brokers; the queues of a broker that is away or silent are there too', () => {
    const cluster = new Cluster({ brokers: 3 });
    serve(cluster, 'TOPIC_DESCRIBE', (request) => request.respond({ queues: [{ queue: 0, oldestOffset: 5, highWatermark: 9 }] }));
    cluster.nameServer.broker('b', 'b:7610', { away: true });
    (cluster.brokers[2] as FakeBroker).state = 'hung';
    const { error, result } = ask<{ queues: readonly { broker: string; away: boolean; highWatermark: number }[] }>(
      cluster,
      (client, done) => new Admin(client).describeTopic('orders', 5_000, done),
    );
    expect(error).toBeUndefined();
    expect(result.queues.map(({ broker, away, highWatermark }) => [broker, away, highWatermark])).toEqual([
      ['a', false, 9],
      ['b', true, 0],
      ['c', true, 0],
    ]);
  });

  it('that are missing are told with the name that was probably meant', () => {
    const cluster = new Cluster();
    const { error } = ask(cluster, (client, done) => new Admin(client).describeTopic('oders', 5_000, done));
    expect(error).toMatchObject({ code: 'TOPIC_NOT_FOUND', hint: 'Did you mean "orders"?' });
  });
});

describe('groups', () => {
  const describeAt = (broker: string): GroupDescribeOkInit => ({
    subscription: { topics: [{ topic: 'orders', filter: 'red' }] },
    members: ['m1', 'm2', 'm3'].map((member) => ({ member, label: `label-${member}`, generation: 1 })),
    queues: [
      {
        topic: 'orders',
        queue: 0,
        committed: broker === 'a',
        offset: 3,
        highWatermark: 10,
        oldestOffset: 2,
        member: broker === 'a' ? 'm1' : 'm2',
      },
    ],
  });

  it('are joined over brokers: members by their id, with what they hold anywhere; one without a queue anywhere is idle', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'GROUP_DESCRIBE', (request, broker) => request.respond(describeAt(broker)));
    const { result } = ask(cluster, (client, done) => new Admin(client).describeGroup('g', 5_000, done));
    expect(result).toMatchObject({ topics: { orders: 'red' }, missingBrokers: [] });
    const { members, queues } = result as {
      members: { id: string; idle: boolean; queues: unknown[] }[];
      queues: { lag: number }[];
    };
    expect(members.map(({ id, idle, queues: held }) => [id, idle, held.length])).toEqual([
      ['m1', false, 1],
      ['m2', false, 1],
      ['m3', true, 0],
    ]);
    expect(queues.map(({ lag }) => lag)).toEqual([7, 8]);
  });

  it('lag by what is still there: not by what retention dropped before they came to it', () => {
    const cluster = new Cluster();
    const queue = { topic: 'orders', queue: 0, committed: true, offset: 3, highWatermark: 10, oldestOffset: 10 };
    serve(cluster, 'GROUP_DESCRIBE', (request) => request.respond({ queues: [queue, { ...queue, queue: 1, oldestOffset: 6 }] }));
    const { result } = ask(cluster, (client, done) => new Admin(client).describeGroup('g', 5_000, done));
    expect((result as { queues: { lag: number }[] }).queues.map(({ lag }) => lag)).toEqual([0, 4]);
  });

  it('are described in part, saying which broker is missing, when one does not answer', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'GROUP_DESCRIBE', (request, broker) => request.respond(describeAt(broker)));
    cluster.b.state = 'hung';
    const { error, result } = ask(cluster, (client, done) => new Admin(client).describeGroup('g', 5_000, done));
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ missingBrokers: ['b'] });
  });

  it('are listed over brokers, saying which one is missing; an error when none answers', () => {
    const cluster = new Cluster({ brokers: 3 });
    cluster.nameServer.broker('b', 'b:7610', { away: true });
    serve(cluster, 'GROUP_LIST', (request, broker) => {
      if (broker === 'c') request.fail(new QanatError('NOT_READY', 'soon'));
      else request.respond({ groups: [{ group: 'g', members: 2, lag: 5 }] });
    });
    const { result } = ask(cluster, (client, done) => new Admin(client).listGroups(5_000, done));
    expect(result).toEqual([{ group: 'g', kind: 'assigned', members: 2, lag: 5, missingBrokers: ['b', 'c'] }]);
    serve(cluster, 'GROUP_LIST', (request) => request.fail(new QanatError('NOT_READY', 'soon')));
    expect(ask(cluster, (client, done) => new Admin(client).listGroups(5_000, done)).error?.code).toBe('NOT_READY');
  });

  it('that no broker knows are not found', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'GROUP_DESCRIBE', (request) => request.fail(new QanatError('GROUP_NOT_FOUND', 'no')));
    expect(ask(cluster, (client, done) => new Admin(client).describeGroup('g', 5_000, done)).error?.code).toBe('GROUP_NOT_FOUND');
  });

  it('are reset but for queues that refuse, which tell why', () => {
    const cluster = new Cluster();
    serve(cluster, 'GROUP_RESET', (request) =>
      request.respond({
        results: [{ topic: 'orders', queue: 0, code: wireNumberOf('OFFSET_OUT_OF_RANGE'), hadOffset: true, fromOffset: 3 }],
      }),
    );
    const { result } = ask(cluster, (client, done) => new Admin(client).resetGroup('g', { offset: 99 }, {}, 5_000, done));
    expect(result).toEqual([{ topic: 'orders', broker: 'a', queue: 0, from: 3, to: 3, error: 'OFFSET_OUT_OF_RANGE' }]);
  });

  it('are moved by so many messages, queue by queue, within what is stored', () => {
    const cluster = new Cluster({ brokers: 2 });
    const committed = (topic: string, queue: number, offset: number) => ({
      topic,
      queue,
      committed: true,
      offset,
      oldestOffset: 10,
      highWatermark: 100,
    });
    const asked: unknown[] = [];
    for (const broker of cluster.brokers)
      broker.admin = (request) => {
        if (request.name === 'GROUP_DESCRIBE') {
          const queues = [committed('orders', 0, 50), committed('orders', 1, 15), committed('bills', 0, 50)];
          const fresh = { topic: 'orders', queue: 2, committed: false, oldestOffset: 10, highWatermark: 100 };
          (request as Request<'GROUP_DESCRIBE'>).respond({ queues: [...queues, fresh] });
        } else if (request.name === 'GROUP_RESET') {
          const { header } = request as Request<'GROUP_RESET'>;
          asked.push([broker.name, header.to, header.toValue, header.dryRun, header.queues]);
          const results = header.queues.flatMap(({ topic, queues }) =>
            queues.map((queue) => ({ topic, queue, hadOffset: true, fromOffset: 50, toOffset: header.toValue })),
          );
          (request as Request<'GROUP_RESET'>).respond({ results });
        } else return false;
        return true;
      };
    const move = (moveBy: number, options: { topic?: string; dryRun?: boolean }) =>
      ask(cluster, (client, done) => new Admin(client).resetGroup('g', { moveBy }, options, 5_000, done)).result;
    expect(move(-20, { dryRun: true })).toMatchObject([
      { topic: 'bills', broker: 'a', to: 30 },
      { topic: 'bills', broker: 'b', to: 30 },
      { topic: 'orders', broker: 'a', queue: 0, to: 30 },
      { topic: 'orders', broker: 'a', queue: 1, to: 10 },
      { topic: 'orders', broker: 'b', queue: 0, to: 30 },
      { topic: 'orders', broker: 'b', queue: 1, to: 10 },
    ]);
    expect(asked).toHaveLength(4);
    expect(asked[0]).toMatchObject(['a', Position.AT_OFFSET, 30, true, [{ topic: 'bills' }, { topic: 'orders' }]]);
    expect(move(1_000, { topic: 'bills' })).toMatchObject([
      { broker: 'a', to: 100 },
      { broker: 'b', to: 100 },
    ]);
  });

  it('are reset by a plan over all brokers', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'GROUP_RESET', (request, broker) => {
      expect(request.header.dryRun).toBe(true);
      request.respond({ results: [{ topic: 'orders', queue: 0, hadOffset: broker === 'a', fromOffset: 3, toOffset: 7 }] });
    });
    const { result } = ask(cluster, (client, done) => new Admin(client).resetGroup('g', 'last', { dryRun: true }, 5_000, done));
    expect(result).toMatchObject([
      { broker: 'a', queue: 0, from: 3, to: 7 },
      { broker: 'b', queue: 0, from: undefined, to: 7 },
    ]);
  });
});

describe('offsets', () => {
  const queues = [
    { topic: 'orders', broker: 'b', queue: 0 },
    { topic: 'orders', broker: 'a', queue: 0 },
    { topic: 'orders', broker: 'a', queue: 9 },
  ];

  it('are looked up at the brokers of the queues; results are in the order asked for', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'OFFSET_LOOKUP', (request, broker) =>
      request.respond({
        offsets: request.header.queues.map(({ topic, queue, timeMs }) =>
          queue === 9
            ? { topic, queue, code: wireNumberOf('QUEUE_NOT_FOUND') }
            : { topic, queue, offset: timeMs + (broker === 'a' ? 1 : 2) },
        ),
      }),
    );
    cluster.world.call((client) => client.watchRoute('orders', () => {}));
    cluster.world.run(10);
    const { error, result } = ask(cluster, (client, done) =>
      new OffsetsAdmin(client).lookup(queues, { timeMs: 100 }, 5_000, done),
    );
    expect(error).toBeUndefined();
    expect(result).toMatchObject([{ offset: 102 }, { offset: 101 }, { offset: undefined, error: { code: 'QUEUE_NOT_FOUND' } }]);
  });

  it('of a free group are committed and fetched; a broker that cannot be reached is told with its queues', () => {
    const cluster = new Cluster({ brokers: 2 });
    serve(cluster, 'OFFSET_COMMIT', (request) =>
      request.respond({ results: [{ topic: 'orders', queue: 9, code: wireNumberOf('QUEUE_NOT_FOUND') }] }),
    );
    cluster.world.call((client) => client.watchRoute('orders', () => {}));
    cluster.world.run(10);
    cluster.b.state = 'down';
    const offsets = queues.map((queue) => ({ ...queue, offset: 4 }));
    const committed = ask(cluster, (client, done) => new OffsetsAdmin(client).commit('g', offsets, 5_000, done));
    expect(committed.error).toMatchObject({ code: 'CONNECTION_FAILED' });
    expect(committed.result).toMatchObject([
      { error: { code: 'CONNECTION_FAILED' } },
      { offset: 4, error: undefined },
      { error: { code: 'QUEUE_NOT_FOUND' } },
    ]);
    serve(cluster, 'OFFSET_FETCH', (request) =>
      request.respond({
        offsets: request.header.queues.map(({ topic, queue }) => ({ topic, queue, committed: queue === 0, offset: 4 })),
      }),
    );
    const fetched = ask(cluster, (client, done) => new OffsetsAdmin(client).fetch('g', queues.slice(1), 5_000, done));
    expect(fetched.result).toMatchObject([{ offset: 4 }, { offset: undefined, error: undefined }]);
  });
});

describe('the overview of a cluster', () => {
  it('tells which NameServers and brokers answer', () => {
    const cluster = new Cluster({ brokers: 2, queues: 4 });
    cluster.b.state = 'down';
    const { error, result } = ask(cluster, (client, done) => clusterOverview(client, 5_000, done));
    expect(error).toBeUndefined();
    expect(result).toMatchObject({
      nameServers: [{ address: 'ns:7600', error: undefined }],
      brokers: [
        { broker: 'a', topics: 1, queues: 4, error: undefined },
        { broker: 'b', error: { code: 'CONNECTION_FAILED' } },
      ],
    });
  });

  it('fails when no NameServer answers', () => {
    const cluster = new Cluster();
    cluster.nameServer.state = 'down';
    cluster.world.cut(cluster.nameServer);
    const { error, result } = ask(cluster, (client, done) => clusterOverview(client, 5_000, done));
    expect(error?.code).toBe('CONNECTION_FAILED');
    expect(result).toMatchObject({ nameServers: [{ error: { code: 'CONNECTION_FAILED' } }], brokers: [] });
  });
});
