// A NameServer and a broker with users, and clients of all kinds, over real sockets.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@qanat/client';
import type { ClientEvent, LogFields, LoginOptions, UserRecord } from '@qanat/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  keysOfPassword,
  type Logger,
  type RunningNode,
  readUsersFile,
  startBroker,
  startNameServer,
  writeUsersFile,
} from '../../src/index.ts';

let folder: string;
let users: string;
let lines: { readonly event: string; readonly fields: LogFields }[];
let nodes: RunningNode[];
let servers: string;

const setUsers = (...list: readonly UserRecord[]): void => writeUsersFile(users, { version: 1, secret: 'AAAA', users: list });
const logger: Logger = (level, event, fields = {}) => {
  if (level === 'warn' || level === 'error') lines.push({ event, fields });
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'qanat-secured-'));
  users = join(folder, 'users.json');
  lines = [];
  setUsers(
    { name: 'root', roles: ['admin'], scram: await keysOfPassword('root-secret') },
    { name: 'broker-a', roles: ['broker'], scram: await keysOfPassword('broker-secret') },
    { name: 'shop', roles: ['client'], permissions: ['write topic:orders'], scram: await keysOfPassword('shop-secret') },
    {
      name: 'billing',
      roles: ['client'],
      permissions: ['read topic:orders', 'read group:billing'],
      scram: await keysOfPassword('billing-secret'),
    },
  );
  const nameServer = await startNameServer({ listen: '127.0.0.1:0', users, logger, engine: { warmupMs: 0 } });
  nodes = [nameServer];
  servers = nameServer.endpoint;
  nodes.push(await startTheBroker({ user: 'broker-a', password: 'broker-secret' }));
});
afterEach(async () => {
  for (const node of nodes.reverse()) await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

const startTheBroker = (login: LoginOptions | undefined): Promise<RunningNode> =>
  startBroker({
    name: 'broker-a',
    listen: '127.0.0.1:0',
    data: join(folder, 'data'),
    nameServers: servers,
    users,
    login,
    logger,
  });

const as = (user: string, password = `${user}-secret`): ReturnType<typeof connect> =>
  connect(servers, { login: { user, password }, timeoutMs: 10_000 });

/** The next event that fits. */
async function nextEvent(events: AsyncIterable<ClientEvent>, fits: (event: ClientEvent) => boolean): Promise<ClientEvent> {
  for await (const event of events) if (fits(event)) return event;
  throw new Error('the events have ended');
}

describe('a cluster with users', () => {
  it('carries a message from who may write to who may read', async () => {
    await using root = await as('root');
    await root.admin.createTopic('orders', { queues: 1 });
    await using shop = await as('shop');
    await using billing = await as('billing');
    const producer = shop.producer();
    await producer.send('orders', { body: 'paid' });
    const got = await new Promise<string>((resolve) => {
      const consumer = billing.pushConsumer({ group: 'billing', topics: 'orders', from: 'first' });
      void consumer.run(({ body }) => resolve(Buffer.from(body).toString()));
    });
    expect(got).toBe('paid');
  });

  it('refuses a wrong password with AUTH_FAILED, and one line in the log', async () => {
    await expect(as('shop', 'wrong')).rejects.toMatchObject({ code: 'AUTH_FAILED', hint: expect.stringContaining('password') });
    expect(lines).toEqual([
      { event: 'login refused', fields: { remote: expect.stringMatching(/^127\.0\.0\.1:/), why: 'SCRAM failed for "shop"' } },
    ]);
  });

  it('refuses who does not say who he is with UNAUTHENTICATED', async () => {
    await expect(connect(servers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', hint: expect.stringContaining('user') });
  });

  it('refuses what nobody has permitted with FORBIDDEN, and one line in the log', async () => {
    await using shop = await as('shop');
    await using root = await as('root');
    await root.admin.createTopic('secret', { queues: 1 });
    await expect(shop.producer().send('secret', { body: 'x' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await root.admin.createTopic('orders', { queues: 1 });
    await expect(shop.admin.removeTopic('orders')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(lines).toEqual([
      { event: 'request refused', fields: expect.objectContaining({ why: '"shop" may not hear of topic "secret"' }) },
      { event: 'request refused', fields: expect.objectContaining({ why: '"shop" needs the role admin for TOPIC_REMOVE' }) },
    ]);
  });

  it('lets a client in again with its new rights, and ends those that were taken away [QNT-AUT-015]', async () => {
    await using shop = await as('shop');
    const producer = shop.producer();
    await using root = await as('root');
    await root.admin.createTopic('orders', { queues: 1 });
    await producer.send('orders', { body: '1' });
    const file = readUsersFile(users);
    const gone = nextEvent(shop.events(), (event) => event.kind === 'disconnected' && event.peer === 'broker-a');
    setUsers(...file.users.map((user) => (user.name === 'shop' ? { ...user, permissions: ['write topic:other'] } : user)));
    expect(await gone).toMatchObject({ error: { message: expect.stringContaining('has changed') } });
    await expect(producer.send('orders', { body: '2' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const failed = nextEvent(shop.events(), (event) => event.kind === 'error' && event.error.code === 'AUTH_FAILED');
    setUsers(...file.users.filter(({ name }) => name !== 'shop'));
    await failed;
    await expect(producer.send('orders', { body: '3' }, { timeoutMs: 3_000 })).rejects.toMatchObject({ code: 'AUTH_FAILED' });
  });

  it('does not take a broker that cannot say who it is', async () => {
    const [, broker] = nodes;
    await broker?.stop();
    nodes.pop();
    nodes.push(await startTheBroker({ user: 'broker-a', password: 'stolen' }));
    await using root = await as('root');
    expect(await root.admin.listTopics()).toEqual([]);
    const refused = lines.filter(({ event }) => event === 'login refused');
    expect(refused[0]?.fields).toMatchObject({ why: 'SCRAM failed for "broker-a"' });
  });

  it('says at once that its credentials file is broken', async () => {
    writeFileSync(users, '{}');
    await expect(startNameServer({ listen: '127.0.0.1:0', users, logger })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });
});
