import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, startDevCluster } from '@qanat/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-log-'));
const store = join(folder, 'broker-a');
const quiet = () => () => {};
let segment = '';
let whole: Buffer;

const json = async (...argv: string[]) => JSON.parse((await qanat(['log', ...argv, '-o', 'json'])).out);

beforeAll(async () => {
  const cluster = await startDevCluster({ data: folder, nameServers: 1, brokers: 1, logger: quiet });
  const env = { QANAT_NAMESERVER: cluster.nameServers[0]?.endpoint ?? '' };
  for (let i = 0; i < 4; i++) expect((await qanat(['send', 'orders', `order ${i}`, '--key', 'k'], { env })).code).toBe(0);
  expect((await qanat(['log', 'verify', store])).code).toBe(0);
  const locked = await qanat(['log', 'repair', store, '--truncate-at', '0', '--accept-loss']);
  expect(locked.code).toBe(1);
  expect(locked.err).toContain('uses the store');
  await cluster.stop();
  segment = join(store, 'log', readdirSync(join(store, 'log')).find((name) => name.endsWith('.seg')) ?? '');
  whole = readFileSync(segment);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('log inspect', () => {
  it('shows files, snapshots and queues', async () => {
    const { code, out } = await qanat(['log', 'inspect', store]);
    expect(code).toBe(0);
    expect(out).toMatch(/^store [0-9a-f]{32}, term 1, log from position 0 to \d+/);
    expect(out).toMatch(/log\/0{20}\.seg +0 +\d+ +\d+ +0 +open/);
    expect(out).toMatch(/snap\/\d{20}\.snap +\d+ +whole +1 +1/);
    expect(out).toMatch(/orders +\d +0 +4 +4 +4/);
    expect(await json('inspect', store)).toMatchObject({ begin: 0, damage: null });
    expect(JSON.parse((await qanat(['log', 'inspect', store, '--json'])).out).queues).toHaveLength(1);
  });

  it('lists entries from a position on', async () => {
    const entries = await json('inspect', store, '--entries', '0', '--count', '2');
    expect(entries).toHaveLength(2);
    expect(entries[0]).toMatchObject({ position: 0, kind: 'state', record: 'termStarted' });
    const { out } = await qanat(['log', 'inspect', store, '--entries', '0']);
    expect(out).toMatch(/topic id 1, queue \d, offsets 0 to 0, stored 20\d\d-/);
  });

  it('says when there is no log', async () => {
    for (const words of [
      ['inspect', folder],
      ['verify', join(folder, 'none')],
      ['repair', folder, '--truncate-at', '0', '--accept-loss'],
    ]) {
      const { code, err } = await qanat(['log', ...words]);
      expect(code).toBe(1);
      expect(err).toMatch(/there is no log in|cannot read the store/);
    }
    expect(existsSync(join(folder, 'LOCK'))).toBe(false);
  });
});

describe('log verify and log repair', () => {
  it('pass what is whole; there is nothing to repair', async () => {
    const verified = await qanat(['log', 'verify', store]);
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(verified.out).toMatch(/^\d+ entries with 4 messages, positions 0 to \d+\nwhole\n$/);
    const repaired = await qanat(['log', 'repair', store, '--truncate-at', '0', '--accept-loss']);
    expect(repaired.code).toBe(2);
    expect(repaired.err).toContain('there is nothing to repair');
    expect(readFileSync(segment).equals(whole)).toBe(true);
  });

  it('name the exact place of a flipped bit, refuse to guess, cut there, and the broker starts with what is before', async () => {
    const batches = (await json('inspect', store, '--entries', '0', '--count', '1000')).filter(
      ({ kind }: { kind: string }) => kind === 'batch',
    );
    const { position } = batches[2];
    const bad = Buffer.from(whole);
    bad[64 + position + 100] = (bad[64 + position + 100] ?? 0) ^ 4;
    writeFileSync(segment, bad);

    const verified = await qanat(['log', 'verify', store]);
    expect(verified.code).toBe(1);
    expect(verified.out).toContain(
      `DAMAGED at position ${position}: log/00000000000000000000.seg, byte ${64 + position}: a checksum`,
    );
    expect(verified.out).toContain(`qanat log repair DIR --truncate-at ${position} --accept-loss`);
    const start = startBroker({ name: 'broker-a', listen: '127.0.0.1:0', data: store, nameServers: [], logger: () => {} });
    await expect(start).rejects.toMatchObject({
      code: 'CORRUPT_LOG',
      message: expect.stringContaining(`position ${position} (byte ${64 + position}`),
    });
    expect(readFileSync(segment).equals(bad)).toBe(true);

    const careful = await qanat(['log', 'repair', store, '--truncate-at', String(position)]);
    expect(careful.code).toBe(2);
    expect(careful.err).toContain('--accept-loss');
    const elsewhere = await qanat(['log', 'repair', store, '--truncate-at', '1', '--accept-loss']);
    expect(elsewhere.err).toContain(`the first damage is at position ${position}, not 1`);
    expect(readFileSync(segment).equals(bad)).toBe(true);

    const repaired = await qanat(['log', 'repair', store, '--truncate-at', String(position), '--accept-loss']);
    expect(repaired).toMatchObject({ code: 0, err: '' });
    const copy = join(store, 'cut', String(position).padStart(20, '0'), 'log', '00000000000000000000.seg');
    expect(readFileSync(copy).equals(bad.subarray(64 + position))).toBe(true);
    expect((await qanat(['log', 'verify', store])).code).toBe(0);
    const broker = await startBroker({ name: 'broker-a', listen: '127.0.0.1:0', data: store, nameServers: [], logger: () => {} });
    await broker.stop();
    expect((await json('inspect', store)).queues).toMatchObject([{ topic: 'orders', oldest: 0, next: 2, messages: 2 }]);
  });
});
