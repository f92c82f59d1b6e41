import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  AckLevel,
  type Action,
  codeOfWireNumber,
  FRAMES,
  type LiveFrame,
  mayDo,
  NameServer,
  NEEDS,
  PERMISSIONS_MAX,
  parsePermission,
  principalOf,
  Random,
  type RequestInit,
  type ResourceKind,
  ROLES,
  type Routes,
  responseCodec,
  type UserRecord,
  type UserTable,
} from '../../src/index.ts';
import { batchOf } from '../broker/batches.ts';
import type { TestClient } from '../broker/broker-world.ts';
import { AUTH_OF_REPLICAS, askingBroker, connected } from './login.ts';
import { codeOf, decoded, frameOf, table, user } from './users.ts';

const STORE_ID = new Uint8Array(16).fill(7);
const queue = { topic: 't', queue: 0 };

/** One request of each frame, about topic `t`, group `g` and broker `me`. A new frame needs one, or this test fails. */
const REQUESTS: { readonly [N in LiveFrame]?: RequestInit<N> } = {
  REGISTER_BROKER: { broker: 'me', cluster: 'c', storeId: STORE_ID, term: 1, revision: 1 },
  UNREGISTER_BROKER: { broker: 'me', storeId: STORE_ID },
  BROKER_HEARTBEAT: { broker: 'me', storeId: STORE_ID, term: 1 },
  ROUTE_QUERY: { topics: ['t'] },
  ROUTE_UPDATE: {},
  INIT_PRODUCER: {},
  SEND: { topic: 't', queue: 0, ack: AckLevel.ACK_LEADER },
  PULL: { group: 'g', member: 'm', topics: [{ topic: 't', queues: [{ queue: 0 }] }] },
  OFFSET_COMMIT: { group: 'g', offsets: [{ ...queue, offset: 0 }] },
  OFFSET_FETCH: { group: 'g', queues: [queue] },
  OFFSET_LOOKUP: { queues: [queue] },
  CLIENT_HEARTBEAT: { group: 'g', member: 'm', subscription: { topics: [{ topic: 't' }] } },
  ASSIGNMENT: { group: 'g', member: 'm' },
  RELEASE: { group: 'g', member: 'm', offsets: [{ ...queue, offset: 0 }] },
  LEAVE: { group: 'g', member: 'm' },
  TOPIC_CREATE: { topic: 't' },
  TOPIC_ALTER: { topic: 't', queues: 9 },
  TOPIC_REMOVE: { topic: 't' },
  TOPIC_LIST: {},
  TOPIC_DESCRIBE: { topic: 't' },
  GROUP_LIST: {},
  GROUP_DESCRIBE: { group: 'g' },
  GROUP_RESET: { group: 'g' },
  STATE_WRITE: queue,
  STATE_GET: queue,
  STATE_SCAN: queue,
  REPLICATE: { broker: 'me', storeId: STORE_ID },
  SNAPSHOT_READ: { broker: 'me' },
  PROMOTE: {},
  DEMOTE: {},
  BROKER_DESCRIBE: {},
  RECORD_PUT: { broker: 'me', record: { storeId: STORE_ID, term: 1 } },
  RECORD_GET: { broker: 'me' },
};

/** The column *Needs* of the table of frames. */
const needsOf = new Map(
  [
    ...readFileSync(new URL('../../../../spec/v1/registry/frames.md', import.meta.url), 'utf8').matchAll(
      /^\| `0x.*\*\*(\w+)\*\*.*$/gm,
    ),
  ].map(([line, name]) => [name as LiveFrame, line.split(' | ').at(-2) as string]),
);

const ALL = ['all topic:*', 'all group:*', 'all cluster:*'];
const SOMEBODY: readonly UserRecord[] = [
  ...ROLES.map((role) => user(`the-${role}`, { roles: [role], certificate: true })),
  ...ROLES.map((role) => user(`${role}-with-rights`, { roles: [role], permissions: ALL, certificate: true })),
  user('me', { roles: ['broker'], certificate: true }),
];
const everybody = (): UserTable => table(...SOMEBODY);

/** By the words of the chapter, without a look at the code: whether this user may send the request above. */
function isAllowed({ name, roles: [role], permissions = [] }: UserRecord, needs: string): boolean {
  if (needs === 'any') return true;
  if (needs === '–') return false;
  if (needs === 'role broker') return name === 'me'; // the only one with the broker's name
  if (needs.startsWith('role ')) return needs === `role ${role}` || (needs === 'role client' && role === 'admin');
  return role === 'admin' || (role === 'client' && permissions.length > 0);
}

const serves = (name: LiveFrame): boolean => ['broker', 'any', 'client'].includes(FRAMES[name].at);

/** Asks a NameServer as somebody. @returns the code of the answer. */
function askNameServer(users: UserTable, name: string, requests: readonly Uint8Array[]): (string | undefined)[] {
  return framesOfNameServer(users, name, requests).map(codeOf);
}

function framesOfNameServer(users: UserTable, name: string, requests: readonly Uint8Array[]): ReturnType<typeof decoded>[] {
  const security = { users, nonce: () => 'n' };
  const engine = new NameServer({ name: 'ns', software: '', random: new Random(1), warmupMs: 0, security, keepsRecords: true });
  const frames: ReturnType<typeof decoded>[] = [];
  const drain = (): void => {
    for (const output of engine.drain()) if (output.kind === 'send') frames.push(decoded(output.parts));
  };
  engine.handle({ kind: 'accepted', connection: 2, remote: 'x', listener: 'default', certificateNames: [name] }, 1);
  const login = [frameOf('HELLO', AUTH_OF_REPLICAS, 1), frameOf('AUTH', { mechanism: 2 }, 3)];
  for (const frame of [...login, ...requests]) {
    engine.handle({ kind: 'frame', connection: 2, frame }, 1);
    drain();
  }
  return frames.slice(login.length);
}

/** Frames of replication are those of a broker that is a replica, though this one never hears who is master. */
const REPLICA = { replication: { replica: 0 }, nameServers: ['mem://ns'] };

function askBroker(name: string, frame: LiveFrame): string | undefined {
  const isOfReplicas = FRAMES[frame].feature === 'FEATURE_REPLICATION';
  const world = askingBroker(everybody(), { cluster: 'c', ...(isOfReplicas ? REPLICA : {}) });
  connected(world, 'the-admin').call('TOPIC_CREATE', { topic: 't', queues: 1 });
  const client = connected(world, name, undefined, AUTH_OF_REPLICAS);
  const correlation = client.send(frame, REQUESTS[frame] as never);
  world.pump();
  return client.answer(frame, correlation)?.code;
}

describe('authorization', () => {
  const frames = [...needsOf].filter(([, needs]) => needs !== 'open');

  it('the table of frames has a rule for every frame that there is, and the code the same [QNT-ATZ-001]', () => {
    const live = Object.entries(FRAMES).filter(([, { reserved }]) => !reserved);
    expect([...needsOf.keys()]).toEqual(live.map(([name]) => name));
    for (const [name, { access }] of live) {
      expect(access, `${name} has an access rule in the schema`).not.toBe('');
      expect(needsOf.get(name as LiveFrame)).toBe(access === '-' ? '–' : access);
      expect(NEEDS.get(name as LiveFrame), name).toBeDefined();
    }
  });

  describe.each(frames)('%s, which needs %s', (frame, needs) => {
    it.each(SOMEBODY)('for $name [QNT-ATZ-001, QNT-ATZ-004]', (somebody) => {
      const request = REQUESTS[frame];
      expect(request, `nobody has a request of ${frame}`).toBeDefined();
      const code = serves(frame)
        ? askBroker(somebody.name, frame)
        : askNameServer(everybody(), somebody.name, [frameOf(frame, request as never, 5)])[0];
      // A push of the server is no request that any server serves: nobody may begin it.
      const refused = FRAMES[frame].at === 'client' ? 'WRONG_BROKER' : 'FORBIDDEN';
      expect(code === refused).toBe(!isAllowed(somebody, needs));
    });
  });

  it('lets a broker speak for the broker of its own name only [QNT-ATZ-008]', () => {
    const ask = (broker: string): (string | undefined)[] =>
      askNameServer(everybody(), 'me', [
        frameOf('REGISTER_BROKER', { broker, storeId: STORE_ID, term: 1, revision: 1 }, 5),
        frameOf('BROKER_HEARTBEAT', { broker, storeId: STORE_ID, term: 1 }, 7),
        frameOf('UNREGISTER_BROKER', { broker, storeId: STORE_ID }, 9),
      ]);
    expect(ask('me')).toEqual(['ok', 'ok', 'ok']);
    expect(ask('you')).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
  });

  it('does nothing of a request of which one part is forbidden, and keeps the connection [QNT-ATZ-003]', () => {
    const world = askingBroker(table(user('ann', { certificate: true, permissions: ['read topic:mine', 'read group:g'] })));
    const client = connected(world, 'ann');
    const subscribe = (...topics: string[]): string | undefined =>
      client.call('CLIENT_HEARTBEAT', { group: 'g', member: 'm', subscription: { topics: topics.map((topic) => ({ topic })) } })
        .code;
    expect(subscribe('mine', 'other')).toBe('FORBIDDEN');
    expect(client.call('GROUP_DESCRIBE', { group: 'g' }).code).toBe('GROUP_NOT_FOUND');
    expect(subscribe('mine')).toBeUndefined();
  });

  it('says FORBIDDEN before anything that tells what there is [QNT-ATZ-002]', () => {
    const world = askingBroker(table(user('ann', { certificate: true, permissions: ['read topic:mine'] })));
    const client = connected(world, 'ann');
    expect(client.call('TOPIC_DESCRIBE', { topic: 'other' }).code).toBe('FORBIDDEN');
    expect(client.call('TOPIC_DESCRIBE', { topic: 'mine' }).code).toBe('TOPIC_NOT_FOUND');
    // The role is judged before the header is looked at: one that is none changes nothing.
    const frame = frameOf('TOPIC_REMOVE', Uint8Array.of(0xff), 99);
    client.sendBytes([frame]);
    expect(codeOf(client.frames.at(-1))).toBe('FORBIDDEN');
    expect(client.closed).toBe(false);
  });

  it('drops a one-way request that is forbidden [QNT-ATZ-011]', () => {
    const world = askingBroker(
      table(
        user('ann', { certificate: true, permissions: ['read topic:t'] }),
        user('root', { roles: ['admin'], certificate: true }),
      ),
    );
    const admin = connected(world, 'root');
    admin.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const client = connected(world, 'ann');
    const before = client.frames.length;
    client.send('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, [batchOf(['a'])], 2);
    world.pump();
    expect(client.frames).toHaveLength(before);
    expect(admin.call('TOPIC_DESCRIBE', { topic: 't' }).header.queues[0]?.highWatermark).toBe(0);
  });
});

describe('routes', () => {
  const users = table(
    user('me', { roles: ['broker'], certificate: true }),
    user('ann', { certificate: true, permissions: ['write topic:mine', 'create topic:new', 'describe topic:seen'] }),
  );
  const topics = ['mine', 'new', 'other', 'seen'];

  /** A NameServer that knows the topics; asks as `ann`. */
  function routes(query: RequestInit<'ROUTE_QUERY'>): Routes {
    const security = { users, nonce: () => 'n' };
    const engine = new NameServer({ name: 'ns', software: '', random: new Random(1), warmupMs: 0, security, keepsRecords: true });
    const say = (connection: number, name: string, requests: readonly Uint8Array[]): Uint8Array => {
      engine.handle({ kind: 'accepted', connection, remote: 'x', listener: 'default', certificateNames: [name] }, 1);
      for (const frame of [frameOf('HELLO', AUTH_OF_REPLICAS, 1), frameOf('AUTH', { mechanism: 2 }, 3), ...requests])
        engine.handle({ kind: 'frame', connection, frame }, 1);
      const sent = engine.drain().flatMap((output) => (output.kind === 'send' ? [decoded(output.parts)] : []));
      return sent.at(-1)?.control as Uint8Array;
    };
    const registration = { broker: 'me', storeId: STORE_ID, term: 1, revision: 1 };
    say(2, 'me', [frameOf('REGISTER_BROKER', { ...registration, topics: topics.map((topic) => ({ topic, queues: 1 })) }, 5)]);
    return responseCodec('ROUTE_QUERY').decode(say(4, 'ann', [frameOf('ROUTE_QUERY', query, 5)])) as Routes;
  }

  it('are FORBIDDEN for a topic that the principal has no right on, whether it exists or not [QNT-ATZ-006]', () => {
    const told = routes({ topics: [...topics, 'nowhere'] }).routes.map(({ topic, code, shares }) => ({
      topic,
      code: code === 0 ? 'OK' : codeOfWireNumber(code),
      shares: shares.length,
    }));
    expect(told).toEqual([
      { topic: 'mine', code: 'OK', shares: 1 },
      { topic: 'new', code: 'OK', shares: 1 },
      { topic: 'other', code: 'FORBIDDEN', shares: 0 },
      { topic: 'seen', code: 'OK', shares: 1 },
      { topic: 'nowhere', code: 'FORBIDDEN', shares: 0 },
    ]);
  });

  it('of all topics are those that the principal has a right on [QNT-ATZ-007]', () => {
    expect(routes({ all: true }).routes.map(({ topic }) => topic)).toEqual(['mine', 'new', 'seen']);
  });
});

describe('permissions', () => {
  it.each([
    'read topic:orders',
    'read,write topic:orders.*',
    'all group:billing-*',
    'describe cluster:*',
    'write mqtt:a b/%u/+/#',
  ])('%s', (text) => {
    expect(() => parsePermission(text)).not.toThrow();
  });

  it.each([
    '',
    'read',
    'read topic',
    'read topic:',
    'own topic:x',
    'read queue:x',
    'read topic:a*b',
    'read topic:../x',
    'read  topic:x',
    'read mqtt:',
    'read mqtt:a/#/b',
    'read mqtt:a+/b',
    'own mqtt:a',
  ])('"%s" is none', (text) => {
    expect(() => parsePermission(text)).toThrow(/is no permission/);
  });

  it('hold for a name or what begins like it; to read or write is to describe [QNT-ATZ-004, QNT-ATZ-005, QNT-ATZ-012]', () => {
    const permissions = ['read topic:orders', 'write topic:logs.*', 'describe group:*'];
    const ann = principalOf(user('ann', { permissions }));
    const may = (text: string): boolean => {
      const [action = '', kind = '', name = ''] = text.split(/[ :]/);
      return mayDo(ann, action as Action, kind as ResourceKind, name);
    };
    for (const yes of [
      'read topic:orders',
      'describe topic:orders',
      'write topic:logs.a',
      'describe topic:logs.',
      'describe group:x',
    ])
      expect([yes, may(yes)]).toEqual([yes, true]);
    for (const no of [
      'write topic:orders',
      'read topic:orders2',
      'read topic:order',
      'write topic:logs',
      'read group:x',
      'create topic:logs.a',
      'describe cluster:x',
    ])
      expect([no, may(no)]).toEqual([no, false]);
    expect(mayDo(principalOf(user('root', { roles: ['admin'] })), 'create', 'topic', 'any')).toBe(true);
  });

  it('PERMISSIONS_MAX: a user has no more', () => {
    const record = (count: number): UserRecord => user('p', { permissions: Array.from({ length: count }, () => 'read topic:x') });
    expect(() => principalOf(record(PERMISSIONS_MAX))).not.toThrow();
    expect(() => principalOf(record(PERMISSIONS_MAX + 1))).toThrow(/PERMISSIONS_MAX/);
  });

  it.each([
    [{ name: '../x' }, /name/],
    [{ name: 'p', roles: [] }, /roles/],
    [{ name: 'p', roles: ['king'] }, /"king" is no role/],
    [{ name: 'p', roles: ['client'], permissions: ['x'] }, /no permission/],
    [{ name: 'p', roles: ['client'], password: 'secret' }, /no field "password"/],
    [{ name: 'p', roles: ['client'], scram: { salt: '', iterations: 4096, storedKey: '', serverKey: '' } }, /salt/],
    [{ name: 'p', roles: ['client'], requestsPerSecond: -1 }, /rate/],
  ])('a record that is none is refused: %j', (record, why) => {
    expect(() => principalOf(record as never)).toThrow(why);
  });
});

describe('what belongs to a principal', () => {
  const both = table(user('ann', { certificate: true, permissions: ALL }), user('bob', { certificate: true, permissions: ALL }));
  const init = (client: TestClient, header: RequestInit<'INIT_PRODUCER'>) => client.call('INIT_PRODUCER', header);

  it('names of producers: two principals do not fence each other [QNT-ATZ-009]', () => {
    const world = askingBroker(both);
    const [ann, bob] = [connected(world, 'ann'), connected(world, 'bob')];
    const first = init(ann, { name: 'p' }).header;
    const second = init(bob, { name: 'p' }).header;
    expect(second.producerId).not.toBe(first.producerId);
    expect(init(connected(world, 'ann'), { name: 'p' }).header).toEqual({ producerId: first.producerId, epoch: 1 });
  });

  it('ids of producers: another principal takes none over, its own does [QNT-ATZ-010]', () => {
    const world = askingBroker(both);
    const { producerId } = init(connected(world, 'ann'), {}).header;
    expect(init(connected(world, 'bob'), { producerId }).code).toBe('FORBIDDEN');
    expect(init(connected(world, 'ann'), { producerId }).code).toBeUndefined();
  });

  it('the rate: a principal that is beyond it waits, over all its connections; others do not [QNT-ATZ-013]', () => {
    const world = askingBroker(
      table(
        user('ann', { certificate: true, permissions: ALL, requestsPerSecond: 2 }),
        user('bob', { certificate: true, permissions: ALL }),
      ),
    );
    const [one, two, bob] = [connected(world, 'ann'), connected(world, 'ann'), connected(world, 'bob')];
    const ask = (client: TestClient) => client.call('TOPIC_LIST', {});
    expect([ask(one).code, ask(two).code]).toEqual([undefined, undefined]);
    const refused = ask(one);
    expect(refused.code).toBe('TOO_MANY_REQUESTS');
    expect(ask(bob).code).toBeUndefined();
    world.advance((refused.info?.retryAfterMs as number) - 1);
    expect(ask(two).code).toBe('TOO_MANY_REQUESTS');
    world.advance(1);
    expect(ask(two).code).toBeUndefined();
  });

  it('the bytes: what was sent and what was answered is paid for before the next request [QNT-ATZ-013]', () => {
    const world = askingBroker(table(user('ann', { certificate: true, permissions: ALL, bytesPerSecond: 100 })));
    const client = connected(world, 'ann');
    expect(client.call('TOPIC_CREATE', { topic: 'x'.repeat(100) }).code).toBeUndefined();
    const { code, info } = client.call('TOPIC_LIST', {});
    expect(code).toBe('TOO_MANY_REQUESTS');
    world.advance(info?.retryAfterMs as number);
    expect(client.call('PING', {}).code).toBeUndefined();
  });
});
