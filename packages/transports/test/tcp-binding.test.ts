// Rules of the binding to TCP that raw sockets show (spec, chapter of TCP).
import { createServer, connect as netConnect, Socket } from 'node:net';
import { encodePreface, FRAMES_PER_TURN_MAX, type Listener, QanatError } from '@qanat/core';
import { Recorder, testFrame } from '@qanat/core/testing';
import { tcpTransport } from '@qanat/transports/tcp';
import { afterEach, describe, expect, it, vi } from 'vitest';

const ends: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0)) end();
});

async function listening(options = {}): Promise<{ readonly address: string; readonly recorders: Recorder[] }> {
  const recorders: Recorder[] = [];
  const listener = await new Promise<Listener>((resolve, reject) => {
    tcpTransport(options).listen(
      '127.0.0.1:0',
      (connection) => {
        const recorder = new Recorder();
        recorder.attach(connection);
        recorders.push(recorder);
        return recorder;
      },
      (error, made) => (made === undefined ? reject(error) : resolve(made)),
    );
  });
  ends.push(() => listener.close(() => undefined));
  return { address: listener.address, recorders };
}

function dial(address: string): Recorder {
  const recorder = new Recorder();
  recorder.attach(tcpTransport().dial(address, recorder));
  ends.push(() => recorder.connection.abort(new Error('end') as never));
  return recorder;
}

const opened = (recorder: Recorder): Promise<void> =>
  vi.waitFor(() => expect(recorder.opens).toBe(1), { interval: 1, timeout: 5_000 });

describe('the binding to TCP', () => {
  it('switches the algorithm of Nagle off on both sides, and writes frames that are ready together in one piece [QNT-TCP-005]', async () => {
    const { address, recorders } = await listening();
    // Both sides write their preface: so the spy sees both sockets. Node keeps the setting under a symbol.
    const prefaces = vi.spyOn(Socket.prototype, 'write');
    const client = dial(address);
    await opened(client);
    const server = recorders[0] as Recorder;
    const sockets = new Set(prefaces.mock.contexts as Socket[]);
    const noDelayOf = (socket: Socket): unknown => {
      const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kSetNoDelay');
      return symbol === undefined ? undefined : (socket as never)[symbol];
    };
    expect([...sockets].map(noDelayOf)).toEqual([true, true]);
    prefaces.mockRestore();
    const writes = vi.spyOn(Socket.prototype, 'write');
    for (let i = 0; i < 100; i++) client.send(testFrame(40, i));
    client.flush();
    expect(writes.mock.calls).toHaveLength(1);
    await vi.waitFor(() => expect(server.frames).toHaveLength(100), { interval: 1 });
  });

  it('breaks a connection off that is about to end in good order, and tells both sides', async () => {
    const { address, recorders } = await listening();
    const client = dial(address);
    await opened(client);
    client.close();
    client.abort(new QanatError('CONNECTION_LOST', 'it takes too long'));
    await vi.waitFor(() => expect([client, recorders[0]].map((one) => one?.closes.length)).toEqual([1, 1]), { interval: 1 });
    expect(client.closes[0]?.message).toBe('it takes too long');
  });

  // Behind four whole turns nothing waits but the end.
  it.each([
    [2_000, 300],
    [4 * FRAMES_PER_TURN_MAX, 4 * FRAMES_PER_TURN_MAX],
  ])('gives %i frames that wait for their turn before the end of their peer, when reading stops at %i', async (count, stop) => {
    const { address, recorders } = await listening();
    const client = dial(address);
    await opened(client);
    const server = recorders[0] as Recorder;
    server.whenFrame = () => {
      if (server.frames.length === stop) server.connection.setReading(false);
    };
    for (let i = 0; i < count; i++) client.send(testFrame(12, i));
    client.close();
    await vi.waitFor(() => expect(server.frames.length).toBeGreaterThanOrEqual(stop), { interval: 1 });
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    if (stop < count) expect(server.closes).toHaveLength(0);
    server.connection.setReading(true);
    await vi.waitFor(() => expect(client.closes.length + server.closes.length).toBe(2), { interval: 1, timeout: 4_000 });
    expect(server.frames).toHaveLength(count);
    expect(server.closes[0] ?? client.closes[0]).toBeUndefined();
  });

  it('gives a peer one time for its preface and its HELLO, from the connection on [QNT-TCP-003]', async () => {
    const { address, recorders } = await listening({ prefaceTimeoutMs: 40 });
    const port = Number(address.split(':')[1]);
    const socket = netConnect(port, '127.0.0.1');
    ends.push(() => socket.destroy());
    // The server's side is told of the connection when it is accepted, not when the preface has come: its own clock runs.
    await vi.waitFor(() => expect(recorders).toHaveLength(1), { interval: 1 });
    socket.write(encodePreface().subarray(0, 4));
    await vi.waitFor(() => expect(recorders[0]?.closes).toHaveLength(1), { interval: 1, timeout: 5_000 });
    expect(recorders[0]?.closes[0]?.code).toBe('HELLO_TIMEOUT');
  });

  it('tries every address of a host name before it calls the server unreachable [QNT-TCP-007]', async () => {
    // A server that has one of the addresses of localhost only.
    for (const host of ['127.0.0.1', '::1']) {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(encodePreface());
      });
      await new Promise<void>((resolve) => void server.listen(0, host, resolve));
      ends.push(() => server.close());
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
      const connect = Socket.prototype.connect;
      const both = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args: unknown[]) {
        const [target] = args as [Record<string, unknown>];
        const lookup = (_name: string, _options: unknown, done: (error: null, addresses: object[]) => void): void =>
          done(null, [
            { address: host === '::1' ? '127.0.0.1' : '::1', family: host === '::1' ? 4 : 6 },
            { address: host, family: host === '::1' ? 6 : 4 },
          ]);
        return (connect as (...all: unknown[]) => Socket).call(
          this,
          typeof target === 'object' ? { ...target, lookup } : target,
          ...args.slice(1),
        );
      });
      const client = dial(`two-addresses.test:${port}`);
      await opened(client);
      both.mockRestore();
    }
  });
});
