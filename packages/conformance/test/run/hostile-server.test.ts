import { createServer, type Server, type Socket } from 'node:net';
import { encodePreface, Flag, FrameType } from '@qanat/core';
import { afterEach, expect, it } from 'vitest';
import type { Program } from '../../src/play/program.ts';
import { rawFrame } from '../../src/play/raw-frame.ts';
import { endpointSite } from '../../src/run/endpoint-site.ts';
import { runAll } from '../../src/run/run-all.ts';
import { type Run, runProgram } from '../../src/run/run-program.ts';

const PATIENCE_MS = 60_000;
const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** A server that does something with each connection. @returns its address. */
async function listening(take: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    take(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

/** Writes as fast as it is read, without end. */
function flood(socket: Socket, bytes: Uint8Array): void {
  while (!socket.destroyed && socket.write(bytes));
  socket.once('drain', () => flood(socket, bytes));
}

const program: Program = { family: '', role: 'broker', steps: [{ op: 'open' }, { op: 'request', frame: 'TOPIC_LIST' }] };

it('is given up when it sends frames without end', { timeout: PATIENCE_MS }, async () => {
  const ping = rawFrame({ type: FrameType.PING, flags: Flag.ONEWAY });
  const many = Buffer.concat(Array.from({ length: 4_000 }, () => ping));
  const address = await listening((socket) => {
    socket.write(encodePreface());
    flood(socket, many);
  });
  const run = await runProgram(endpointSite('broker', address), program, []);
  expect(run.harness).toContain('events or');
});

it('says what is no frame, and is not listened to any more', { timeout: PATIENCE_MS }, async () => {
  const address = await listening((socket) => {
    socket.write(encodePreface());
    flood(socket, new Uint8Array(100_000).fill(0xff));
  });
  const greets: Program = {
    ...program,
    steps: [
      { op: 'open', hello: false },
      { op: 'awaitFrames', withinMs: 100 },
    ],
  };
  const run = await runProgram(endpointSite('broker', address), greets, []);
  expect(run.events.filter(({ kind }) => kind === 'broken')).toHaveLength(1);
});

it('is given up after some programs when nobody is there', { timeout: PATIENCE_MS }, async () => {
  const address = await listening(() => {});
  await new Promise((resolve) => servers.pop()?.close(resolve));
  const runs: Run[] = [];
  const gaveUp = await runAll({
    site: endpointSite('broker', address),
    families: [],
    clauses: [],
    programs: Array.from({ length: 100 }, () => program),
    parallel: 4,
    signal: undefined,
    onProgress: undefined,
    take: (run) => runs.push(run),
  });
  expect(gaveUp).toContain('ECONNREFUSED');
  expect(runs.length).toBeLessThan(25);
});

it('is broken off by a signal, though it answers nothing', { timeout: PATIENCE_MS }, async () => {
  const breaking = new AbortController();
  const address = await listening((socket) => {
    socket.write(encodePreface());
    socket.once('data', () => breaking.abort());
  });
  const run = await runProgram(endpointSite('broker', address), program, [], breaking.signal);
  expect(run.harness).toContain('broken off');
});
