import { createServer, connect as netConnect, type Server, Socket } from 'node:net';
import { type ConnectionHandler, encodePreface, type Listener, type QanatError } from '@qanat/core';
import { Recorder, shortFrame, testFrame } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { TcpConnection } from '../src/tcp/tcp-connection.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

interface Accepted {
  readonly address: string;
  readonly port: number;
  readonly recorders: Recorder[];
}

async function listen(options = {}, greet: (recorder: Recorder) => void = () => {}): Promise<Accepted> {
  const recorders: Recorder[] = [];
  const accept = (connection: Parameters<Parameters<ReturnType<typeof tcpTransport>['listen']>[1]>[0]): ConnectionHandler => {
    const recorder = new Recorder();
    recorder.attach(connection);
    recorders.push(recorder);
    greet(recorder);
    return recorder;
  };
  const listener = await new Promise<Listener>((resolve, reject) => {
    tcpTransport(options).listen('127.0.0.1:0', accept, (error, made) => (made === undefined ? reject(error) : resolve(made)));
  });
  ends.push(() => listener.close(() => undefined));
  return { address: listener.address, port: Number(listener.address.split(':')[1]), recorders };
}

/** A peer that is not ours: gives everything that came back, and how it ended. */
function raw(port: number, bytes: Uint8Array): { ended: Promise<{ received: Buffer; how: string }>; socket: Socket } {
  const socket = netConnect(port, '127.0.0.1');
  ends.push(() => socket.destroy());
  const chunks: Buffer[] = [];
  let how = 'end';
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how = error.code ?? 'error';
  });
  const ended = new Promise<{ received: Buffer; how: string }>((resolve) => {
    socket.on('close', () => resolve({ received: Buffer.concat(chunks), how }));
  });
  socket.write(bytes);
  return { ended, socket };
}

/** A server that is not ours. */
async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    ends.push(() => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  ends.push(() => server.close());
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}

function dial(address: string, options = {}): Recorder {
  const recorder = new Recorder();
  recorder.attach(tcpTransport(options).dial(address, recorder));
  return recorder;
}

const closed = (recorder: () => Recorder | undefined): Promise<QanatError | undefined> =>
  vi.waitFor(
    () => {
      if (recorder()?.closes.length !== 1) throw new Error('not closed');
      expect(recorder()?.breaches).toEqual([]);
      return recorder()?.closes[0];
    },
    { interval: 1, timeout: 5_000 },
  );

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the accepting side of TCP (spec, chapter of bindings)', () => {
  it.each([
    ['HTTP', ascii('GET / HTTP/1.1\r\nHost: example\r\n\r\n')],
    ['a TLS hello', Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03)],
    ['a wrong fourth byte', Uint8Array.of(0xab, 0x51, 0x4e, 0x55, 1, 0, 0, 0)],
    ['one wrong byte', Uint8Array.of(0)],
  ])('drops %s at once without an answer [QNT-INV-001, QNT-TCP-002]', async (_name, bytes) => {
    const { port, recorders } = await listen();
    const { received } = await raw(port, bytes).ended;
    expect(received.length).toBe(0);
    expect((await closed(() => recorders[0]))?.code).toBe('MALFORMED_FRAME');
    expect(recorders[0]?.frames).toEqual([]);
  });

  it('answers another major version with its own preface, then closes [QNT-INV-003]', async () => {
    const { port, recorders } = await listen();
    const { socket, ended } = raw(port, Uint8Array.of(...encodePreface(2), ...shortFrame()));
    socket.on('end', () => socket.end());
    expect(await ended).toEqual({ received: Buffer.from(encodePreface()), how: 'end' });
    expect((await closed(() => recorders[0]))?.code).toBe('UNSUPPORTED_VERSION');
    expect(recorders[0]?.frames).toEqual([]);
  });

  it('takes preface and frames in chunks of one byte, and echoes the preface first [QNT-INV-002, QNT-FRM-001, QNT-TCP-001]', async () => {
    const { port, recorders } = await listen();
    const frame = testFrame(40, 1);
    const { socket, ended } = raw(port, new Uint8Array(0));
    socket.setNoDelay(true);
    for (const byte of [...encodePreface(), ...frame]) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(recorders[0]?.frames.length).toBe(1), { interval: 1 });
    expect(Buffer.from(recorders[0]?.frames[0] ?? [])).toEqual(Buffer.from(frame));
    recorders[0]?.send(shortFrame());
    recorders[0]?.close();
    expect((await ended).received).toEqual(Buffer.concat([encodePreface(), shortFrame()]));
  });

  it('drops a peer that sends no whole preface in time', async () => {
    const { port, recorders } = await listen({ prefaceTimeoutMs: 20 });
    const { received } = await raw(port, encodePreface().subarray(0, 7)).ended;
    expect(received.length).toBe(0);
    expect((await closed(() => recorders[0]))?.code).toBe('HELLO_TIMEOUT');
  });

  it('tells a peer why it is refused once its preface has come, and waits no longer than a second for it [QNT-CON-024]', async () => {
    const { port, recorders } = await listen({}, (recorder) => {
      recorder.send(shortFrame());
      recorder.close();
      recorder.send(shortFrame());
    });
    const { socket, ended } = raw(port, Uint8Array.of(...encodePreface(), ...shortFrame()));
    socket.on('end', () => socket.end());
    expect(await ended).toEqual({ received: Buffer.concat([encodePreface(), shortFrame()]), how: 'end' });
    expect(await closed(() => recorders[0])).toBeUndefined();
    expect(recorders[0]?.frames).toEqual([]);
    const silent = raw(port, encodePreface().subarray(0, 7));
    expect((await silent.ended).received.length).toBe(0);
    expect(await closed(() => recorders[1])).toBeUndefined();
  });

  it('takes a probe that connects and leaves for a clean end, and a frame that breaks off for a lost connection [QNT-TCP-004]', async () => {
    const { port, recorders } = await listen();
    raw(port, new Uint8Array(0)).socket.end();
    expect(await closed(() => recorders[0])).toBeUndefined();
    raw(port, Uint8Array.of(...encodePreface(), ...shortFrame().subarray(0, 10))).socket.end();
    expect((await closed(() => recorders[1]))?.code).toBe('CONNECTION_LOST');
  });
});

describe('the dialling side of TCP (spec, chapter of bindings)', () => {
  it('is open only after the preface of the server [QNT-TCP-001]', async () => {
    let server: Socket | undefined;
    const received: Buffer[] = [];
    const address = await rawServer((socket) => {
      server = socket;
      socket.on('data', (chunk) => received.push(chunk));
    });
    const client = dial(address);
    client.send(shortFrame(1));
    client.flush();
    const wanted = Buffer.concat([encodePreface(), shortFrame(1)]);
    await vi.waitFor(() => expect(Buffer.concat(received)).toEqual(wanted), { interval: 1 });
    server?.write(encodePreface().subarray(0, 7));
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.opens).toBe(0);
    server?.write(Uint8Array.of(0, ...shortFrame(2)));
    await vi.waitFor(() => expect(client.frames.length).toBe(1), { interval: 1 });
    expect(client.opens).toBe(1);
    client.close();
    await closed(() => client);
  });

  it('says UNSUPPORTED_VERSION for a server of another major version, MALFORMED_FRAME for another protocol [QNT-INV-005]', async () => {
    for (const [answer, code] of [
      [encodePreface(2), 'UNSUPPORTED_VERSION'],
      [ascii('HTTP/1.1 400 Bad Request\r\n\r\n'), 'MALFORMED_FRAME'],
    ] as const) {
      const address = await rawServer((socket) => void socket.end(answer));
      const client = dial(address);
      const error = await closed(() => client);
      expect(error?.code).toBe(code);
      expect(error?.message).toContain(address);
      expect(client.opens).toBe(0);
    }
  });

  it('says CONNECTION_FAILED with the address for a server that is silent, or leaves', async () => {
    const silent = await rawServer(() => undefined);
    const leaving = await rawServer((socket) => socket.destroy());
    for (const address of [silent, leaving]) {
      const client = dial(address, { prefaceTimeoutMs: 20 });
      const error = await closed(() => client);
      expect(error?.code).toBe('CONNECTION_FAILED');
      expect(error?.message).toContain(address);
    }
  });

  it('says CONNECTION_FAILED where nothing answers in time', async () => {
    // A name that is never resolved stands for a host that never answers.
    const socket = new Socket({ allowHalfOpen: true });
    socket.connect({ host: 'silent.invalid', port: 7_610, lookup: () => undefined });
    const client = new Recorder();
    const remote = 'silent.invalid:7610';
    const connection = new TcpConnection({ socket, dialled: true, remote, connectTimeoutMs: 20, prefaceTimeoutMs: 5_000 });
    connection.setHandler(client);
    client.attach(connection);
    const error = await closed(() => client);
    expect(error?.code).toBe('CONNECTION_FAILED');
    expect(error?.message).toBe('cannot connect to silent.invalid:7610: no answer within 20 ms');
  });

  it('says CONNECTION_LOST for a reset, and for an end inside a frame', async () => {
    let server: Socket | undefined;
    const resetting = await rawServer((socket) => {
      server = socket;
      socket.write(encodePreface());
    });
    const reset = dial(resetting);
    await vi.waitFor(() => expect(reset.opens).toBe(1), { interval: 1 });
    server?.resetAndDestroy();
    expect((await closed(() => reset))?.code).toBe('CONNECTION_LOST');

    const breaking = await rawServer(
      (socket) => void socket.end(Uint8Array.of(...encodePreface(), ...shortFrame().subarray(0, 5))),
    );
    const broken = dial(breaking);
    const error = await closed(() => broken);
    expect(error?.code).toBe('CONNECTION_LOST');
    expect(error?.message).toContain(breaking);
    expect(broken.opens).toBe(1);
  });
});

describe('listening on TCP', () => {
  it('names the address and what to do when it is in use', async () => {
    const { address } = await listen();
    const error = await new Promise<QanatError | undefined>((resolve) => {
      tcpTransport().listen(address, () => new Recorder(), resolve);
    });
    expect(error?.code).toBe('BAD_CONFIG');
    expect(error?.message).toContain(`${address}: EADDRINUSE`);
    expect(error?.hint).toContain('choose another port');
  });
});
