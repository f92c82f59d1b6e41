import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { encodePreface, type Listener, type QanatError, type Transport } from '@qanat/core';
import { Recorder } from '@qanat/core/testing';
import { type TcpTransportOptions, tcpTransport } from '@qanat/transports/tcp';
import { type TlsFiles, TlsMaterial, type TlsSettings } from '@qanat/transports/tls';
import { type WebSocketTransportOptions, webSocketTransport } from '@qanat/transports/websocket';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { TestCa } from './certificates.ts';

const ca = await TestCa.make();
const other = await TestCa.make('another CA');
const good = await ca.files('good');
const client = await ca.files('client', { names: ['client.example', 'other.example'] });
const foreign = await other.files('foreign');
const expired = await ca.files('expired', { from: -20, to: -10 });
const future = await ca.files('future', { from: 10, to: 20 });
const elsewhere = await ca.files('elsewhere', { names: ['elsewhere.example'], addresses: ['10.1.2.3'] });

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => {
  ca.remove();
  other.remove();
});

interface Listening {
  readonly address: string;
  readonly port: number;
  readonly accepted: Recorder[];
  readonly refused: QanatError[];
}

const tlsOf = (files: TlsFiles, more: Partial<TlsSettings> = {}): { readonly tls: TlsSettings } => ({
  tls: { material: new TlsMaterial(files), ...more },
});

type Options = TcpTransportOptions & WebSocketTransportOptions;
interface Binding {
  readonly name: string;
  readonly transport: (options?: Options) => Transport;
  /** Without TLS, and with it. */
  readonly plain: string;
  readonly secure: string;
}
const BINDINGS: readonly Binding[] = [
  { name: 'TCP', transport: tcpTransport, plain: 'qanat://', secure: 'qanats://' },
  { name: 'WebSocket', transport: webSocketTransport, plain: 'ws://', secure: 'wss://' },
];

async function listenOver(binding: Binding, options: Options): Promise<Listening> {
  const accepted: Recorder[] = [];
  const refused: QanatError[] = [];
  const transport = binding.transport({ ...options, onRefused: (_, error) => refused.push(error) });
  const accept: Parameters<Transport['listen']>[1] = (connection) => {
    const recorder = new Recorder();
    recorder.attach(connection);
    accepted.push(recorder);
    ends.push(() => recorder.close());
    return recorder;
  };
  const listener = await new Promise<Listener>((resolve, reject) => {
    transport.listen('127.0.0.1:0', accept, (error, made) => (made === undefined ? reject(error) : resolve(made)));
  });
  ends.push(() => listener.close(() => undefined));
  return { address: listener.address, port: Number(listener.address.split(':')[1]), accepted, refused };
}

function dialOver({ transport }: Binding, address: string, options: Options): Recorder {
  const recorder = new Recorder();
  recorder.attach(transport(options).dial(address, recorder));
  ends.push(() => recorder.close());
  return recorder;
}

const soon = { interval: 1, timeout: 5_000 };
const ended = (recorder: Recorder): Promise<QanatError | undefined> =>
  vi.waitFor(() => {
    expect(recorder.closes).toHaveLength(1);
    return recorder.closes[0];
  }, soon);
const told = ({ refused }: Listening): Promise<QanatError> =>
  vi.waitFor(() => {
    expect(refused).toHaveLength(1);
    return refused[0] as QanatError;
  }, soon);

function raw(port: number, bytes: Uint8Array | string): Socket {
  const socket = connectTcp(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => undefined);
  socket.resume();
  ends.push(() => socket.destroy());
  return socket;
}

/** A server that is not ours. */
async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    ends.push(() => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const LEFT = /no TLS with 127\.0\.0\.1:\d+: it left in the middle of the handshake/;

describe.each(BINDINGS)('$name: a client over TLS says why it does not go on [QNT-TCP-009, QNT-TCP-010]', (binding) => {
  const listen = (options: Options): Promise<Listening> => listenOver(binding, options);
  const dial = (address: string, options: Options): Recorder => dialOver(binding, address, options);

  it.each([
    ['an expired certificate', expired, /does not hold: it has expired/, /qanat tls server/],
    ['a certificate of the future', future, /does not hold: it is not valid yet/, /clocks/],
    ['a certificate of another CA', foreign, /an authority that is not trusted here/, /--tls-ca/],
    ['a certificate for another host', elsewhere, /not for this host name or address \(IP: 127\.0\.0\.1 is not in/, /--host/],
  ])('to a server with %s, whose operator hears of it too', async (_, files, message, hint) => {
    const server = await listen(tlsOf(files));
    const recorder = dial(server.address, tlsOf({ ca: ca.ca }));
    const error = await ended(recorder);
    expect(error).toMatchObject({ code: 'TLS_FAILED', outcome: 'not-sent', retryable: true });
    expect(error?.message).toContain(`cannot connect to ${server.address} over TLS: the certificate of the server`);
    expect(error?.message).toMatch(message);
    expect(error?.hint).toMatch(hint);
    expect(recorder.opens).toBe(0);
    expect((await told(server)).message).toMatch(LEFT);
    expect(server.accepted).toEqual([]);
  });

  it('to a host by a name that the certificate does not have', async () => {
    const server = await listen(tlsOf(await ca.files('by-address', { names: ['a.example'] })));
    const byName = dial(`localhost:${server.port}`, tlsOf({ ca: ca.ca }));
    expect((await ended(byName))?.message).toContain("Host: localhost. is not in the cert's altnames: DNS:a.example");
  });

  it('where it trusts none but the authorities that Node knows', async () => {
    const server = await listen(tlsOf(good));
    expect(await ended(dial(server.address, tlsOf({})))).toMatchObject({
      code: 'TLS_FAILED',
      hint: expect.stringMatching(/--tls-ca/),
    });
  });

  it('to a server without a TLS version in common', async () => {
    const ciphers = 'DEFAULT:@SECLEVEL=0';
    const old = createTlsServer({ ...(await ca.issue('old')), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers });
    old.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => void old.listen(0, '127.0.0.1', resolve));
    ends.push(() => old.close());
    const { port } = old.address() as AddressInfo;
    expect(await ended(dial(`127.0.0.1:${port}`, tlsOf({ ca: ca.ca })))).toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringContaining('no TLS version in common'),
    });
  });

  it('to a listener without TLS, whose operator hears of it too', async () => {
    const server = await listen({});
    const error = await ended(dial(server.address, tlsOf({ ca: ca.ca })));
    expect(error?.message).toContain(`cannot connect to ${server.address} over TLS: the handshake broke off`);
    expect(error?.hint).toContain(`use ${binding.plain}`);
    const refused = await told(server);
    expect(refused).toMatchObject({ code: 'MALFORMED_FRAME', message: expect.stringContaining('a TLS handshake') });
    expect(refused.hint).toContain(binding.plain);
    expect(refused.hint).toContain(binding.secure);
  });

  it('to a server that answers no handshake', async () => {
    const address = await rawServer(() => undefined);
    const error = await ended(dial(address, { ...tlsOf({ ca: ca.ca }, { handshakeMs: 20 }), connectTimeoutMs: 200 }));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringMatching(/no .* within 20+ ms$/) });
  });
});

describe.each(BINDINGS)('$name: a client without TLS at a listener with TLS', (binding) => {
  const listen = (options: Options): Promise<Listening> => listenOver(binding, options);
  const dial = (address: string, options: Options): Recorder => dialOver(binding, address, options);

  it('is told the scheme with TLS, and the operator that there is none', async () => {
    const server = await listen(tlsOf(good));
    const error = await ended(dial(server.address, {}));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.stringContaining(`use ${binding.secure}`) });
    const refused = await told(server);
    expect(refused.message).toMatch(/: it (does not speak TLS|sent a request of HTTP without TLS)$/);
    expect(refused.hint).toContain(binding.secure);
  });

  it('may be one of HTTP', async () => {
    const server = await listen(tlsOf(good));
    raw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await told(server)).message).toContain('a request of HTTP without TLS');
  });
});

describe('a client of TCP at a listener with TLS that is not ours', () => {
  it('is told to use qanats:// by an alert of TLS', async () => {
    const address = await rawServer((socket) => void socket.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)));
    expect(await ended(dialOver(BINDINGS[0] as Binding, address, {}))).toMatchObject({
      code: 'MALFORMED_FRAME',
      message: expect.stringContaining('a TLS alert'),
      hint: expect.stringContaining('use qanats://'),
    });
  });
});

describe.each(BINDINGS)('$name: a listener that asks for certificates of clients [QNT-TCP-011]', (binding) => {
  const listen = (options: Options): Promise<Listening> => listenOver(binding, options);
  const dial = (address: string, options: Options): Recorder => dialOver(binding, address, options);

  const required = (): Promise<Listening> => listen(tlsOf({ ca: ca.ca, ...good }, { clientCertificates: 'required' }));
  const optional = (): Promise<Listening> => listen(tlsOf({ ca: ca.ca, ...good }, { clientCertificates: 'optional' }));

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('and needs them tells who has none, over %s', async (version) => {
    const server = await required();
    const material = new TlsMaterial({ ca: ca.ca });
    Object.assign(material.options, { maxVersion: version });
    const error = await ended(dial(server.address, { tls: { material } }));
    expect(error).toMatchObject({ code: 'TLS_FAILED', message: expect.stringContaining('wants a certificate of this client') });
    expect(error?.hint).toContain('--tls-cert');
    expect(await told(server)).toMatchObject({
      code: 'TLS_FAILED',
      message: expect.stringMatching(/: it showed no certificate$/),
    });
  });

  it.each([
    ['required', 'of another CA', foreign, 'comes from an authority'],
    ['required', 'that has expired', expired, 'has expired'],
    ['optional', 'of another CA', foreign, 'comes from an authority'],
    ['optional', 'that has expired', expired, 'has expired'],
  ])('(%s) takes none %s', async (mode, _, files, why) => {
    const server = await (mode === 'required' ? required() : optional());
    const error = await ended(dial(server.address, tlsOf({ ca: ca.ca, ...files })));
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED', hint: expect.stringContaining('does not take the certificate') });
    expect((await told(server)).message).toContain(`its certificate does not hold: it ${why}`);
    expect(server.accepted).toEqual([]);
  });

  it.each([
    ['required', client, ['client', 'client.example', 'other.example']],
    ['optional', client, ['client', 'client.example', 'other.example']],
    ['optional', {}, undefined],
    ['none', client, undefined],
  ])('(%s) knows the names in them', async (mode, files, names) => {
    const server = await (mode === 'required' ? required() : mode === 'optional' ? optional() : listen(tlsOf(good)));
    const recorder = dial(server.address, tlsOf({ ca: ca.ca, ...files }));
    await vi.waitFor(() => expect(recorder.opens).toBe(1), soon);
    expect(server.accepted[0]?.connection.certificateNames).toEqual(names);
    expect(server.refused).toEqual([]);
  });
});

describe.each(BINDINGS)('$name: a listener with TLS', (binding) => {
  const listen = (options: Options): Promise<Listening> => listenOver(binding, options);
  const dial = (address: string, options: Options): Recorder => dialOver(binding, address, options);

  it('refuses whoever has no version in common [QNT-TCP-011]', async () => {
    const server = await listen(tlsOf(good));
    const ciphers = 'DEFAULT:@SECLEVEL=0';
    const old = connectTls({ port: server.port, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers, rejectUnauthorized: false });
    const failed = new Promise<Error & { code?: string }>((resolve) => old.once('error', resolve));
    expect((await failed).code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect((await told(server)).message).toContain('no TLS version in common');
  });

  it('drops a handshake that is not done in time, however often a byte comes (TLS_HANDSHAKE_MS) [QNT-TCP-012]', async () => {
    const server = await listen(tlsOf(good, { handshakeMs: 40 }));
    const slow = raw(server.port, Uint8Array.of(0x16));
    const drip = setInterval(() => slow.write(Uint8Array.of(3)), 5);
    ends.push(() => clearInterval(drip));
    await new Promise((resolve) => slow.once('close', resolve));
    expect((await told(server)).message).toContain('the TLS handshake was not done within 40 ms');
  });

  it('drops the oldest of too many handshakes, and serves others meanwhile (TLS_HANDSHAKES_MAX) [QNT-TCP-012]', async () => {
    const server = await listen(tlsOf(good, { handshakesMax: 2 }));
    const sockets = await Promise.all(
      [1, 2, 3].map(async () => {
        const socket = raw(server.port, Uint8Array.of(0x16));
        await new Promise((resolve) => socket.once('connect', resolve));
        return socket;
      }),
    );
    await Promise.race(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    const recorder = dial(server.address, tlsOf({ ca: ca.ca }));
    await vi.waitFor(() => expect(recorder.opens).toBe(1), soon);
    expect(server.refused).toEqual([]);
  });

  it('says nothing of who connects and leaves', async () => {
    const server = await listen(tlsOf(good));
    const probe = raw(server.port, new Uint8Array(0));
    probe.once('connect', () => probe.end());
    await new Promise((resolve) => probe.once('close', resolve));
    const recorder = dial(server.address, tlsOf({ ca: ca.ca }));
    await vi.waitFor(() => expect(recorder.opens).toBe(1), soon);
    expect(server.refused).toEqual([]);
  });

  it.each([
    [{}, 'none' as const, 'there is no certificate', '--tls-cert'],
    [good, 'required' as const, 'certificates of clients cannot be verified', '--tls-ca'],
  ])('needs its files: %j %s', async (files, clientCertificates, message, hint) => {
    await expect(listen(tlsOf(files, { clientCertificates }))).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
  });

  it('sends nothing of its own, and nothing reaches it, before the handshake is done', async () => {
    const server = await listen(tlsOf(good));
    const plain = raw(server.port, encodePreface());
    const received: Buffer[] = [];
    plain.on('data', (chunk) => received.push(chunk));
    await new Promise((resolve) => plain.once('close', resolve));
    expect(received).toEqual([]);
    expect(server.accepted).toEqual([]);
  });
});
