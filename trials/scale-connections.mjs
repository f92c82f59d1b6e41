// Thousands of idle connections at one broker: what each takes of its memory, what they cost, and that others do not notice.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { produce } from '../benchmarks/produce.mjs';
import { Cluster } from './cluster.mjs';
import { cpuMs, openFilesMax, residentMib } from './measures.mjs';
import { beforeExit, freePort, sleep } from './processes.mjs';
import { seconds } from './trial.mjs';

const HOLDER = fileURLToPath(new URL('./idle-connections.mjs', import.meta.url));
const TOPIC = 'orders';
const QUICK_CONNECTIONS = 2_000;
const FULL_CONNECTIONS = 10_000;
const PROCESSES = 4;
/** Above what is needed besides: the log, the listener, the connections of others. */
const OTHER_FILES = 200;
/** The bound of WebSocket is the goal of its binding. */
const TRANSPORTS = [
  { scheme: 'qanat', kibMax: 32 },
  { scheme: 'ws', kibMax: 16 },
];
const IDLE_MS = 20_000;
const IDLE_SHARE_MAX = 0.1;
const GONE_MS = 10_000;
/** Of the processor time that the broker takes for a message; how long things take depends on what else the machine does. */
const COST_FACTOR_MAX = 2;
const SINGLE = { size: 128, batch: 1, inFlight: 1, ack: 'committed', durationMs: 3_000 };
const BATCHES = { size: 128, batch: 512, inFlight: 16, ack: 'committed', durationMs: 3_000 };

export async function scaleConnections(trial) {
  const count = trial.rounds(QUICK_CONNECTIONS, FULL_CONNECTIONS);
  if (openFilesMax() < count + OTHER_FILES) trial.skip(`${count} connections need ulimit -n ${count + OTHER_FILES}`);
  for (const { scheme, kibMax } of TRANSPORTS) await connectionsOver(trial, scheme, kibMax, count);
}

async function connectionsOver(trial, scheme, kibMax, count) {
  const name = `broker-${scheme}`;
  const web = `ws://127.0.0.1:${await freePort()}`;
  const cluster = await new Cluster(trial).start({ nameServers: [`ns-${scheme}`], brokers: [name], broker: { listen: [web] } });
  const address = scheme === 'ws' ? web : cluster.addressOf(name);
  const { pid } = cluster.server(name);
  const { client } = await cluster.connect('other');
  await client.admin.createTopic(TOPIC, { queues: 4 });
  await work(pid, client, 500);
  const without = await work(pid, client);
  await sleep(2_000);
  const beforeMib = residentMib(pid);
  const startedMs = performance.now();
  const holders = await Promise.all(Array.from({ length: PROCESSES }, (_, i) => hold(trial, address, share(count, i))));
  const openedMs = performance.now() - startedMs;
  const open = () => holders.reduce((sum, holder) => sum + holder.open, 0);
  trial.check(open() === count, `${scheme}: ${open()} of ${count} connections are open and greeted after ${seconds(openedMs)}`);
  await sleep(2_000);
  const afterMib = residentMib(pid);
  const kib = ((afterMib - beforeMib) * 1_024) / count;
  const memory = `${beforeMib.toFixed(0)} MiB before, ${afterMib.toFixed(0)} MiB with them`;
  trial.check(kib <= kibMax, `${scheme}: the broker holds ${kib.toFixed(1)} KiB for each (at most ${kibMax}): ${memory}`);
  const idleShare = await idle(trial, pid, open, count);
  tellWork(trial, without, await work(pid, client, SINGLE.durationMs, idleShare));
  for (const holder of holders) holder.end();
  const endMs = performance.now() + GONE_MS;
  while (open() > 0 && performance.now() < endMs) await sleep(100);
  await sleep(2_000); // each that ends takes the broker about 50 µs
  tellWork(trial, without, await work(pid, client), 'after they are gone');
  trial.note(`${scheme}: memory after they are gone: ${residentMib(pid).toFixed(0)} MiB`);
  trial.figure(scheme, { count, openedMs, beforeMib, afterMib, kib });
  await client.close();
  await cluster.stop();
}

const share = (count, i) => Math.floor(count / PROCESSES) + (i < count % PROCESSES ? 1 : 0);

/** Resolves when the connections of the process are greeted or refused. */
async function hold(trial, address, count) {
  const child = spawn(process.execPath, [HOLDER, address, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const holder = { open: 0, lost: 0, end: () => child.kill('SIGKILL') };
  beforeExit(holder.end);
  trial.atEnd(async () => holder.end());
  await new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      holder.open = 0;
      reject(new Error(`the process with the connections ended: ${code}`));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, open, , lost] = line.split(' ');
      Object.assign(holder, { open: Number(open), lost: Number(lost) });
      resolve();
    });
  });
  return holder;
}

/** Longer than the time after which a silent connection is closed is too long for a quick trial; pings come several times. */
async function idle(trial, pid, open, count) {
  const idleMs = trial.options.full ? 4 * IDLE_MS : IDLE_MS;
  const startMs = cpuMs(pid);
  await sleep(idleMs);
  const used = (cpuMs(pid) - startMs) / idleMs;
  trial.check(open() === count, `all ${count} are still open after ${seconds(idleMs)}`);
  const percent = (used * 100).toFixed(1);
  trial.check(used <= IDLE_SHARE_MAX, `their pings take ${percent} % of a processor (at most ${IDLE_SHARE_MAX * 100} %)`);
  trial.figure('idleProcessorShare', used);
  return used;
}

/** @param idleShare what pings take of a processor: it is no cost of messages. */
async function work(pid, client, durationMs = SINGLE.durationMs, idleShare = 0) {
  const single = await produce(client, TOPIC, { ...SINGLE, durationMs });
  const beforeMs = cpuMs(pid);
  const batches = await produce(client, TOPIC, { ...BATCHES, durationMs });
  const usedMs = cpuMs(pid) - beforeMs - idleShare * batches.seconds * 1_000;
  const us = (usedMs * 1_000) / batches.acked;
  return { p50: single.latency.p50, perSecond: batches.acked / batches.seconds, us };
}

function tellWork(trial, without, now, when = 'with them') {
  const text = ({ p50, perSecond, us }) =>
    `a single send ${p50.toFixed(2)} ms, in batches ${Math.round(perSecond / 1_000)} k/s at ${us.toFixed(2)} µs of the broker's processor`;
  trial.check(now.us <= COST_FACTOR_MAX * without.us, `${when}: ${text(now)}; before: ${text(without)}`);
  trial.figure(when, { without, now });
}
