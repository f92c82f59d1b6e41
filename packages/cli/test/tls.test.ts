import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/index.ts';
import { FakeIo, type Finished, qanat } from './fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'qanat-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let folders = 0;
const newDir = (): string => join(folder, `tls-${++folders}`);
const tls = (dir: string, ...argv: string[]): Promise<Finished> => qanat(['tls', ...argv, '--dir', dir]);
const certificateOf = (...path: string[]): X509Certificate => new X509Certificate(readFileSync(join(...path)));

describe('qanat tls', () => {
  it('init makes a CA, a certificate for this machine and --host, clients, and says what to do next', async () => {
    const dir = newDir();
    const { code, out, err } = await tls(dir, 'init', '--host', 'broker-1.example,10.9.8.7', '--client', 'alice', '--days', '30');
    expect(err).toBe('');
    expect(code).toBe(0);
    const names = ['ca', 'client-alice', 'server'].flatMap((name) => [`${name}-key.pem`, `${name}.pem`]);
    expect(readdirSync(dir).sort()).toEqual(names.sort());
    for (const name of names) {
      expect(statSync(join(dir, name)).mode & 0o777).toBe(name.endsWith('-key.pem') ? 0o600 : 0o644);
      expect(out).toContain(`made  ${join(dir, name)}`);
    }
    const ca = certificateOf(dir, 'ca.pem');
    expect(ca.ca).toBe(true);
    const server = certificateOf(dir, 'server.pem');
    for (const host of ['localhost', 'broker-1.example']) expect(server.checkHost(host)).toBe(host);
    for (const address of ['127.0.0.1', '::1', '10.9.8.7']) expect(server.checkIP(address)).toBeDefined();
    expect(server.publicKey.asymmetricKeyType).toBe('ec');
    expect(server.verify(ca.publicKey)).toBe(true);
    const days = (Date.parse(server.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29);
    expect(days).toBeLessThan(31);
    expect(certificateOf(dir, 'client-alice.pem').subject).toBe('CN=alice');
    expect(out).toMatch(/next:\n {2}qanat nameserver --listen qanats:\/\/127\.0\.0\.1:7600 --tls-ca \S+ca\.pem/);
  });

  it('init again keeps what is there and adds what is missing; --force makes all of it anew', async () => {
    const dir = newDir();
    await tls(dir, 'init');
    const before = certificateOf(dir, 'server.pem').fingerprint;
    const again = await tls(dir, 'init', '--client', 'bob', '--json');
    expect(again.io.objects).toHaveLength(1);
    expect(again.io.objects[0]).toMatchObject({
      dir,
      files: [
        { what: 'ca', made: false },
        { what: 'server', made: false, hosts: expect.arrayContaining(['localhost', '127.0.0.1', '::1']) },
        { what: 'client', name: 'bob', made: true, cert: join(dir, 'client-bob.pem') },
      ],
    });
    expect(certificateOf(dir, 'server.pem').fingerprint).toBe(before);
    const ca = certificateOf(dir, 'ca.pem').fingerprint;
    await tls(dir, 'init', '--force');
    expect(certificateOf(dir, 'ca.pem').fingerprint).not.toBe(ca);
  });

  it('server and client renew with --force under the same CA, and change nothing without', async () => {
    const dir = newDir();
    await tls(dir, 'init', '--client', 'alice');
    const ca = certificateOf(dir, 'ca.pem');
    for (const [file, argv] of [
      ['server.pem', ['server', '--host', 'new.example']],
      ['client-alice.pem', ['client', 'alice']],
    ] as const) {
      const before = certificateOf(dir, file).fingerprint;
      const kept = await tls(dir, ...argv);
      expect(kept.out).toContain('--force replaces what was kept');
      expect(certificateOf(dir, file).fingerprint).toBe(before);
      expect((await tls(dir, ...argv, '--force')).code).toBe(0);
      const renewed = certificateOf(dir, file);
      expect(renewed.fingerprint).not.toBe(before);
      expect(renewed.verify(ca.publicKey)).toBe(true);
    }
    expect(certificateOf(dir, 'server.pem').checkHost('new.example')).toBe('new.example');
  });

  it.each([
    [['client', 'alice'], /has no CA/, 'qanat tls init'],
    [['init', '--host', 'not a host'], /"not a host" is no host name/, '--host'],
    [['init', '--client', '../evil'], /"\.\.\/evil" is no name of a client/, ''],
    [['init', '--client', 'a-key'], /"a-key" is no name of a client/, ''],
    [['init', '--days', '0'], /A number from 1 to 3650/, ''],
  ])('%j is refused', async (argv, message, hint) => {
    const dir = newDir();
    const { code, err } = await tls(dir, ...argv);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).toContain(hint);
    expect((await tls(dir, 'init')).code).toBe(0);
  });

  it('makes no second half of a pair whose key is kept elsewhere', async () => {
    const dir = newDir();
    await tls(dir, 'init');
    const before = certificateOf(dir, 'ca.pem').fingerprint;
    rmSync(join(dir, 'ca-key.pem'));
    const { code, err } = await tls(dir, 'init', '--client', 'alice');
    expect(code).toBe(2);
    expect(err).toMatch(/ca\.pem is there, and .*ca-key\.pem is not/);
    expect(certificateOf(dir, 'ca.pem').fingerprint).toBe(before);
  });
});

describe('a cluster over TLS with certificates of clients', () => {
  const dir = newDir();
  const ca = ['--tls-ca', join(dir, 'ca.pem')];
  const shown = (name: string): string[] => [
    ...ca,
    '--tls-cert',
    join(dir, `${name}.pem`),
    '--tls-key',
    join(dir, `${name}-key.pem`),
  ];
  const START = ['--tls-client-certs', 'required', '--json', '--log-format', 'json', '--listen', 'qanats://127.0.0.1:0'];

  interface Server {
    readonly io: FakeIo;
    readonly ended: Promise<number>;
    readonly endpoint: string;
  }
  async function start(...argv: string[]): Promise<Server> {
    const io = new FakeIo();
    const ended = run(argv, io);
    await io.stdout.has('\n');
    return { io, ended, endpoint: String(io.objects[0]?.endpoint) };
  }

  it('is spoken with by whoever is known, tells others why not, and takes new certificates at SIGHUP', async () => {
    await tls(dir, 'init', '--client', 'alice');
    const nameServer = await start('nameserver', ...START, ...shown('server'));
    expect(nameServer.endpoint).toMatch(/^qanats:\/\/127\.0\.0\.1:\d+$/);
    const at = ['--nameserver', nameServer.endpoint];
    const data = join(folder, 'broker');
    const broker = await start('broker', ...START, ...at, ...shown('server'), '--data', data, '--create-topics');

    const sent = await qanat(['send', 'orders', 'hello', ...at, ...shown('client-alice')]);
    expect(sent.err).toBe('');
    expect(sent.code).toBe(0);
    const read = await qanat(['tail', 'orders', '-e', '--format', 'raw', ...at, ...shown('client-alice')]);
    expect(read.out).toBe('hello\n');

    const nobody = await qanat(['topic', 'ls', ...at, ...ca]);
    expect(nobody.code).toBe(5);
    expect(nobody.err).toMatch(/the server wants a certificate of this client/);
    expect(nobody.err).toContain('hint: show one: --tls-cert, --tls-key');
    await nameServer.io.stderr.has('it showed no certificate');

    const other = newDir();
    await tls(other, 'init');
    const distrustful = await qanat(['topic', 'ls', ...at, '--tls-ca', join(other, 'ca.pem')]);
    expect(distrustful.code).toBe(5);
    expect(distrustful.err).toMatch(/\(TLS_FAILED\)\nhint: name the CA certificate of the cluster: --tls-ca/);

    // While one CA takes the place of another both are trusted.
    const both = join(folder, 'both.pem');
    writeFileSync(both, readFileSync(join(other, 'ca.pem'), 'utf8') + readFileSync(join(dir, 'ca.pem'), 'utf8'));
    const trusting = await qanat(['topic', 'ls', ...at, ...shown('client-alice'), '--tls-ca', both]);
    expect(trusting.out).toContain('orders');

    const plain = await qanat([
      'topic',
      'ls',
      '--nameserver',
      nameServer.endpoint.replace('qanats://', ''),
      '--timeout',
      '500ms',
    ]);
    expect(plain.code).toBe(5);
    expect(plain.err).toContain('hint: does this port speak TLS? then use qanats://');
    await nameServer.io.stderr.has('it does not speak TLS');

    await tls(dir, 'server', '--force');
    nameServer.io.reload();
    await nameServer.io.stderr.has('"event":"tls.renewed"');
    expect((await qanat(['topic', 'ls', ...at, ...shown('client-alice')])).out).toContain('orders');

    for (const { io, ended } of [broker, nameServer]) {
      io.signal('SIGTERM');
      expect(await ended).toBe(0);
      expect(io.stderr.text).not.toContain('PRIVATE KEY');
    }
  });

  it('needs a certificate, which is told with how to make it', async () => {
    const { code, err } = await qanat(['nameserver', '--listen', 'qanats://127.0.0.1:0', '--log-level', 'error']);
    expect(code).toBe(2);
    expect(err).toMatch(/cannot listen with TLS .*: there is no certificate/);
    expect(err).toContain('qanat tls init');
  });
});
