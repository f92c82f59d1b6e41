#!/usr/bin/env node
// A driver for the MQTT bridge of this repository: a NameServer and a broker that go on, and bridges as real processes, which it
// starts, stops, kills and restarts.
//   node packages/conformance/drivers/qanat-bridge.mjs
// It speaks lines of JSON on its standard input and output (docs/conformance-drivers.md).
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const qanat = fileURLToPath(new URL('../../cli/bin/qanat.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qanat-driver-'));
const running = new Set();
const bridges = new Map();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** Starts `qanat` with arguments, and waits until it tells that it serves. */
async function run(...args) {
  const child = spawn(process.execPath, [qanat, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const ended = new Promise((resolve) => child.once('close', resolve));
  void ended.then(() => running.delete(child));
  const { value } = await Promise.race([
    createInterface({ input: child.stdout })[Symbol.asyncIterator]().next(),
    ended.then((code) => Promise.reject(new Error(`${args[0]} ended with ${code}`))),
  ]);
  return { child, ended, address: JSON.parse(value).endpoints[0].address };
}

/** The cluster of all bridges: they have nothing in common but names that are each program's own. */
async function startCluster() {
  const nameServer = await run('nameserver', '--listen', '127.0.0.1:0');
  const joined = ['--nameserver', nameServer.address, '--data', join(folder, 'broker')];
  await run('broker', '--name', 'b1', '--listen', '127.0.0.1:0', ...joined);
  return nameServer.address;
}

let cluster;

async function start({ server: id }) {
  cluster ??= startCluster();
  const nameServer = await cluster;
  const known = bridges.get(id) ?? { listen: 'mqtt://127.0.0.1:0' };
  const bridge = await run('bridge', 'mqtt', '--name', id, '--listen', known.listen, '--nameserver', nameServer);
  bridges.set(id, { ...bridge, listen: `mqtt://${bridge.address}` });
  return { address: bridge.address };
}

async function end({ server: id }, signal) {
  const bridge = bridges.get(id);
  bridge?.child.kill(signal);
  await bridge?.ended;
  return {};
}

const signal = ({ server: id }, name) => void bridges.get(id)?.child.kill(name);

const operations = {
  hello: () => ({
    protocol: 1,
    name: 'qanat-bridge',
    version: '0.1.0',
    language: 'TypeScript',
    roles: ['bridge'],
    abilities: ['kill', 'stop', 'pause', 'cluster'],
  }),
  start,
  cluster: async () => ({ nameServer: await cluster, topic: 'mqtt' }),
  kill: (args) => end(args, 'SIGKILL'),
  stop: (args) => end(args, 'SIGTERM'),
  pause: (args) => signal(args, 'SIGSTOP') ?? {},
  resume: (args) => signal(args, 'SIGCONT') ?? {},
};

function leave() {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
process.on('SIGTERM', leave);
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const { id: call, op, ...args } = JSON.parse(line);
    if (operations[op] === undefined) return say({ id: call, error: { kind: 'unsupported' } });
    try {
      say({ id: call, ok: (await operations[op](args)) ?? {} });
    } catch (error) {
      say({ id: call, error: { kind: 'failed', text: error.message } });
    }
  })
  .on('close', leave);
