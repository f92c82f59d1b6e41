// The MQTT bridge beside mosquitto, in one run: each work on the one right after the other. Ours stores every message of QoS 1
// durably before it acknowledges it; mosquitto keeps it in memory.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from './cluster.mjs';
import { cpuMs, residentMb } from './process-cost.mjs';
import { median } from './yardstick.mjs';

const LOAD = fileURLToPath(new URL('./mqtt-load.mjs', import.meta.url));
const WINDOW = 100;
const WARM_UP_MS = 1_500;
/** So few messages need longer until V8 has compiled their way; what that takes is no delay of a bridge that runs. */
const LATENCY_WARM_UP_MS = 5_000;

/** `key` is the figure that is compared; `lower`: less is better. */
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
    lower: true,
    load: { work: 'latency', qos: 1, rate: 1000, warmUpMs: LATENCY_WARM_UP_MS },
  },
  { name: 'idle connection', key: 'bytes', unit: 'bytes', lower: true, load: { work: 'idle', connections: 10_000 } },
];

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

async function measure(start, work, values) {
  const target = await start();
  try {
    const before = target.pids.map((pid) => cpuMs(pid));
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
    return { ...result, ...result.latency, cores };
  } finally {
    await target.stop();
  }
}

/** @param values the options of the command line: runs, size, duration, only, flush, dir, json. */
export async function mqtt(values) {
  const works = WORKS.filter(({ name }) => values.only === undefined || name.includes(values.only));
  const sides = { mosquitto: startMosquitto, bridge: () => startBridge({ flush: values.flush, dir: values.dir ?? tmpdir() }) };
  const rows = works.map((work) => ({ work, runs: [] }));
  for (let i = 1; i <= Number(values.runs); i++) {
    for (const { work, runs } of rows) {
      process.stderr.write(`run ${i} of ${values.runs}: ${work.name}\n`);
      const run = {};
      for (const [side, start] of Object.entries(sides)) run[side] = await measure(start, work, values);
      process.stderr.write(`  ${JSON.stringify(run)}\n`);
      runs.push(run);
    }
  }
  const table = rows.map(({ work, runs }) => {
    const of = (side, key) => median(runs.map((run) => run[side][key]));
    const ratio = median(runs.map(({ bridge, mosquitto }) => bridge[work.key] / mosquitto[work.key]));
    const lost = (side) => Math.max(...runs.map((run) => run[side].lost ?? 0));
    return {
      name: work.name,
      unit: work.unit,
      mosquitto: of('mosquitto', work.key),
      bridge: of('bridge', work.key),
      ratio,
      lost: { mosquitto: lost('mosquitto'), bridge: lost('bridge') },
      runs,
    };
  });
  if (values.json) return console.log(JSON.stringify(table));
  const show = (figure) => (figure < 100 ? figure.toFixed(2) : Math.round(figure).toLocaleString('en'));
  console.log('| Work | mosquitto (memory) | Qanat (durable) | ratio | lost, mosquitto / Qanat |\n|---|---|---|---|---|');
  for (const row of table)
    console.log(
      `| ${row.name} | ${show(row.mosquitto)} ${row.unit} | ${show(row.bridge)} ${row.unit} | ${row.ratio.toFixed(2)} | ${row.lost.mosquitto} / ${row.lost.bridge} |`,
    );
}
