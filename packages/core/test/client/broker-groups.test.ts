import { describe, expect, it } from 'vitest';
import { Admin } from '../../src/client/admin/admin.ts';
import type { BrokerGroup, BrokerInfo } from '../../src/client/admin/admin-types.ts';
import type { Client } from '../../src/client/client.ts';
import type { Request } from '../../src/connection/server-session.ts';
import { QanatError } from '../../src/errors.ts';
import { ReplicaRole } from '../../src/wire/gen/registry.ts';
import { Cluster } from './cluster.ts';
import type { FakeBroker } from './fake-broker.ts';

interface Outcome<T> {
  readonly error: QanatError | undefined;
  readonly result: T;
}

function ask<T>(
  cluster: Cluster,
  call: (admin: Admin, done: (error: QanatError | undefined, result: T) => void) => void,
): Outcome<T> {
  let outcome: Outcome<T> | undefined;
  cluster.world.call((client: Client) => call(new Admin(client), (error, result) => (outcome = { error, result })));
  cluster.world.until(() => outcome !== undefined, 15_000);
  return outcome as Outcome<T>;
}

/** Answers what a replica is asked, and notes it as `replica NAME header`. */
function serve(replica: FakeBroker, asked: string[], stored: number): void {
  replica.admin = (request) => {
    asked.push(`${replica.replica} ${request.name} ${JSON.stringify(request.header)}`);
    if (request.name === 'PROMOTE') (request as Request<'PROMOTE'>).respond({ term: 8 });
    if (request.name === 'DEMOTE') (request as Request<'DEMOTE'>).respond({});
    if (request.name === 'BROKER_DESCRIBE') describeReplica(request as Request<'BROKER_DESCRIBE'>, replica, stored);
    return true;
  };
}

function describeReplica(request: Request<'BROKER_DESCRIBE'>, { name, replica, slave }: FakeBroker, stored: number): void {
  const replicas = [
    { replica: 0, inSync: true, stored: 900 },
    { replica: 1, inSync: true, stored: 850 },
    { replica: 2, inSync: false, stored: 100 },
  ];
  request.respond({
    broker: name,
    replica,
    role: slave ? ReplicaRole.SLAVE : ReplicaRole.MASTER,
    term: 7,
    logEnd: stored,
    stored,
    committed: 800,
    state: slave ? 'following' : 'leading',
    ...(slave ? { following: 'a:7610' } : { minInSync: 2, replicas }),
  });
}

/** Broker `a` with two slaves, and broker `b`, which is alone. */
function groups(): { readonly cluster: Cluster; readonly slaves: readonly FakeBroker[]; readonly asked: string[] } {
  const cluster = new Cluster({ brokers: 2 });
  const slaves = [cluster.addSlave('a', 1), cluster.addSlave('a', 2)];
  const asked: string[] = [];
  [cluster.a, ...slaves].forEach((replica, i) => {
    serve(replica, asked, 900 - i * 50);
  });
  return { cluster, slaves, asked };
}

describe('broker groups', () => {
  it('are listed with the replicas that the NameServers tell of', () => {
    const { cluster } = groups();
    const { result } = ask<readonly BrokerInfo[]>(cluster, (admin, done) => admin.listBrokers(5_000, done));
    expect(result.map(({ broker, replicas }) => [broker, replicas.map(({ replica, role }) => `${replica} ${role}`)])).toEqual([
      ['a', ['0 master', '1 slave', '2 slave']],
      ['b', ['0 master']],
    ]);
    expect(result[0]?.replicas[1]?.addresses).toEqual(['qanat://a1:7620']);
  });

  it('that have no master are listed with their slaves alone', () => {
    const { cluster } = groups();
    const route = cluster.nameServer.brokers.get('a');
    cluster.nameServer.brokers.set('a', { ...route, endpoints: [], away: true });
    const { result } = ask<readonly BrokerInfo[]>(cluster, (admin, done) => admin.listBrokers(5_000, done));
    expect(result[0]?.replicas.map(({ replica }) => replica)).toEqual([1, 2]);
  });

  it('are described by each of their replicas: role, in-sync set and lag as the master says', () => {
    const { cluster, slaves } = groups();
    (slaves[1] as FakeBroker).state = 'down';
    const { result } = ask<readonly BrokerGroup[]>(cluster, (admin, done) => admin.describeBrokers('a', 5_000, done));
    expect(result).toHaveLength(1);
    const { master, replicas } = result[0] as BrokerGroup;
    expect(master).toBe(0);
    expect(replicas.map(({ role, inSync, lagBytes, error }) => [role, inSync, lagBytes, error?.code])).toEqual([
      ['master', true, 0, undefined],
      ['slave', true, 50, undefined],
      ['slave', false, 800, 'CONNECTION_FAILED'],
    ]);
    expect(replicas[1]?.details).toMatchObject({ term: 7, state: 'following', stored: 850, following: 'a:7610', flush: 'sync' });
    expect(replicas[0]?.details?.minInSync).toBe(2);
  });

  it('tell of the in-sync set what each replica knows where no master answers', () => {
    const { cluster } = groups();
    cluster.a.state = 'down';
    const { result } = ask<readonly BrokerGroup[]>(cluster, (admin, done) => admin.describeBrokers('a', 5_000, done));
    expect(result[0]?.master).toBeUndefined();
    expect(result[0]?.replicas.map(({ inSync, lagBytes }) => [inSync, lagBytes])).toEqual([
      [undefined, undefined],
      [false, undefined],
      [false, undefined],
    ]);
  });

  it('tell how far each slave is behind as it heard last, where no master answers', () => {
    const { cluster, slaves } = groups();
    cluster.a.state = 'down';
    const [heard] = slaves as [FakeBroker];
    heard.admin = (request) => {
      (request as Request<'BROKER_DESCRIBE'>).respond({
        replica: 1,
        role: ReplicaRole.SLAVE,
        stored: 850,
        masterEnd: 1_000,
        inSync: true,
      });
      return true;
    };
    const { result } = ask<readonly BrokerGroup[]>(cluster, (admin, done) => admin.describeBrokers('a', 5_000, done));
    expect(result[0]?.replicas.map(({ inSync, lagBytes }) => [inSync, lagBytes])).toEqual([
      [undefined, undefined],
      [true, 150],
      [false, undefined],
    ]);
  });

  it('hold brokers that know no replication: these are there, and say nothing of it', () => {
    const { cluster } = groups();
    cluster.b.admin = () => {
      throw new QanatError('UNSUPPORTED_FEATURE', 'no');
    };
    const { result } = ask<readonly BrokerGroup[]>(cluster, (admin, done) => admin.describeBrokers(undefined, 5_000, done));
    expect(result.map(({ broker }) => broker)).toEqual(['a', 'b']);
    expect(result[1]).toMatchObject({ master: undefined, replicas: [{ replica: 0, error: undefined, details: undefined }] });
  });
});

describe('promotion', () => {
  it('is asked of the replica itself, once, and gives its term', () => {
    const { cluster, asked } = groups();
    const { error, result } = ask<number>(cluster, (admin, done) => admin.promote('a', 2, { acceptLoss: true }, 5_000, done));
    expect([error, result]).toEqual([undefined, 8]);
    expect(asked).toEqual(['2 PROMOTE {"acceptLoss":true}']);
  });

  it('names the replica that refuses it', () => {
    const { cluster, slaves } = groups();
    (slaves[0] as FakeBroker).admin = () => {
      throw new QanatError('REPLICA_BEHIND', 'not in sync');
    };
    const { error } = ask<number>(cluster, (admin, done) => admin.promote('a', 1, {}, 5_000, done));
    expect(error).toMatchObject({ code: 'REPLICA_BEHIND', message: 'a/1: not in sync' });
  });

  it('of a replica or a broker that nobody tells of is refused with those that there are', () => {
    const { cluster } = groups();
    const replica = ask<number>(cluster, (admin, done) => admin.promote('a', 5, {}, 5_000, done));
    expect(replica.error).toMatchObject({ code: 'NO_BROKER', hint: 'there are: 0, 1, 2' });
    expect(ask<number>(cluster, (admin, done) => admin.promote('zz', 1, {}, 5_000, done)).error?.code).toBe('NO_BROKER');
  });

  it('has its opposite: a demotion is asked of the master', () => {
    const { cluster, asked } = groups();
    expect(ask<undefined>(cluster, (admin, done) => admin.demote('a', 5_000, done)).error).toBeUndefined();
    expect(asked).toEqual(['0 DEMOTE {}']);
  });
});
