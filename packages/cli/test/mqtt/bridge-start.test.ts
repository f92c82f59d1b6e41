// A bridge whose cluster is not as it should be: it says so, and can be stopped all the same.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/index.ts';
import { FakeIo, qanat } from '../fake-io.ts';
import { Served } from './bridge-world.ts';

const ANY_PORT = ['--listen', '127.0.0.1:0'];

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qanat-start-'));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function served(...argv: string[]): Promise<Served> {
  const one = await Served.start(argv);
  stops.push(() => one.stop());
  return one;
}

/** A bridge that has not told yet that it is ready. */
function starting(...argv: string[]): { readonly io: FakeIo; readonly ended: Promise<number> } {
  const io = new FakeIo();
  return { io, ended: run(['bridge', 'mqtt', '--listen', 'mqtt://127.0.0.1:0', ...argv], io) };
}

describe('qanat bridge mqtt', () => {
  it('ends in good order where it is stopped while no NameServer answers', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    stops.push(() => silent.close());
    const asked = once(silent, 'connection');
    const { io, ended } = starting('--nameserver', `127.0.0.1:${(silent.address() as AddressInfo).port}`);
    const [socket] = await asked;
    stops.push(() => socket.destroy());
    io.signal('SIGTERM');
    expect([await ended, io.stderr.text]).toEqual([0, '']);
  });

  it('ends in good order where it is stopped while it waits for brokers, and tells the same trouble once', async () => {
    const nameServer = await served('nameserver', ...ANY_PORT);
    const at = ['--nameserver', String(nameServer.ready.endpoint)];
    const start = (name: string): Promise<Served> =>
      Served.start(['broker', '--name', name, '--data', newFolder(), ...at, ...ANY_PORT]);
    const [here, away] = [await start('a'), await start('b')];
    stops.push(() => here.stop());
    for (const topic of ['mqtt', 'mqtt-state']) await qanat(['topic', 'create', topic, ...at]);
    await away.stop();
    const { io, ended } = starting('--log-level', 'warn', '--log-format', 'json', ...at);
    await io.stderr.has('mqtt-cluster-trouble');
    io.signal('SIGINT');
    expect(await ended).toBe(0);
    const lines = io.stderr.text.trim().split('\n');
    expect(new Set(lines.map((line) => JSON.parse(line).error)).size).toBe(lines.length);
  });

  it('ends with the right that its user lacks', async () => {
    const folder = newFolder();
    const users = join(folder, 'users.json');
    const passwords: Record<string, string> = {};
    for (const [name, ...rights] of [
      ['a', '--role', 'broker'],
      ['plant', '--allow', 'write topic:telemetry'],
    ] as const) {
      passwords[name] = join(folder, `${name}.txt`);
      writeFileSync(passwords[name] as string, `password of ${name}`);
      expect(
        (await qanat(['user', 'add', name, '--users', users, '--password-file', passwords[name] as string, ...rights])).err,
      ).toBe('');
    }
    const as = (name: string): string[] => ['--user', name, '--password-from', passwords[name] as string];
    const nameServer = await served('nameserver', '--users', users, ...ANY_PORT);
    const at = ['--nameserver', String(nameServer.ready.endpoint)];
    await served('broker', '--name', 'a', '--data', join(folder, 'data'), '--users', users, ...as('a'), ...at, ...ANY_PORT);
    const { io, ended } = starting(...as('plant'), ...at);
    expect(await ended).toBe(1);
    expect(io.stderr.text).toMatch(/^error: a: "plant" may not create topic "mqtt(-state)?" \(FORBIDDEN\)\nhint: /m);
  });
});
