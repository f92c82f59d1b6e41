// Hostile devices at an MQTT bridge, while two honest ones talk: who is hostile is ended as the standard says, memory is bounded,
// and the others notice little.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import mqtt from 'mqtt';
import { Cluster } from './cluster.mjs';
import { residentMib } from './measures.mjs';
import { freePort, sleep, startServer } from './processes.mjs';

const SEED = 7;
const GROWTH_MIB_MAX = 384;
const EVERY_MS = 10;
const BEFORE_MS = 3_000;
const P99_MS_MAX = 250;
const P99_TIMES_MAX = 10;
const SAMPLE_MS = 50;

export async function mqttHostile(trial) {
  const cluster = await new Cluster(trial).start({ brokers: ['broker-a'] });
  const port = await freePort();
  const args = [
    'bridge',
    'mqtt',
    '--name',
    'bridge-a',
    '--listen',
    `mqtt://127.0.0.1:${port}`,
    '--nameserver',
    cluster.nameServers,
  ];
  const bridge = await startServer(args, join(trial.directory, 'bridge-a.log'));
  trial.atEnd(() => bridge.end('SIGKILL'));
  const honest = await startHonest(`mqtt://127.0.0.1:${port}`);
  trial.atEnd(() => honest.close());
  await sleep(BEFORE_MS);
  const attackMs = performance.now();
  const before = residentMib(bridge.pid);
  let peak = before;
  const sampler = setInterval(() => {
    if (bridge.running) peak = Math.max(peak, residentMib(bridge.pid));
  }, SAMPLE_MS);
  const windows = await attack(trial, { host: '127.0.0.1', port });
  await sleep(1_000);
  clearInterval(sampler);
  trial.check(bridge.running, 'the bridge still runs');
  const after = residentMib(bridge.pid);
  const text = `${before.toFixed(0)} MiB resident before, ${peak.toFixed(0)} at most, ${after.toFixed(0)} after`;
  trial.check(peak - before < GROWTH_MIB_MAX, `${text} (at most ${GROWTH_MIB_MAX} more)`);
  trial.figure('residentMib', { before: Math.round(before), peak: Math.round(peak), after: Math.round(after) });
  await honest.stop();
  checkHonest(trial, honest, attackMs, windows);
}

/** One device publishes steadily with QoS 1, another one gets it. */
async function startHonest(url) {
  const [publisher, subscriber] = await Promise.all([mqtt.connectAsync(url), mqtt.connectAsync(url)]);
  const sentMs = [];
  const times = new Map();
  const honest = { sentMs, times, drops: 0 };
  for (const client of [publisher, subscriber]) client.on('close', () => void honest.drops++);
  await subscriber.subscribeAsync('honest', { qos: 1 });
  subscriber.on('message', (_topic, payload) => {
    const n = Number(payload.toString());
    if (!times.has(n)) times.set(n, performance.now() - sentMs[n]);
  });
  const timer = setInterval(() => {
    publisher.publish('honest', String(sentMs.push(performance.now()) - 1), { qos: 1 });
  }, EVERY_MS);
  honest.stop = async () => {
    clearInterval(timer);
    for (let i = 0; i < 200 && times.size < sentMs.length; i++) await sleep(50);
  };
  honest.close = async () => {
    clearInterval(timer);
    await Promise.all([publisher.endAsync(true), subscriber.endAsync(true)]);
  };
  return honest;
}

/** @returns when each attack began and ended. */
function attack(trial, target) {
  const windows = [];
  let fromMs = 0;
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./mqtt-hostile-attacks.mjs', import.meta.url), { workerData: { target, seed: SEED } });
    trial.atEnd(() => worker.terminate());
    worker.on('error', reject);
    worker.on('exit', () => resolve(windows));
    worker.on('message', ({ kind, name, ms, verdict }) => {
      if (kind === 'begins') {
        fromMs = performance.now();
        return;
      }
      windows.push({ name, fromMs, toMs: performance.now() });
      trial.check(verdict.passed, `${name}: ${verdict.text}; ${(ms / 1000).toFixed(1)} s`);
    });
  });
}

function checkHonest(trial, { sentMs, times, drops }, attackMs, windows) {
  const p99 = (from, to) => {
    const part = [...times].filter(([n]) => sentMs[n] >= from && sentMs[n] < to).map(([, ms]) => ms);
    return part.sort((a, b) => a - b)[Math.floor(part.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  };
  const before = p99(0, attackMs);
  const during = p99(attackMs, Number.POSITIVE_INFINITY);
  const worst = windows
    .map(({ name, fromMs, toMs }) => ({ name, ms: p99(fromMs, toMs) }))
    .filter(({ ms }) => ms < Number.POSITIVE_INFINITY);
  for (const { name, ms } of worst.sort((a, b) => b.ms - a.ms).slice(0, 3)) trial.note(`${name}: p99 ${ms.toFixed(1)} ms`);
  trial.figure('honestP99Ms', { before: Math.round(before), during: Math.round(during) });
  trial.check(
    times.size === sentMs.length && drops === 0,
    `all ${sentMs.length} messages of honest devices arrived, ${drops} of their connections ended`,
  );
  const most = Math.max(P99_MS_MAX, P99_TIMES_MAX * before);
  trial.check(
    during <= most,
    `from one to the other: p99 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during the attacks (at most ${most.toFixed(0)})`,
  );
}
