// The MQTT bridge beside mosquitto, in one run: each work on the one right after the other. Ours stores every message of QoS 1
// durably before it acknowledges it; mosquitto keeps it in memory. Latency is also compared to what bare Node allows.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start, startCluster } from './cluster.mjs';
import { cpuMs, residentMb, stolenMs } from './process-cost.mjs';
import { median } from './yardstick.mjs';

const LOAD = fileURLToPath(new URL('./mqtt-load.mjs', import.meta.url));
const BARE = fileURLToPath(new URL('./mqtt-bare.mjs', import.meta.url));
const WINDOW = 100;
const WARM_UP_MS = 1_500;
/** So few messages need longer until V8 has compiled their way; what that takes is no delay of a bridge that runs. */
const LATENCY_WARM_UP_MS = 5_000;
/** Of a run, until the host of the machine is quiet enough. */
const TRIES_MAX = 20;

/** `key` is the figure that is compared. `sides`: of SIDES, where not the usual ones. */
const WORKS = [
  {
    name: 'QoS 0, 10 publishers to 1 subscriber',
    key: 'received',
    unit: 'messages/s',
    load: { work: 'throughput', qos: 0, publishers: 10, subscribers: 1 },
  },
  {
    name: 'QoS 1, 10 publishers, nobody listens',
    key: 'acked',
    unit: 'acks/s',
    load: { work: 'throughput', qos: 1, publishers: 10, subscribers: 0 },
  },
  {
    name: 'QoS 1, 10 publishers to 1 subscriber',
    key: 'received',
    unit: 'messages/s',
    load: { work: 'throughput', qos: 1, publishers: 10, subscribers: 1 },
  },
  {
    name: 'QoS 0, 1 publisher to 50 subscribers',
    key: 'received',
    unit: 'deliveries/s',
    load: { work: 'throughput', qos: 0, publishers: 1, subscribers: 50 },
  },
  {
    name: 'QoS 1 at 1,000 a second, p99',
    key: 'p99',
    unit: 'ms',
    sides: ['mosquitto', 'bare', 'bareTwo', 'oneProcess', 'bridge'],
    load: { work: 'latency', qos: 1, rate: 1000, warmUpMs: LATENCY_WARM_UP_MS },
  },
  {
    name: 'idle connection',
    key: 'bytes',
    unit: 'bytes',
    sides: ['mosquitto', 'bridge'],
    load: { work: 'idle', connections: 10_000 },
  },
];

const SIDES = {
  mosquitto: { title: 'mosquitto (memory)', start: startMosquitto },
  bare: { title: 'bare Node, one process', start: () => startBare(1) },
  bareTwo: { title: 'bare Node, two', start: () => startBare(2) },
  oneProcess: { title: 'Qanat, one process', start: startOneProcess },
  bridge: { title: 'Qanat, bridge and broker', start: startBridge },
};
const USUAL_SIDES = ['mosquitto', 'oneProcess', 'bridge'];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function reachable(port, child) {
  for (const endMs = performance.now() + 10_000; performance.now() < endMs; ) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${child.spawnfile} does not listen on ${port}`);
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

/** mosquitto as it loses nothing: its queues have no bounds. */
async function startMosquitto() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'mosquitto-bench-'));
  const settings = [
    'allow_anonymous true',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
    'log_type error',
    'persistence false',
  ];
  writeFileSync(join(dir, 'mosquitto.conf'), [`listener ${port} 127.0.0.1`, ...settings, ''].join('\n'));
  const child = spawn('mosquitto', ['-c', join(dir, 'mosquitto.conf')], { stdio: ['ignore', 'ignore', 'inherit'] });
  await reachable(port, child);
  return {
    port,
    pids: [child.pid],
    async stop() {
      await stop(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startBareProcess(args) {
  const child = spawn(process.execPath, [BARE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  return { child, port: JSON.parse(line).port };
}

/** Processes in a row, of which the last one answers. */
async function startBare(processes) {
  const chain = [await startBareProcess([])];
  for (let i = 1; i < processes; i++) chain.unshift(await startBareProcess([String(chain[0].port)]));
  return {
    port: chain[0].port,
    pids: chain.map(({ child }) => child.pid),
    async stop() {
      for (const { child } of chain) await stop(child);
    },
  };
}

/** NameServer, broker and bridge in one process, as `qanat dev` has them. */
async function startOneProcess({ flush, dir }) {
  const data = mkdtempSync(join(dir, 'qanat-bench-'));
  const dev = await start(['dev', '--data', data, '--flush', flush, '--nameservers', '1', '--brokers', '1']);
  return {
    port: Number(/:(\d+)$/.exec(dev.told.mqtt.endpoints[0].address)[1]),
    pids: [dev.child.pid],
    async stop() {
      await stop(dev.child);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** NameServer, broker and bridge, each a process. */
async function startBridge({ flush, dir }) {
  const cluster = await startCluster({ flush, directory: dir });
  const bridge = await cluster.start([
    'bridge',
    'mqtt',
    '--name',
    'bench',
    '--listen',
    'mqtt://127.0.0.1:0',
    '--nameserver',
    cluster.nameServers,
  ]);
  return {
    port: Number(/:(\d+)$/.exec(bridge.endpoint)[1]),
    pids: [bridge.child.pid, cluster.brokerPid],
    async stop() {
      await stop(bridge.child);
      await cluster.stop();
    },
  };
}

async function load(target, settings) {
  const child = fork(LOAD, [JSON.stringify({ ...settings, port: target.port })]);
  const next = () =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the load ended with ${code}`)));
    });
  if (settings.work !== 'idle') return (await next()).result;
  const before = residentMb(target.pids[0]);
  const first = next();
  const { open } = await first;
  const bytes = Math.round(((residentMb(target.pids[0]) - before) * 1024 * 1024) / open);
  const last = next();
  child.send('end');
  await last;
  return { bytes, connections: open };
}

async function measure(side, work, values) {
  const target = await side.start({ flush: values.flush, dir: values.dir ?? tmpdir() });
  try {
    const before = target.pids.map((pid) => cpuMs(pid));
    const stolenBefore = stolenMs();
    const settings = {
      window: WINDOW,
      payloadBytes: Number(values.size),
      warmUpMs: WARM_UP_MS,
      durationMs: Number(values.duration) * 1000,
    };
    const startMs = performance.now();
    const result = await load(target, { ...settings, ...work.load });
    const elapsedMs = performance.now() - startMs;
    const cores = target.pids.map((pid, i) => Math.round(((cpuMs(pid) - before[i]) / elapsedMs) * 100) / 100);
    // Of a virtual machine: what its host gave to others while it wanted to run. Much of it, and the figures are the host's.
    const stolenPercent = Math.round(((stolenMs() - stolenBefore) / elapsedMs / availableParallelism()) * 1000) / 10;
    return { ...result, ...result.latency, cores, stolenPercent };
  } finally {
    await target.stop();
  }
}

/** Chooses by what the host did, never by the figure. The last try counts whatever the host did. */
async function measureInQuiet(side, work, values) {
  for (let tries = 1; ; tries++) {
    const run = await measure(side, work, values);
    if (run.stolenPercent <= Number(values['stolen-max']) || tries === TRIES_MAX) return { ...run, tries };
  }
}

/** @param values the options of the command line: runs, size, duration, only, flush, stolen-max, dir, json. */
export async function mqtt(values) {
  const works = WORKS.filter(({ name }) => values.only === undefined || name.includes(values.only));
  const rows = works.map((work) => ({ work, runs: [] }));
  for (let i = 1; i <= Number(values.runs); i++) {
    for (const { work, runs } of rows) {
      process.stderr.write(`run ${i} of ${values.runs}: ${work.name}\n`);
      const run = {};
      for (const side of work.sides ?? USUAL_SIDES) run[side] = await measureInQuiet(SIDES[side], work, values);
      process.stderr.write(`  ${JSON.stringify(run)}\n`);
      runs.push(run);
    }
  }
  const table = rows.map(({ work, runs }) => ({
    name: work.name,
    unit: work.unit,
    sides: (work.sides ?? USUAL_SIDES).map((side) => ({
      side,
      title: SIDES[side].title,
      figure: median(runs.map((run) => run[side][work.key])),
      ratio: median(runs.map((run) => run[side][work.key] / run.mosquitto[work.key])),
      lost: Math.max(...runs.map((run) => run[side].lost ?? 0)),
      stolenPercent: Math.max(...runs.map((run) => run[side].stolenPercent)),
    })),
    runs,
  }));
  if (values.json) return console.log(JSON.stringify(table));
  const show = (figure) => (figure < 100 ? figure.toFixed(2) : Math.round(figure).toLocaleString('en'));
  console.log('| Work | by | median | to mosquitto | lost | stolen by the host, at most |\n|---|---|---|---|---|---|');
  for (const { name, unit, sides } of table)
    for (const { title, figure, ratio, lost, stolenPercent } of sides)
      console.log(`| ${name} | ${title} | ${show(figure)} ${unit} | ${ratio.toFixed(2)} | ${lost} | ${stolenPercent} % |`);
}
