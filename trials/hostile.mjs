// Hostile peers at the ports of a NameServer and of a broker, while a producer and a consumer go on: each attack ends as the
// specification says, memory stays bounded, and nobody else notices.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed } from './consuming.mjs';
import { residentMib } from './measures.mjs';
import { freePort, runQanat, sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { checkLog } from './verify.mjs';

const HOST = '127.0.0.1';
/** No recorded session names it. */
const TOPIC = 'steady';
const FAT_TOPIC = 'fat';
const PER_SECOND = 300;
const BEFORE_MS = 5_000;
const SAMPLE_MS = 50;
const SEED = 20_261_122;
/** BEGUN_BYTES_MAX, what the kernel and the garbage collector hold besides, and answers on their way. */
const GROWTH_MIB_MAX = 512;
/** In the whole attack, on a machine that the attackers share. */
const P99_MS_MAX = 250;
/**
 * In any one attack of at least WINDOW_MS_MIN: attackers, servers and producer share the machine, and some attacks are its
 * work.
 */
const ATTACK_P99_MS_MAX = 1_000;
const WINDOW_MS_MIN = 1_000;
/** Where it was worse before, others use the machine too. */
const P99_TIMES_MAX = 10;
const CUTS = 1_500;
const CUTS_FULL = 20_000;

export async function hostile(trial) {
  const http = { host: HOST, port: await freePort() };
  const web = { host: HOST, port: await freePort() };
  const broker = { args: ['--http', `${HOST}:${http.port}`], listen: [`ws://${HOST}:${web.port}`] };
  const open = await new Cluster(trial).start({ brokers: ['broker-a'], broker });
  await attacked(trial, open, [
    ['nameserver', 'ns-1'],
    ['broker', 'broker-a'],
    ['websocket', 'broker-a', web],
    ['http', 'broker-a', http],
  ]);
  await open.stop();
  const security = await securityOf(trial);
  const closed = await new Cluster(trial, security).start({ nameServers: ['ns-closed'], brokers: ['broker-closed'] });
  await attacked(trial, closed, [['secured', 'broker-closed']], security.attackers);
}

/** Certificates and users for a closed cluster, made as an operator does. */
async function securityOf(trial) {
  const folder = join(trial.directory, 'tls');
  const users = join(trial.directory, 'users.json');
  const log = trial.log('commands');
  const secret = (name) => {
    const file = join(trial.directory, `${name}.pw`);
    writeFileSync(file, `${name}-secret`);
    return file;
  };
  const run = async (...words) => {
    const { code, notes } = await runQanat(words, log);
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${notes.join(' ')}`);
  };
  await run('tls', 'init', '--dir', folder);
  for (const [name, role] of [
    ['root', 'admin'],
    ['broker-closed', 'broker'],
  ])
    await run('user', 'add', name, '--role', role, '--users', users, '--password-file', secret(name));
  const ca = join(folder, 'ca.pem');
  const tls = ['--tls-ca', ca, '--tls-cert', join(folder, 'server.pem'), '--tls-key', join(folder, 'server-key.pem')];
  const login = (name) => ['--user', name, '--password-from', join(trial.directory, `${name}.pw`)];
  return {
    scheme: 'qanats',
    args: (name) => [...tls, '--users', users, ...(name === 'broker-closed' ? login(name) : [])],
    commandArgs: ['--tls-ca', ca, ...login('root')],
    connect: { tls: { ca }, login: { user: 'root', password: 'root-secret' } },
    attackers: { ca: readFileSync(ca, 'utf8'), user: { name: 'root', password: 'root-secret' } },
  };
}

/** Attacks targets of a cluster while a producer and a consumer go on. */
async function attacked(trial, cluster, targets, secured) {
  await cluster.createTopic(TOPIC, 4);
  await cluster.createTopic(FAT_TOPIC, 4);
  const { client } = await cluster.connect('steady');
  await fill(client);
  const consuming = new Consuming(client, TOPIC);
  const traffic = new Traffic(client, TOPIC, { name: 'steady', perSecond: PER_SECOND }).start();
  await sleep(BEFORE_MS);
  const attackMs = performance.now();
  const windows = [];
  for (const [role, name, target] of targets) windows.push(...(await attack(trial, cluster, role, name, target, secured)));
  const endMs = performance.now();
  await traffic.stop();
  checkSteady(trial, traffic, attackMs, endMs, windows);
  await checkConsumed(trial, [consuming], [traffic], 'the consumer');
  const { repeatedMs, outOfOrder } = consuming.delivered;
  trial.check(repeatedMs.length === 0 && outOfOrder.length === 0, 'nothing came twice or out of order');
  await checkLog(trial, client, TOPIC, [traffic], []);
  await client.close();
}

/** Enough that a peer can ask for more than its connection holds. */
async function fill(client) {
  const producer = client.producer();
  const body = 'x'.repeat(16 * 1024);
  for (let i = 0; i < 64; i++)
    await producer.sendBatch(
      FAT_TOPIC,
      Array.from({ length: 32 }, () => ({ body })),
    );
  await producer.close();
}

/** @returns when each attack began and ended. */
async function attack(trial, cluster, role, name, other, secured) {
  const { pid } = cluster.server(name);
  const [host, port] = cluster.addressOf(name).split(':');
  const target = other ?? { host, port: Number(port) };
  const where = role === 'http' ? `${name} --http` : role === 'websocket' ? `${name} ws` : name;
  const before = residentMib(pid);
  let peak = before;
  const sampler = setInterval(() => {
    if (cluster.server(name).running) peak = Math.max(peak, residentMib(pid));
  }, SAMPLE_MS);
  const peaks = [before];
  const windows = [];
  let fromMs = 0;
  const ended = ({ name: attacked, ms, verdict }) => {
    windows.push({ name: `${where}: ${attacked}`, fromMs, toMs: performance.now() });
    if (verdict === undefined) return;
    peaks.push(peak);
    const figures = `${Math.round(peak)} MiB, ${(ms / 1000).toFixed(1)} s`;
    trial.check(verdict.passed, `${where}: ${attacked}: ${verdict.text}; ${figures}`, verdict.details);
  };
  await new Promise((resolve, reject) => {
    const context = { role, secured, topic: FAT_TOPIC, cuts: trial.options.full ? CUTS_FULL : CUTS };
    const workerData = { target, context, seed: SEED, only: trial.options.only };
    const worker = new Worker(new URL('./hostile-attacks.mjs', import.meta.url), { workerData });
    trial.atEnd(() => worker.terminate());
    worker.on('error', reject);
    worker.on('exit', resolve);
    worker.on('message', (message) => {
      if (message.kind === 'slack')
        trial.note(`what is due at once may take ${(message.ms / 1000).toFixed(1)} s on this busy a machine`);
      else if (message.kind === 'ended') ended(message);
      else {
        peak = residentMib(pid);
        fromMs = performance.now();
      }
    });
  });
  await sleep(1_000);
  clearInterval(sampler);
  const running = cluster.server(name).running;
  trial.check(running, `${where} still runs`);
  if (!running) return windows;
  const after = residentMib(pid);
  const most = Math.max(...peaks);
  trial.figure(`${role}ResidentMib`, { before: Math.round(before), peak: Math.round(most), after: Math.round(after) });
  trial.check(
    most - before < GROWTH_MIB_MAX,
    `${where}: ${Math.round(before)} MiB resident before, ${Math.round(most)} at most, ${Math.round(after)} after (at most ${GROWTH_MIB_MAX} more)`,
  );
  return windows;
}

function checkSteady(trial, traffic, attackMs, endMs, windows) {
  const acks = [...traffic.acked.values()];
  const figures = (fromMs, toMs) => {
    const part = acks.filter(({ sentMs }) => sentMs >= fromMs && sentMs < toMs);
    const times = part.map(({ sentMs, ackedMs }) => ackedMs - sentMs).sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.POSITIVE_INFINITY;
    return { p50: at(0.5), p99: at(0.99), count: times.length, rate: part.length / ((toMs - fromMs) / 1000) };
  };
  const before = figures(attackMs - BEFORE_MS + 500, attackMs);
  const during = figures(attackMs, endMs);
  // Of a shorter one the 99th percentile is one message.
  const each = windows
    .filter(({ fromMs, toMs }) => toMs - fromMs >= WINDOW_MS_MIN)
    .map(({ name, fromMs, toMs }) => ({ name, ...figures(fromMs, toMs) }))
    .sort((a, b) => b.p99 - a.p99);
  const text = ({ p50, p99, rate }) => `${p50.toFixed(1)} / ${p99.toFixed(1)} ms (p50 / p99), ${rate.toFixed(0)} a second`;
  trial.figure('steady', { before, during, worst: each.slice(0, 5) });
  trial.note(`a steady producer before: ${text(before)}`);
  trial.note(`during ${((endMs - attackMs) / 1000).toFixed(0)} s of attacks: ${text(during)}`);
  for (const one of each.slice(0, 3)) trial.note(`${one.name}: ${text(one)}`);
  trial.check(traffic.failed.size === 0, `all ${traffic.sent} sends of the steady producer were acknowledged`, [
    ...traffic.failed.values(),
  ]);
  trial.check(during.rate >= before.rate * 0.9, 'its rate is at least nine tenths of that before');
  const bound = (ms) => Math.max(ms, P99_TIMES_MAX * before.p99);
  const [all, one] = [bound(P99_MS_MAX), bound(ATTACK_P99_MS_MAX)];
  trial.check(during.p99 <= all, `its p99 is at most ${all.toFixed(0)} ms`);
  const worst = each[0]?.p99 ?? 0;
  trial.check(worst <= one, `its p99 during the worst attack is ${worst.toFixed(0)} ms (at most ${one.toFixed(0)})`);
}
