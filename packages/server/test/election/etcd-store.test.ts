import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConsensusPut, utf8 } from '@qanat/core';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ETCD_TIMEOUT_MS } from '../../src/election/etcd-settings.ts';
import { EtcdStore } from '../../src/index.ts';
import { ask, askUntilAnswered, EtcdCluster, hasEtcd, killMember, type Member, PATIENT_MS, readyStore } from './etcd-process.ts';

const PREFIX = '/qanat/test/g/a/';
const get = { op: 'get', prefix: PREFIX } as const;
const put = (name: string, text: string, lease?: string): ConsensusPut => ({
  key: `${PREFIX}${name}`,
  value: utf8(text),
  ...(lease === undefined ? {} : { lease }),
});
const absent = (name: string) => ({ key: `${PREFIX}${name}`, is: 'absent' }) as const;
const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

/** The holder of a lease as a process: whatever language it is written in, it is killed the same way. */
const HOLDER = `
  const [url, key] = process.argv.slice(1);
  const post = (path, body) => fetch(url + path, { method: 'POST', body: JSON.stringify(body) }).then((r) => r.json());
  const { ID } = await post('/v3/lease/grant', { TTL: '2' });
  await post('/v3/kv/put', { key: Buffer.from(key).toString('base64'), value: 'eA==', lease: ID });
  console.log('held');
  for (;;) {
    await post('/v3/lease/keepalive', { ID });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }`;

const folder = mkdtempSync(join(tmpdir(), 'qanat-etcd-tls-'));
afterAll(async () => {
  await EtcdCluster.endAll();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!hasEtcd)('one etcd (skipped where etcd is not installed)', () => {
  let cluster: EtcdCluster;
  let store: EtcdStore;
  beforeAll(async () => {
    cluster = await EtcdCluster.start();
    store = await readyStore(cluster);
  });
  afterAll(() => store?.close());

  it('lets one of many win a race for a key, and tells the others that they lost', async () => {
    const stores = Array.from({ length: 5 }, () => new EtcdStore({ endpoints: cluster.endpoints, timeoutMs: PATIENT_MS }));
    const race = { op: 'cas', compares: [absent('race')] } as const;
    const results = await Promise.all(stores.map((one, i) => ask(one, { ...race, puts: [put('race', `${i}`)] })));
    expect(results.filter(({ succeeded }) => succeeded)).toHaveLength(1);
    const winner = results.findIndex(({ succeeded }) => succeeded);
    const { entries, revision } = await ask(store, get);
    const entry = entries.find(({ key }) => key.endsWith('race'));
    expect(textOf(entry?.value)).toBe(String(winner));
    expect(entry).toMatchObject({ modRevision: revision, lease: undefined });
    for (const one of stores) one.close();
  });

  it('compares the revision that wrote a key, and its value, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await ask(store, { op: 'cas', compares: [], puts: [{ key: `${PREFIX}bytes`, value: bytes }] });
    const entryNow = async () => (await ask(store, get)).entries.find(({ key }) => key.endsWith('bytes'));
    const entry = await entryNow();
    expect(entry?.value).toEqual(bytes);
    const key = `${PREFIX}bytes`;
    const swap = async (compare: object) =>
      (await ask(store, { op: 'cas', compares: [{ key, ...compare } as never], puts: [put('bytes', 'next')] })).succeeded;
    expect(await swap({ is: 'unchanged', modRevision: (entry?.modRevision ?? 0) - 1 })).toBe(false);
    expect(await swap({ is: 'equal', value: bytes.subarray(1) })).toBe(false);
    expect(await swap({ is: 'absent' })).toBe(false);
    expect(await swap({ is: 'unchanged', modRevision: entry?.modRevision })).toBe(true);
    expect(await swap({ is: 'equal', value: utf8('next') })).toBe(true);
  });

  it('says of a lease that has ended that it is not alive, and writes nothing by it', async () => {
    const { lease, ttlMs } = await ask(store, { op: 'grant', ttlMs: 4_001 });
    expect(ttlMs).toBe(5_000);
    const leased = { op: 'cas', compares: [], puts: [put('leased', 'x', lease)] } as const;
    expect(await ask(store, leased)).toMatchObject({ succeeded: true });
    expect((await ask(store, get)).entries.find(({ key }) => key.endsWith('leased'))?.lease).toBe(lease);
    expect(await ask(store, { op: 'keepAlive', lease })).toEqual({ alive: true });
    await ask(store, { op: 'revoke', lease });
    await ask(store, { op: 'revoke', lease });
    expect((await ask(store, get)).entries.some(({ key }) => key.endsWith('leased'))).toBe(false);
    expect(await ask(store, { op: 'keepAlive', lease })).toEqual({ alive: false });
    expect(await ask(store, leased)).toMatchObject({ succeeded: false });
  });

  it('ends a watch by a change, by one that came before it, and by its time', async () => {
    const { revision } = await ask(store, get);
    const beganMs = performance.now();
    const watch = { op: 'watch', prefix: PREFIX, revision, waitMs: 20_000 } as const;
    const [, changed] = await Promise.all([ask(store, watch), ask(store, { op: 'cas', compares: [], puts: [put('seen', 'x')] })]);
    expect(changed.succeeded).toBe(true);
    await ask(store, watch);
    expect(performance.now() - beganMs).toBeLessThan(15_000);
    await ask(store, { ...watch, revision: changed.revision, waitMs: 100 });
  });

  it('takes the key of a holder away within its lease when the process is killed', async () => {
    const key = `${PREFIX}held`;
    const args = ['--input-type=module', '-e', HOLDER, cluster.endpoints[0] as string, key];
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const isHeld = async (): Promise<number | undefined> => {
      const { entries, revision } = await ask(store, get);
      return entries.some((entry) => entry.key === key) ? revision : undefined;
    };
    expect(await isHeld()).toBeDefined();
    holder.kill('SIGKILL');
    const killedMs = performance.now();
    for (let revision = await isHeld(); revision !== undefined; revision = await isHeld())
      await ask(store, { op: 'watch', prefix: PREFIX, revision, waitMs: 2_000 });
    expect(performance.now() - killedMs).toBeLessThan(10_000);
  });

  it('is away while its process is, and has everything when it is back', async () => {
    await ask(store, { op: 'cas', compares: [], puts: [put('kept', 'yes')] });
    const [member] = cluster.members as [Member];
    await killMember(member);
    const swap = { op: 'cas', compares: [], puts: [put('kept', 'no')] } as const;
    // The kept connection is found dead, which tells nothing of the request; then nobody listens.
    await expect(ask(store, swap)).rejects.toMatchObject({ retryable: true });
    await expect(ask(store, swap)).rejects.toMatchObject({ code: 'CONNECTION_FAILED', outcome: 'not-sent' });
    await expect(ask(store, get)).rejects.toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.stringContaining('etcdctl') });
    cluster.startMember(member);
    const { entries } = await askUntilAnswered(store, get);
    expect(textOf(entries.find(({ key }) => key.endsWith('kept'))?.value)).toBe('yes');
  });
});

describe.skipIf(!hasEtcd)('an etcd that asks who its clients are (skipped where etcd is not installed)', () => {
  it('serves a user with a right, tells the others why not, and may forget its tokens', async () => {
    const cluster = await EtcdCluster.start({ args: ['--bcrypt-cost', '4'] });
    const open = await readyStore(cluster);
    const [member] = cluster.members as [Member];
    for (const [name, range] of [
      ['root', '/'],
      ['qanat', '/qanat/'],
      ['other', '/other/'],
    ] as const) {
      await cluster.post(member, 'auth/user/add', { name, password: `${name}-password` });
      await cluster.post(member, 'auth/role/add', { name });
      const [key, end] = [range, `${range.slice(0, -1)}0`].map((text) => Buffer.from(text).toString('base64'));
      await cluster.post(member, 'auth/role/grant', { name, perm: { permType: 'READWRITE', key, range_end: end } });
      await cluster.post(member, 'auth/user/grant', { user: name, role: name });
    }
    await cluster.post(member, 'auth/enable', {});
    const storeOf = (user: string, password = `${user}-password`): EtcdStore =>
      new EtcdStore({ endpoints: cluster.endpoints, login: { user, password }, timeoutMs: PATIENT_MS });
    await expect(ask(open, get)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(ask(storeOf('qanat', 'wrong'), get)).rejects.toMatchObject({ code: 'AUTH_FAILED' });
    await expect(ask(storeOf('other'), get)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('grant-permission'),
    });
    const store = storeOf('qanat');
    const swap = { op: 'cas', compares: [], puts: [put('mine', 'x')] } as const;
    expect(await ask(store, swap)).toMatchObject({ succeeded: true });
    await killMember(member);
    cluster.startMember(member);
    await askUntilAnswered(store, get);
    expect(await ask(store, swap)).toMatchObject({ succeeded: true });
  });
});

describe.skipIf(!hasEtcd)('an etcd with TLS (skipped where etcd is not installed)', () => {
  it('serves who shows a certificate of its authority, and tells the others why not', async () => {
    const { ca, cert, key } = await certificates();
    const args = ['--client-cert-auth', '--trusted-ca-file', ca, '--cert-file', cert, '--key-file', key];
    const cluster = await EtcdCluster.start({ scheme: 'https', args });
    const store = await readyStore(cluster, { tls: { ca, cert, key } });
    expect(await ask(store, { op: 'cas', compares: [], puts: [put('safe', 'x')] })).toMatchObject({ succeeded: true });
    await ask(store, { op: 'watch', prefix: PREFIX, revision: 0, waitMs: 20_000 });
    for (const tls of [{ ca }, { cert, key }]) {
      const other = new EtcdStore({ endpoints: cluster.endpoints, tls, timeoutMs: PATIENT_MS });
      await expect(ask(other, get)).rejects.toMatchObject({ code: 'TLS_FAILED', hint: expect.stringContaining('CA') });
    }
  });
});

/** One certificate for both sides: the gateway of etcd is a client of its own server. */
async function certificates(): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const ec = { keyType: 'ec', algorithm: 'sha256' } as const;
  const authority = await generate([{ name: 'commonName', value: 'test CA' }], {
    ...ec,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: 'etcd' }], {
    ...ec,
    ca: { cert: authority.cert, key: authority.private },
    extensions: [
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  });
  const write = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  return { ca: write('ca.pem', authority.cert), cert: write('cert.pem', leaf.cert), key: write('key.pem', leaf.private) };
}

describe.skipIf(!hasEtcd)('three etcds (skipped where etcd is not installed)', () => {
  it('go on without their leader, and lose nothing', async () => {
    const cluster = await EtcdCluster.start({ size: 3 });
    const store = await readyStore(cluster, { timeoutMs: ETCD_TIMEOUT_MS });
    await askUntilAnswered(store, { op: 'cas', compares: [absent('kept')], puts: [put('kept', 'yes')] });
    const { lease } = await askUntilAnswered(store, { op: 'grant', ttlMs: 60_000 });
    const statuses = await Promise.all(cluster.members.map((member) => cluster.post(member, 'maintenance/status', {})));
    const isLeader = ({ leader, header }: { leader?: string; header?: { member_id: string } }): boolean =>
      leader === header?.member_id;
    await killMember(cluster.members[statuses.findIndex(isLeader)] as Member);
    const { entries } = await askUntilAnswered(store, get);
    expect(textOf(entries.find(({ key }) => key.endsWith('kept'))?.value)).toBe('yes');
    const swap = { op: 'cas', compares: [], puts: [put('after', 'x', lease)] } as const;
    expect(await askUntilAnswered(store, swap)).toMatchObject({ succeeded: true });
    expect(await askUntilAnswered(store, { op: 'keepAlive', lease })).toEqual({ alive: true });
    store.close();
  });
});
