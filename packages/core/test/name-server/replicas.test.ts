// Goal: a NameServer knows each replica of a broker group: whose the name is, who stands beside, and where the master is.
import { LIMITS, NameServer, Random, type RegisterBrokerInit, ReplicaRole, type Routes, wireNumberOf } from '@qanat/core';
import { VirtualClock, VirtualNetwork, VirtualNode } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';
import { SessionClient } from '../session-client.ts';

const STORE = new Uint8Array(16).fill(1);
const OTHER_STORE = new Uint8Array(16).fill(2);
const { MASTER, SLAVE } = ReplicaRole;

/** Text of replica `replica`; its endpoint tells the number. */
const textOf = (replica: number, more: RegisterBrokerInit = {}): RegisterBrokerInit => ({
  broker: 'b',
  storeId: STORE,
  term: 1,
  revision: 1,
  endpoints: [{ scheme: 'mem', address: `b-${replica}:7610` }],
  topics: [{ topic: 'orders', queues: 4 }],
  replica,
  replicaRole: MASTER,
  ...more,
});
const slaveText = (replica: number, more: RegisterBrokerInit = {}): RegisterBrokerInit =>
  textOf(replica, { replicaRole: SLAVE, topics: [], ...more });

function world() {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs: 0 });
  const node = new VirtualNode(engine, { name: 'ns', clock, transport: network.transport('ns') });
  node.start();
  node.listen('ns:7600', () => {});
  clock.run(1);
  let clients = 0;
  const client = (): SessionClient => new SessionClient(clock, network, `host-${++clients}`, 'ns:7600');
  const observer = client();
  const beat = (from: SessionClient, replica: number, term = 1, storeId = STORE) =>
    from.request('BROKER_HEARTBEAT', { broker: 'b', storeId, term, revision: 1, replica }).response.header;
  const register = (from: SessionClient, text: RegisterBrokerInit): string | undefined =>
    from.request('REGISTER_BROKER', text).error?.code;
  const page = (): Routes => observer.request('ROUTE_QUERY', { topics: ['orders'] }).response.header;
  /** `replica addresses`, a star behind who is away; the master first. */
  const group = (): readonly string[] => {
    const route = page().brokers.find(({ broker }) => broker === 'b');
    return [route, ...(route?.slaves ?? [])].flatMap((one) =>
      one === undefined ? [] : [`${one.replica} ${one.endpoints.map(({ address }) => address).join()}${one.away ? '*' : ''}`],
    );
  };
  return { clock, client, observer, beat, register, page, group, run: (ms: number) => clock.run(clock.nowMs() + ms) };
}

describe('slaves of a broker group', () => {
  it('stand beside the master, whose topics, endpoints and term stay as they are [QNT-REG-024, QNT-RTE-029]', () => {
    const { client, register, page, group } = world();
    register(client(), textOf(1, { term: 3 }));
    expect(register(client(), slaveText(0, { term: 2, topics: [{ topic: 'other', queues: 9 }] }))).toBeUndefined();
    register(client(), slaveText(2, { term: 3 }));
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610', '2 b-2:7610']);
    expect(page().routes).toMatchObject([{ topic: 'orders', shares: [{ broker: 'b', queues: 4 }] }]);
    expect(page().brokers[0]?.term).toBe(3);
  });

  it('are told with their zones; another zone is a change of the route [QNT-RTE-029]', () => {
    const { client, observer, register, page, run } = world();
    const slave = client();
    register(client(), textOf(1, { zone: 'west' }));
    register(slave, slaveText(0, { zone: 'east' }));
    expect(page().brokers[0]).toMatchObject({ zone: 'west', slaves: [{ zone: 'east' }] });
    observer.request('ROUTE_QUERY', { topics: ['orders'], watch: true });
    register(slave, slaveText(0, { zone: 'north', revision: 2 }));
    run(200);
    const updates = observer.engine.pushes.flatMap(({ headers }) => headers as Routes[]);
    expect(updates).toMatchObject([{ brokers: [{ zone: 'west', slaves: [{ zone: 'north' }] }] }]);
  });

  it('hear from the NameServer where the master is, and the master does not [QNT-REG-028]', () => {
    const { client, register, beat } = world();
    const [master, slave] = [client(), client()];
    const told = master.request('REGISTER_BROKER', textOf(1, { term: 3 })).response.header;
    expect(told.master).toBeUndefined();
    expect(beat(master, 1, 3)).toMatchObject({ register: false, master: undefined });
    const where = { replica: 1, term: 3, endpoints: [{ address: 'b-1:7610' }], away: false };
    expect(slave.request('REGISTER_BROKER', slaveText(0)).response.header.master).toMatchObject(where);
    expect(beat(slave, 0)).toMatchObject({ register: false, master: where });
    master.request('UNREGISTER_BROKER', { broker: 'b', storeId: STORE, replica: 1 });
    expect(beat(slave, 0).master).toMatchObject({ ...where, away: true });
    expect(register(slave, slaveText(0))).toBeUndefined();
  });

  it('hear it before they have the log of their group, by a heartbeat that registers nobody [QNT-REG-028, QNT-REG-020]', () => {
    const { client, register, beat, group } = world();
    register(client(), textOf(1));
    expect(beat(client(), 0, 0, OTHER_STORE)).toMatchObject({ register: true, master: { replica: 1 } });
    expect(register(client(), slaveText(0, { storeId: OTHER_STORE }))).toBe('NAME_IN_USE');
    expect(group()).toEqual(['1 b-1:7610']);
  });

  it('are away and forgotten each by itself, and watchers see it [QNT-REG-023, QNT-RTE-029, QNT-RTE-008]', () => {
    const { client, observer, register, beat, group, run } = world();
    const [master, slave] = [client(), client()];
    register(master, textOf(1));
    observer.request('ROUTE_QUERY', { topics: ['orders'], watch: true });
    const updates = (): Routes[] => observer.engine.pushes.flatMap(({ headers }) => headers as Routes[]);
    register(slave, slaveText(0));
    run(10);
    expect(updates().at(-1)?.brokers[0]?.slaves).toMatchObject([{ replica: 0, away: false }]);
    for (let s = 0; s < LIMITS.BROKER_EXPIRY_MS / 1_000 + 1; s++) {
      run(1_000);
      beat(master, 1);
    }
    expect(updates().at(-1)?.brokers[0]?.slaves).toMatchObject([{ replica: 0, away: true }]);
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610*']);
    for (let s = 0; s < LIMITS.BROKER_AWAY_MS / 1_000; s++) {
      run(1_000);
      beat(master, 1);
    }
    expect(updates().at(-1)?.brokers[0]?.slaves).toEqual([]);
    expect(group()).toEqual(['1 b-1:7610']);
  });

  it('leave by their number alone [QNT-REG-021]', () => {
    const { client, register, group } = world();
    register(client(), textOf(1));
    const slave = client();
    register(slave, slaveText(0));
    slave.request('UNREGISTER_BROKER', { broker: 'b', storeId: OTHER_STORE, replica: 0 });
    slave.request('UNREGISTER_BROKER', { broker: 'b', storeId: STORE, replica: 7 });
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610']);
    slave.request('UNREGISTER_BROKER', { broker: 'b', storeId: STORE, replica: 0 });
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610*']);
  });

  it('are at most REPLICAS_MAX less the master [QNT-REG-018]', () => {
    const { client, register } = world();
    register(client(), textOf(0));
    const slaves = client();
    for (let i = 1; i < LIMITS.REPLICAS_MAX; i++) expect(register(slaves, slaveText(i))).toBeUndefined();
    expect(register(slaves, slaveText(LIMITS.REPLICAS_MAX))).toBe('LIMIT_EXCEEDED');
    expect(register(slaves, slaveText(1))).toBeUndefined();
  });
});

describe('the master of a broker group', () => {
  it('is the one of the higher term; the old one is fenced, and told whose the name is [QNT-REG-025, QNT-REG-016, QNT-REG-028]', () => {
    const { client, register, beat, group } = world();
    const [old, next] = [client(), client()];
    register(old, textOf(0));
    register(next, slaveText(1));
    expect(register(next, textOf(1, { term: 2 }))).toBeUndefined();
    expect(group()).toEqual(['1 b-1:7610']);
    expect(beat(old, 0)).toMatchObject({ register: true, master: { replica: 1, term: 2 } });
    expect(register(old, textOf(0))).toBe('TERM_FENCED');
    expect(register(old, textOf(0, { term: 2 }))).toBe('TERM_FENCED');
    expect(register(old, slaveText(0))).toBeUndefined();
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610']);
  });

  it('has no place of its own any more once it is a slave, and its term still fences [QNT-REG-026]', () => {
    const { client, register, beat, group, page } = world();
    const [old, other] = [client(), client()];
    register(old, textOf(0, { term: 5 }));
    expect(register(old, slaveText(0, { term: 4 }))).toBe('TERM_FENCED');
    expect(register(old, slaveText(0, { term: 5 }))).toBeUndefined();
    expect(group()).toEqual(['0 *', '0 b-0:7610']);
    expect(page().routes[0]?.shares).toMatchObject([{ broker: 'b', queues: 4 }]);
    expect(beat(other, 1).master).toBeUndefined();
    expect(register(other, textOf(1, { term: 5 }))).toBe('TERM_FENCED');
    expect(register(other, textOf(1, { term: 6 }))).toBeUndefined();
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610']);
  });

  it('keeps its place in the route as long as a slave does [QNT-REG-027]', () => {
    const { client, register, beat, group, page, run } = world();
    const slave = client();
    register(client(), textOf(1));
    register(slave, slaveText(0));
    const wait = (ms: number, alive: boolean): void => {
      for (let s = 0; s < ms / 1_000; s++) {
        run(1_000);
        if (alive) beat(slave, 0);
      }
    };
    wait(LIMITS.BROKER_EXPIRY_MS + 2 * LIMITS.BROKER_AWAY_MS, true);
    expect(group()).toEqual(['1 b-1:7610*', '0 b-0:7610']);
    wait(LIMITS.BROKER_EXPIRY_MS + LIMITS.BROKER_AWAY_MS - 1_000, false);
    expect(group()).toEqual(['1 b-1:7610*', '0 b-0:7610*']);
    wait(2_000, false);
    expect(group()).toEqual([]);
    expect(page().routes[0]?.code).toBe(wireNumberOf('TOPIC_NOT_FOUND'));
  });

  it('is not known where slaves alone have registered; their topics count until it tells its own [QNT-REG-024, QNT-RTE-029]', () => {
    const { client, register, group, page } = world();
    register(client(), slaveText(0, { term: 4, topics: [{ topic: 'orders', queues: 2 }] }));
    expect(group()).toEqual(['0 *', '0 b-0:7610']);
    expect(page()).toMatchObject({ routes: [{ shares: [{ broker: 'b', queues: 2 }] }], brokers: [{ term: 4, away: true }] });
    expect(register(client(), textOf(1, { term: 3 }))).toBe('TERM_FENCED');
    register(client(), textOf(1, { term: 4 }));
    expect(group()).toEqual(['1 b-1:7610', '0 b-0:7610']);
    expect(page().routes[0]?.shares).toMatchObject([{ queues: 4 }]);
  });

  it('of another store gets the name when no replica is live any more, and the slaves of before are gone [QNT-REG-014, QNT-REG-015]', () => {
    const { client, register, group } = world();
    const [master, slave] = [client(), client()];
    register(master, textOf(1, { term: 8 }));
    register(slave, slaveText(0));
    master.request('UNREGISTER_BROKER', { broker: 'b', storeId: STORE, replica: 1 });
    expect(register(client(), textOf(1, { storeId: OTHER_STORE }))).toBe('NAME_IN_USE');
    slave.request('UNREGISTER_BROKER', { broker: 'b', storeId: STORE, replica: 0 });
    expect(register(client(), textOf(1, { storeId: OTHER_STORE }))).toBeUndefined();
    expect(group()).toEqual(['1 b-1:7610']);
  });
});
