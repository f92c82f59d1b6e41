#!/usr/bin/env node
// A driver for the NameServer and the broker of this repository: real processes, which it starts, stops, kills and restarts.
//   node packages/conformance/drivers/qanat-server.mjs
// It speaks lines of JSON on its standard input and output (docs/conformance-drivers.md). The whole of what an author of a server
// has to write is here.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { keysOfPassword, writeUsersFile } from '@qanat/server';

const qanat = fileURLToPath(new URL('../../cli/bin/qanat.mjs', import.meta.url));
const withSettings = fileURLToPath(new URL('qanat-server-with-settings.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'qanat-driver-'));
const servers = new Map();
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/** The command that starts a server. Limits and times are no options of `qanat`, and it does not say when it knows new users. */
function commandOf({ role, listen, data, nameServers, users, credentials, replication }, settings) {
  if ([settings, users, credentials].some((one) => one !== undefined))
    return [withSettings, JSON.stringify({ role, listen, data, nameServers, settings, users, login: credentials, replication })];
  const registers = nameServers.length > 0 ? ['--nameserver', nameServers.join(',')] : [];
  const broker = [
    '--name',
    'subject',
    '--create-topics',
    ...registers,
    ...(replication === undefined ? [] : asReplica(replication)),
  ];
  return [qanat, role, '--json', '--listen', listen, '--data', data, ...(role === 'broker' ? broker : [])];
}

/** Which replica of its group a broker is; what is not said is as the command has it. */
const asReplica = ({ replica, role, minInSync, lagMs }) => [
  ...['--replica', String(replica)],
  ...(role === 'slave' ? ['--slave'] : []),
  ...(minInSync === undefined ? [] : ['--min-in-sync', String(minInSync)]),
  ...(lagMs === undefined ? [] : ['--replica-lag', `${lagMs}ms`]),
];

/** Makes the credentials file of a server: it holds keys, and no password. */
async function writeUsers(server, users) {
  const keyed = users.map(async ({ password, ...user }) =>
    password === undefined ? user : { ...user, scram: await keysOfPassword(password) },
  );
  server.users = `${server.data}.users.json`;
  writeUsersFile(server.users, { version: 1, secret: 'c2FsdHMgb2Ygbm9ib2R5', users: await Promise.all(keyed) });
}

const listenOf = (endpoints) => endpoints.map(({ scheme, address }) => `${scheme}://${address}`).join(',');

/** The same id starts again at the same addresses, one for each of `schemes`, and on the same data. */
async function start({ server: id, role, schemes = ['qanat'], nameServers = [], settings, users, credentials, replication }) {
  const listen = listenOf(schemes.map((scheme) => ({ scheme, address: '127.0.0.1:0' })));
  const server = servers.get(id) ?? { listen, data: join(folder, id), role, nameServers, credentials, replication };
  servers.set(id, server);
  if (users !== undefined) await writeUsers(server, users);
  server.process = spawn(process.execPath, commandOf(server, settings), { stdio: ['ignore', 'pipe', 'inherit'] });
  server.ended = new Promise((resolve) => server.process.once('close', resolve));
  server.lines = createInterface({ input: server.process.stdout })[Symbol.asyncIterator]();
  const { value } = await Promise.race([
    server.lines.next(),
    server.ended.then((code) => Promise.reject(new Error(`it ended with ${code}`))),
  ]);
  const { endpoints } = JSON.parse(value);
  server.listen = listenOf(endpoints);
  return { endpoints: Object.fromEntries(endpoints.map(({ scheme, address }) => [scheme, address])), broker: 'subject' };
}

async function end({ server: id }, signal) {
  const server = servers.get(id);
  server?.process.kill(signal);
  await server?.ended;
  return {};
}

const signal = ({ server: id }, name) => void servers.get(id)?.process.kill(name);

const operations = {
  hello: () => ({
    protocol: 1,
    name: 'qanat',
    version: '0.1.0',
    language: 'TypeScript',
    roles: ['nameserver', 'broker'],
    transports: ['tcp', 'websocket'],
    abilities: ['kill', 'stop', 'pause', 'register', 'settings', 'users', 'credentials', 'replication'],
    flush: 'sync',
  }),
  start,
  kill: (args) => end(args, 'SIGKILL'),
  stop: (args) => end(args, 'SIGTERM'),
  pause: (args) => signal(args, 'SIGSTOP') ?? {},
  resume: (args) => signal(args, 'SIGCONT') ?? {},
  users: async ({ server: id, users }) => {
    await writeUsers(servers.get(id), users);
    signal({ server: id }, 'SIGHUP');
    await servers.get(id).lines.next();
  },
};

function leave() {
  for (const { process: child } of servers.values()) child.kill('SIGKILL');
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
