// What a broker serves to consumers and operators (spec, chapters of pull, administration and groups).
import { describe, expect, it } from 'vitest';
import { codeNumber, GroupKind, LIMITS, Position, portablePlatform, stampBatch } from '../../src/index.ts';
import { batchOf, messagesOf } from '../broker/batches.ts';
import { runningBroker, type TestClient } from '../broker/broker-world.ts';
import { codes, committed, FakeSession, GroupWorld } from '../groups/group-world.ts';
import { TestMember } from '../groups/test-member.ts';

function withTopic(): { readonly world: ReturnType<typeof runningBroker>; readonly client: TestClient } {
  const world = runningBroker();
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  return { world, client };
}

const queueAt = (offset: number, queue = 0) => ({ topic: 't', queues: [{ queue, offset }] });
const ORDERS = { topics: [{ topic: 'orders' }] };
const tool = new FakeSession('tool');

describe('PULL', () => {
  it('of an offset above the high watermark says OFFSET_OUT_OF_RANGE and where the nearest is [QNT-PUL-014]', () => {
    const { client } = withTopic();
    client.call('SEND', { topic: 't' }, [batchOf(['a', 'b'])]);
    const [result] = client.call('PULL', { waitMs: 9_000, topics: [queueAt(7)] }).header.results;
    expect(result).toMatchObject({ code: codeNumber('OFFSET_OUT_OF_RANGE'), nextOffset: 2, highWatermark: 2, bytes: 0 });
  });

  it('beyond POLLS_PER_CONNECTION_MAX waiting ones is refused with TOO_MANY_REQUESTS [QNT-PUL-016]', () => {
    const world = runningBroker({ session: { inFlightMax: 5_000 } });
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const poll = (number: number) => client.send('PULL', { poll: number, waitMs: 30_000, topics: [queueAt(0)] });
    const waiting = Array.from({ length: LIMITS.POLLS_PER_CONNECTION_MAX }, (_, i) => poll(i));
    expect(client.answer('PULL', poll(waiting.length))?.code).toBe('TOO_MANY_REQUESTS');
    expect(waiting.every((correlation) => client.answer('PULL', correlation) === undefined)).toBe(true);
    const again = world.client();
    expect(again.answer('PULL', again.send('PULL', { waitMs: 30_000, topics: [queueAt(0)] }))).toBeUndefined();
  });

  it('without a group is served whatever leases there are [QNT-PUL-019]', () => {
    const { world, client } = withTopic();
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    client.call('CLIENT_HEARTBEAT', { group: 'g', member: 'm', subscription: { topics: [{ topic: 't' }] } });
    world.advance(500);
    const { leases } = client.call('CLIENT_HEARTBEAT', { group: 'g', member: 'm' }).header.assignment ?? { leases: [] };
    expect(leases).toHaveLength(2);
    expect(messagesOf(world.client().call('PULL', { topics: [queueAt(0)] }).payload)).toEqual(['0:a']);
  });

  it('in a group that the broker does not know is served without a lease epoch [QNT-PUL-022]', () => {
    const { client } = withTopic();
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    const pull = (leaseEpoch: number) =>
      client.call('PULL', { group: 'x', member: 'm', topics: [{ topic: 't', queues: [{ queue: 0, offset: 0, leaseEpoch }] }] });
    expect(messagesOf(pull(0).payload)).toEqual(['0:a']);
    expect(pull(5).header.results).toMatchObject([{ code: codeNumber('LEASE_FENCED') }]);
  });

  it('gives the batches of the results in the order of the results, as long as they say [QNT-PUL-007]', () => {
    const { client } = withTopic();
    for (const [queue, body] of [
      [0, 'a'],
      [1, 'bb'],
      [0, 'ccc'],
    ] as const)
      client.call('SEND', { topic: 't', queue }, [batchOf([body])]);
    const { header, payload } = client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 1 }, { queue: 0 }] }] });
    let at = 0;
    const given = header.results.map(({ queue, bytes }) => {
      at += bytes;
      return [queue, messagesOf(payload.subarray(at - bytes, at))];
    });
    expect(at).toBe(payload.length);
    expect(new Map(given as [number, string[]][])).toEqual(
      new Map([
        [1, ['0:bb']],
        [0, ['0:a', '1:ccc']],
      ]),
    );
  });

  it('never shows a record before it is committed, in no answer and in no watermark [QNT-SND-004, QNT-PUL-011, QNT-ADM-010]', () => {
    const { world, client } = withTopic();
    client.send('SEND', { topic: 't' }, [batchOf(['a'])]);
    const marks = (): (number | undefined)[] => {
      const described = client.answer('TOPIC_DESCRIBE', client.send('TOPIC_DESCRIBE', { topic: 't' }));
      const pulled = client.answer('PULL', client.send('PULL', { topics: [queueAt(0)] }));
      return [described?.header.queues[0]?.highWatermark, pulled?.payload.length];
    };
    while (world.disk.pending.length > 1) {
      expect(marks()).toEqual([0, 0]);
      world.disk.step();
    }
    expect(marks()).toEqual([0, 0]);
    world.pump();
    expect(marks()[0]).toBe(1);
  });
});

describe('topics by an operator', () => {
  it('that do not exist are TOPIC_NOT_FOUND [QNT-ADM-008]', () => {
    const { client } = withTopic();
    expect(client.call('TOPIC_ALTER', { topic: 'u', queues: 3 }).code).toBe('TOPIC_NOT_FOUND');
    expect(client.call('TOPIC_REMOVE', { topic: 'u' }).code).toBe('TOPIC_NOT_FOUND');
    expect(client.call('TOPIC_DESCRIBE', { topic: 'u' }).code).toBe('TOPIC_NOT_FOUND');
  });

  it('are altered to the same number of queues with success [QNT-ADM-005]', () => {
    const { client } = withTopic();
    expect(client.call('TOPIC_ALTER', { topic: 't', queues: 2 }).header.queues).toBe(2);
    expect(client.call('TOPIC_ALTER', { topic: 't', queues: LIMITS.QUEUES_PER_TOPIC_MAX + 1 }).code).toBe('LIMIT_EXCEEDED');
  });

  it('are two where their names differ by one letter’s case, and listed in the order of their bytes [QNT-NAM-002, QNT-NAM-003, QNT-ADM-009]', () => {
    const { client } = withTopic();
    for (const topic of ['orders', 'Orders', 'a.b', 'a-b', 'a_b', 'a', 'ab', '_a', '9'])
      expect(client.call('TOPIC_CREATE', { topic, queues: 1 }).header.existed).toBe(false);
    client.call('SEND', { topic: 'Orders' }, [batchOf(['x'])]);
    const names = client.call('TOPIC_LIST', {}).header.topics.map(({ topic }) => topic);
    expect(names).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(names).toEqual(['9', 'Orders', '_a', 'a', 'a-b', 'a.b', 'a_b', 'ab', 'orders', 't']);
    const mark = (topic: string) => client.call('TOPIC_DESCRIBE', { topic }).header.queues[0]?.highWatermark;
    expect([mark('orders'), mark('Orders')]).toEqual([0, 1]);
  });
});

describe('groups at a broker', () => {
  it('keep a queue as it is that a reset would move out of what is stored, and move the others [QNT-ADM-014, QNT-ADM-017]', () => {
    const world = new GroupWorld();
    world.topic('orders', 2, 100);
    world.store('orders', 1, 50);
    const a = new TestMember(world, 'a', ORDERS);
    a.beat();
    for (const queue of [0, 1]) a.commit('orders', queue, 50);
    world.settle();
    const { epoch } = a.lease('orders', 0);
    const answer = world.request(tool, 'GROUP_RESET', { group: 'g', to: Position.AT_OFFSET, toValue: 120 });
    world.settle();
    expect(answer.ok.results.map(({ code }) => code)).toEqual([codeNumber('OFFSET_OUT_OF_RANGE'), 0]);
    expect([committed(world, 'orders', 0), committed(world, 'orders', 1)]).toEqual([50, 120]);
    expect(a.lease('orders', 0).epoch).toBe(epoch);
    const last = world.request(tool, 'GROUP_RESET', {
      group: 'g',
      queues: [{ topic: 'orders', queues: [0] }],
      to: Position.LAST,
    });
    world.settle();
    expect(last.ok.results).toMatchObject([{ queue: 0, toOffset: 100 }]);
    expect([committed(world, 'orders', 0), committed(world, 'orders', 1)]).toEqual([100, 120]);
  });

  it('never use one generation for two assignments of a member, their earlier lives included [QNT-GRP-019]', () => {
    const world = new GroupWorld();
    world.topic('orders', 4);
    const seen = new Map<number, string>();
    const members = ['a', 'b', 'c'].map((id) => new TestMember(world, id, ORDERS));
    const note = (): void => {
      for (const member of members) {
        for (const { generation, members: count, queues, idle, leases } of member.session.pushed.concat(
          member.assignment ?? [],
        )) {
          const text = JSON.stringify([member.id, count, queues, idle, leases]);
          const key = generation * 10 + members.indexOf(member);
          expect(seen.get(key) ?? text).toBe(text);
          seen.set(key, text);
        }
      }
    };
    for (let round = 0; round < 12; round++) {
      for (const [i, member] of members.entries()) {
        if (round % 3 === i) member.leave();
        else member.beat(true);
        member.releaseAll();
        world.settle();
        note();
      }
      world.pass(LIMITS.REBALANCE_DELAY_MS);
      note();
      if (round % 4 !== 3) continue;
      world.restart();
      for (const member of members) member.reconnect();
    }
    expect(seen.size).toBeGreaterThan(20);
  });

  it('hold a member to the session that it asked for, and to their own where it asked for none [QNT-GRP-023]', () => {
    const world = new GroupWorld();
    world.topic('orders', 2);
    const beat = (member: string, sessionMs: number) =>
      world.request(tool, 'CLIENT_HEARTBEAT', {
        group: 'g',
        member,
        label: member,
        revision: 1,
        subscription: ORDERS,
        sessionMs,
      });
    const short = beat('short', 2_000);
    const own = beat('own', 0);
    world.settle();
    expect([short.ok.sessionMs, own.ok.sessionMs]).toEqual([2_000, LIMITS.MEMBER_SESSION_MS]);
    const alive = () => world.request(tool, 'GROUP_DESCRIBE', { group: 'g' }).ok.members.map(({ member }) => member);
    world.pass(1_999);
    expect(alive()).toEqual(['own', 'short']);
    world.pass(1);
    expect(alive()).toEqual(['own']);
    world.pass(LIMITS.MEMBER_SESSION_MS - 2_001);
    expect(alive()).toEqual(['own']);
    world.pass(1);
    expect(alive()).toEqual([]);
  });

  it('sort members by label, then id [QNT-GRP-033]', () => {
    const world = new GroupWorld();
    world.topic('orders', 4);
    const members = ['4', '3', '2', '1'].map((id) => new TestMember(world, id, ORDERS));
    for (const [i, label] of ['a', 'b', 'b', 'c'].entries()) (members[i] as TestMember).label = label;
    for (let i = 0; i < 4; i++) {
      for (const member of members) {
        member.beat();
        member.releaseAll();
      }
      world.pass(1_000);
    }
    const owners = members.map((member) => [member.label + member.id, member.held]);
    expect(owners).toEqual([
      ['a4', ['orders/0']],
      ['b3', ['orders/2']],
      ['b2', ['orders/1']],
      ['c1', ['orders/3']],
    ]);
  });

  it('that the broker does not know are GROUP_NOT_FOUND to who gives queues back [QNT-GRP-045]', () => {
    const world = new GroupWorld();
    const offsets = [{ topic: 'orders', queue: 0, offset: 1, leaseEpoch: 1 }];
    expect(world.request(tool, 'RELEASE', { group: 'x', member: 'm', offsets }).error?.code).toBe('GROUP_NOT_FOUND');
    expect(world.request(tool, 'LEAVE', { group: 'x', member: 'm' }).error?.code).toBe('GROUP_NOT_FOUND');
  });

  it('end every lease of a member that leaves, also those that it does not name [QNT-GRP-044]', () => {
    const world = new GroupWorld();
    world.topic('orders', 3, 10);
    const a = new TestMember(world, 'a', ORDERS);
    a.beat();
    const { epoch } = a.lease('orders', 1);
    const left = world.request(a.session, 'LEAVE', {
      group: 'g',
      member: 'a',
      offsets: [{ topic: 'orders', queue: 1, offset: 4, leaseEpoch: epoch }],
    });
    world.settle();
    expect(codes(left)).toEqual([]);
    const { queues } = world.request(tool, 'GROUP_DESCRIBE', { group: 'g' }).ok;
    expect(queues.map(({ member }) => member)).toEqual(['', '', '']);
    expect(committed(world, 'orders', 1)).toBe(4);
  });

  it('push to the connection on which the last heartbeat of a member came [QNT-GRP-051]', () => {
    const world = new GroupWorld();
    world.topic('orders', 2);
    const a = new TestMember(world, 'a', ORDERS);
    a.beat();
    const former = a.session;
    a.reconnect();
    a.beat();
    const pushes = former.pushed.length;
    new TestMember(world, 'b', ORDERS).beat();
    world.pass(LIMITS.REBALANCE_DELAY_MS);
    expect(former.pushed).toHaveLength(pushes);
    expect(a.session.pushed.at(-1)?.leases.map(({ state }) => state)).toEqual([0, 1]);
  });

  it('answer RELEASE and LEAVE of who is no member without ERROR, with LEASE_FENCED for each queue that is named [QNT-GRP-052]', () => {
    const world = new GroupWorld();
    world.topic('orders', 2, 10);
    new TestMember(world, 'a', ORDERS).beat();
    const offsets = [0, 1].map((queue) => ({ topic: 'orders', queue, offset: 1, leaseEpoch: 7 }));
    expect(codes(world.request(tool, 'RELEASE', { group: 'g', member: 'stranger', offsets }))).toEqual([
      'LEASE_FENCED',
      'LEASE_FENCED',
    ]);
    expect(codes(world.request(tool, 'LEAVE', { group: 'g', member: 'stranger', offsets }))).toEqual([
      'LEASE_FENCED',
      'LEASE_FENCED',
    ]);
    expect(codes(world.request(tool, 'LEAVE', { group: 'g', member: 'stranger' }))).toEqual([]);
  });

  it('ask for heartbeats at least three times in a session, each at least 1 ms apart [QNT-GRP-053]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1);
    const beatOf = (sessionMs: number): number => {
      const header = { group: 'g', member: `m${sessionMs}`, revision: 1, subscription: ORDERS, sessionMs };
      const answer = world.request(tool, 'CLIENT_HEARTBEAT', header);
      world.settle();
      return answer.ok.heartbeatMs;
    };
    const { MEMBER_SESSION_MS_MIN: least, MEMBER_SESSION_MS_MAX: most } = LIMITS;
    for (const sessionMs of [least, least + 1, least + 2, 2_000, 60_000, most]) {
      expect(beatOf(sessionMs)).toBeGreaterThanOrEqual(1);
      expect(beatOf(sessionMs)).toBeLessThanOrEqual(Math.max(1, Math.floor(sessionMs / 3)));
    }
  });

  it('refuse a session that is too short or too long, at the limit and beyond it [QNT-GRP-058]', () => {
    const { MEMBER_SESSION_MS_MIN: least, MEMBER_SESSION_MS_MAX: most } = LIMITS;
    const world = new GroupWorld();
    world.topic('orders', 1);
    const beat = (sessionMs: number) => {
      const header = { group: 'g', member: 'm', revision: 1, subscription: ORDERS, sessionMs };
      const answer = world.request(tool, 'CLIENT_HEARTBEAT', header);
      world.settle();
      return answer;
    };
    for (const sessionMs of [0, least, most]) expect(beat(sessionMs).ok.sessionMs).toBe(sessionMs || LIMITS.MEMBER_SESSION_MS);
    for (const sessionMs of [1, least - 1, most + 1, 2 ** 32 - 1]) expect(beat(sessionMs).error?.code).toBe('INVALID_ARGUMENT');
  });

  it('keep the kind of their first commit [QNT-GRP-049]', () => {
    const world = new GroupWorld();
    world.topic('orders', 1, 10);
    const commit = (kind: GroupKind) =>
      world.request(tool, 'OFFSET_COMMIT', { group: 'g', kind, offsets: [{ topic: 'orders', queue: 0, offset: 1 }] });
    commit(GroupKind.ASSIGNED);
    world.settle();
    expect(commit(GroupKind.FREE).error?.code).toBe('GROUP_KIND_CONFLICT');
    expect(new TestMember(world, 'f', { ...ORDERS, kind: GroupKind.FREE }).heartbeat().error?.code).toBe('GROUP_KIND_CONFLICT');
    expect(new TestMember(world, 'a', ORDERS).heartbeat().error).toBeUndefined();
  });
});

describe('a stamp', () => {
  it('is over the first 32 bytes of a batch and nothing else [QNT-BAT-002]', () => {
    const [plain, stamped] = [batchOf(['a']), batchOf(['a'])];
    stampBatch(portablePlatform, stamped, 5, 2, 1_000);
    expect(stamped.subarray(32)).toEqual(plain.subarray(32));
    expect(stamped.subarray(0, 8)).toEqual(plain.subarray(0, 8));
  });
});
