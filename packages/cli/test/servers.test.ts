import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-servers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('servers', () => {
  it('are a NameServer and a broker that find each other, with one line each when ready', async () => {
    const nameServer = new FakeIo();
    const nameServerEnded = run(['nameserver', '--listen', '127.0.0.1:0', '--json', '--log-level', 'error'], nameServer);
    await nameServer.stdout.has('\n');
    const [ready] = nameServer.objects;
    expect(ready).toMatchObject({ ready: true, endpoint: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/) });
    const env = {
      QANAT_NAMESERVER: String(ready?.endpoint),
      QANAT_DATA: join(folder, 'b1'),
      QANAT_LISTEN: '127.0.0.1:0',
      QANAT_NAME: 'b1',
      QANAT_CREATE_TOPICS: '1',
      QANAT_LOG_LEVEL: 'error',
    };
    const broker = new FakeIo({ env });
    const brokerEnded = run(['broker', '--json'], broker);
    await broker.stdout.has('\n');
    expect(broker.objects).toEqual([
      {
        ready: true,
        role: 'broker',
        name: 'b1',
        endpoint: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
        endpoints: [{ listener: 'default', scheme: 'qanat', address: broker.objects[0]?.endpoint }],
        data: env.QANAT_DATA,
        pid: process.pid,
      },
    ]);
    const sent = await qanat(['send', 'hello', 'x'], { env });
    expect(sent.err).toBe('');
    expect(sent.code).toBe(0);
    broker.signal('SIGTERM');
    expect(await brokerEnded).toBe(0);
    nameServer.signal('SIGINT');
    expect(await nameServerEnded).toBe(0);
    expect(broker.stdout.text.split('\n')).toHaveLength(2);
  });

  it('end in good order at once when they are stopped before they serve: a slave that waits for a master', async () => {
    const nameServer = new FakeIo();
    const nameServerEnded = run(['nameserver', '--listen', '127.0.0.1:0', '--data', join(folder, 'ns'), '--json'], nameServer);
    await nameServer.stdout.has('\n');
    const slave = new FakeIo({ env: { QANAT_NAMESERVER: String(nameServer.objects[0]?.endpoint) } });
    const argv = ['broker', '--name', 'a', '--replica', '1', '--slave', '--listen', '127.0.0.1:0', '--data', join(folder, 'a-1')];
    const ended = run(argv, slave);
    await slave.stderr.has('replication.waits');
    slave.signal('SIGTERM');
    expect(await ended).toBe(0);
    expect(slave.stdout.text).toBe('');
    expect(slave.stderr.text).not.toContain('error');
    nameServer.signal('SIGTERM');
    expect(await nameServerEnded).toBe(0);
  });

  it('live on at SIGHUP where they have a file of users to read again, TLS or not, and end where they have none', async () => {
    const users = join(folder, 'users.json');
    const added = await qanat(['user', 'add', 'ann', '--users', users, '--generate', '--role', 'admin']);
    expect(added.err).toBe('');
    for (const [options, reloads] of [
      [['--users', users], true],
      [[], false],
    ] as const) {
      const io = new FakeIo();
      const ended = run(['nameserver', '--listen', '127.0.0.1:0', '--json', '--log-level', 'error', ...options], io);
      await io.stdout.has('\n');
      expect(io.reloads).toBe(reloads);
      io.signal('SIGTERM');
      expect(await ended).toBe(0);
    }
  });

  it('listen at several addresses, given as a list in the file too, and say all of them', async () => {
    const config = join(folder, 'nameserver.yaml');
    writeFileSync(config, 'listen: [127.0.0.1:0, "lan=qanat://127.0.0.1:0"]\nlog-level: error\n');
    const io = new FakeIo();
    const ended = run(['nameserver', '--config', config], io);
    await io.stdout.has('\n');
    expect(io.stdout.text).toMatch(/^nameserver listens on 127\.0\.0\.1:\d+, lan=127\.0\.0\.1:\d+\n$/);
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('of dev tell what they are, what to try, and what was stored', async () => {
    const io = new FakeIo();
    const ended = run(['dev', '--data', join(folder, 'dev'), '--fresh'], io);
    await io.stdout.has('Ctrl-C stops it.\n');
    const endpoints = [...io.stdout.text.matchAll(/nameserver +\S+ +(\S+)/g)].map(([, endpoint]) => endpoint);
    expect(endpoints).toHaveLength(2);
    expect(io.stdout.text).toMatch(/broker +broker-a +127\.0\.0\.1:\d+ {2}ws:\/\/127\.0\.0\.1:\d+\n +broker +broker-b /);
    expect(io.stdout.text).toContain("npx qanat send hello 'hi there'");
    await qanat(['send', 'hello', 'x', '--nameserver', endpoints.join(',')]);
    const [webSocket] = /ws:\/\/127\.0\.0\.1:\d+/.exec(io.stdout.text) ?? [];
    const read = await qanat(['tail', 'hello', '-e', '--format', 'raw', '--nameserver', String(webSocket)]);
    expect(read.out).toBe('x\n');
    io.signal('SIGINT');
    expect(await ended).toBe(0);
    expect(io.stdout.text).toMatch(/stopped · up .* · 1 message stored in this run · 1 message in 3 topics kept\n$/);
  });

  it('of dev tell programs their addresses', async () => {
    const io = new FakeIo();
    const ended = run(['dev', '--data', join(folder, 'dev-json'), '--json'], io);
    await io.stdout.has('\n');
    const address = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    expect(io.objects[0]).toMatchObject({
      ready: true,
      endpoint: address,
      nameServers: [
        { name: 'ns-1', endpoint: address },
        { name: 'ns-2', endpoint: address },
      ],
      brokers: [
        { name: 'broker-a', endpoint: address },
        { name: 'broker-b', endpoint: address },
      ],
    });
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
    expect(io.objects).toHaveLength(1);
  });

  it('of dev do not delete a directory that is not theirs', async () => {
    const precious = join(folder, 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'thesis.txt'), '');
    const { code, err } = await qanat(['dev', '--fresh', '--data', precious]);
    expect(code).toBe(2);
    expect(err).toContain('thesis.txt');
  });

  it('are closed beyond loopback by default, which is wrong use [QNT-SEC-007]', async () => {
    const data = join(folder, 'closed');
    for (const argv of [['nameserver'], ['broker', '--data', data]]) {
      const { code, err } = await qanat([...argv, '--listen', '0.0.0.0:0', '--log-level', 'error']);
      expect(code).toBe(2);
      expect(err).toContain('a listener at 0.0.0.0:0 is closed by default');
      expect(err).toMatch(/hint: .*--tls-cert.*127\.0\.0\.1.*--insecure/);
    }
    const io = new FakeIo({ env: { QANAT_INSECURE: '1' } });
    const ended = run(['nameserver', '--listen', '0.0.0.0:0', '--json'], io);
    await io.stdout.has('\n');
    expect(io.stderr.text).toContain('listening beyond loopback');
    io.signal('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('that cannot listen say so', async () => {
    const { code, err } = await qanat(['nameserver', '--listen', 'nonsense', '--log-level', 'error']);
    expect(code).toBe(2);
    expect(err).toContain('nonsense');
  });
});
