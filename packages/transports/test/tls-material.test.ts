import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type Listener, QanatError } from '@qanat/core';
import { Recorder } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { TlsMaterial } from '@qanat/transports/tls';
import { generate } from 'selfsigned';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { TLS_FILES_POLL_MS } from '../src/tls/tls-material.ts';
import { type Pair, TestCa } from './certificates.ts';

const ca = await TestCa.make();
afterAll(() => ca.remove());
afterEach(() => {
  vi.useRealTimers();
});
let made = 0;
/** Files of their own, with a certificate for `name`. */
const filesOf = (name: string): Promise<Pair> => ca.files(`${name}-${++made}`, { names: [name] });

async function replace(files: Pair, name: string): Promise<void> {
  const { cert, key } = await ca.issue(name);
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
}

const commonNameOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string);
      socket.destroy();
    });
    socket.once('error', reject);
  });

describe('the files of TLS', () => {
  const secret = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';

  it.each([
    [
      'a CA that is missing',
      async () => ({ ca: '/nowhere/ca.pem' }),
      /cannot read the TLS CA certificate \/nowhere\/ca\.pem: ENOENT/,
    ],
    ['a CA below a file', async () => ({ ca: join(ca.ca, 'ca.pem') }), /cannot read the TLS CA certificate .*: ENOTDIR/],
    ['a CA that is none', async () => ({ ca: ca.write('text.pem', 'text') }), /CA certificate .*text\.pem is no certificate/],
    ['a certificate without a key', async () => ({ cert: (await filesOf('a')).cert }), /goes with its key, and .* is alone/],
    ['a key without a certificate', async () => ({ key: (await filesOf('a')).key }), /goes with its key, and .* is alone/],
    [
      'a certificate that is none',
      async () => ({ ...(await filesOf('a')), cert: ca.write('bad.pem', secret) }),
      /TLS certificate .*bad\.pem is no certificate in PEM/,
    ],
    [
      'a key that is none',
      async () => ({ ...(await filesOf('a')), key: ca.write('secret.pem', secret) }),
      /TLS key .*secret\.pem is no private key/,
    ],
    [
      'a key that is too short',
      async () => {
        const options = { keyType: 'rsa', keySize: 512, algorithm: 'sha256' } as const;
        const { cert, private: key } = await generate([{ name: 'commonName', value: 'weak' }], options);
        return ca.writePair('weak', { cert, key });
      },
      /of no use: ee key too small/,
    ],
    [
      'a key of another certificate',
      async () => ({ cert: (await filesOf('a')).cert, key: (await filesOf('b')).key }),
      /is not that of the certificate/,
    ],
  ])('are refused: %s', async (_, files, message) => {
    const given = await files();
    const load = (): unknown => new TlsMaterial(given);
    expect(load).toThrow(QanatError);
    expect(load).toThrow(expect.objectContaining({ code: 'BAD_CONFIG', message: expect.stringMatching(message) }) as Error);
    try {
      load();
    } catch (error) {
      expect(JSON.stringify([error, (error as Error).message, String((error as Error).cause)])).not.toContain('c2VjcmV0');
    }
  });
});

describe('files of TLS that are replaced', () => {
  async function listening(name: string) {
    const files = await filesOf(name);
    const renewed: unknown[] = [];
    const broken: QanatError[] = [];
    const material = new TlsMaterial(files, {
      onRenewed: (until) => renewed.push(until),
      onBroken: (error) => broken.push(error),
    });
    const accepted: Recorder[] = [];
    const listener = await new Promise<Listener>((resolve, reject) => {
      tcpTransport({ tls: { material } }).listen(
        '127.0.0.1:0',
        (connection) => {
          const recorder = new Recorder();
          recorder.attach(connection);
          accepted.push(recorder);
          return recorder;
        },
        (error, done) => (done === undefined ? reject(error) : resolve(done)),
      );
    });
    const port = Number(listener.address.split(':')[1]);
    return { files, material, renewed, broken, accepted, listener, port };
  }

  it('are what new handshakes use, while connections that are open stay (TLS_FILES_POLL_MS)', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const server = await listening('before');
    const client = new Recorder();
    const trusting = new TlsMaterial({ ca: ca.ca });
    client.attach(tcpTransport({ tls: { material: trusting } }).dial(server.listener.address, client));
    expect(await commonNameOf(server.port)).toMatch(/^before/);
    await replace(server.files, 'after');
    expect(await commonNameOf(server.port)).toMatch(/^before/);
    vi.advanceTimersByTime(TLS_FILES_POLL_MS);
    expect(await commonNameOf(server.port)).toBe('after');
    expect(server.renewed).toEqual([expect.stringContaining('GMT')]);
    expect(client.closes).toEqual([]);
    client.close();
    server.listener.close(() => undefined);
    // What looks after connections ends when the last one has gone, a moment later.
    await expect.poll(() => vi.getTimerCount()).toBe(0);
  });

  it('change nothing while they are broken or belong to two pairs; this is told once', async () => {
    const { files, material, renewed, broken, listener, port } = await listening('kept');
    writeFileSync(files.key, (await ca.issue('other')).key);
    material.look();
    expect(broken).toEqual([]);
    for (let i = 0; i < 3; i++) material.look();
    expect(broken).toMatchObject([{ code: 'BAD_CONFIG', message: expect.stringContaining('is not that of the certificate') }]);
    rmSync(files.cert);
    for (let i = 0; i < 3; i++) material.look();
    expect(broken.map(({ message }) => message)).toEqual([expect.anything(), expect.stringContaining('ENOENT')]);
    expect(await commonNameOf(port)).toMatch(/^kept/);
    await replace(files, 'whole');
    material.look();
    expect(await commonNameOf(port)).toBe('whole');
    expect(renewed).toHaveLength(1);
    listener.close(() => undefined);
  });

  it('are read at once when that is asked for, and a fault is told at once', async () => {
    const { files, material, renewed, broken, listener, port } = await listening('old');
    await replace(files, 'new');
    material.reload();
    expect(await commonNameOf(port)).toBe('new');
    expect(renewed).toHaveLength(1);
    writeFileSync(files.cert, '');
    material.reload();
    expect(broken).toHaveLength(1);
    listener.close(() => undefined);
  });

  it('are used by a client when it dials', async () => {
    const other = await TestCa.make('other');
    const server = await listening('server');
    const trusted = ca.write('trusted.pem', other.pair.cert);
    const material = new TlsMaterial({ ca: trusted });
    const dialled = async (): Promise<Recorder> => {
      const client = new Recorder();
      client.attach(tcpTransport({ tls: { material } }).dial(server.listener.address, client));
      await vi.waitFor(() => expect(client.opens + client.closes.length).toBe(1), { interval: 1 });
      return client;
    };
    expect((await dialled()).closes).toMatchObject([{ code: 'TLS_FAILED' }]);
    writeFileSync(trusted, ca.pair.cert);
    const client = await dialled();
    expect(client.opens).toBe(1);
    client.close();
    server.listener.close(() => undefined);
    other.remove();
  });
});
