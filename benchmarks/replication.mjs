// What a slave costs: the same produce by a broker alone, and by a master with one slave in sync; and how fast an empty slave
// catches up. Master, slave and producer share the machine's processors.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@qanat/client';
import { start, stop } from './cluster.mjs';
import { cpuMs } from './process-cost.mjs';
import { produce } from './produce.mjs';
import { median } from './yardstick.mjs';

const TOPIC = 'bench';
const PRODUCE = { size: 128, batch: 512, inFlight: 16 };
const WARM_UP_MS = 2_000;
const POLL_MS = 20;
const SYNC_MS_MAX = 60_000;

/** A NameServer with records and the first replica of a group, or a broker alone. */
async function startGroup({ dir, flush, replicated }) {
  const home = mkdtempSync(join(dir, 'qanat-replication-'));
  const nameServer = await start(['nameserver', '--listen', '127.0.0.1:0', '--data', join(home, 'ns')]);
  const startReplica = (replica) =>
    start([
      ...['broker', '--name', 'bench', '--listen', '127.0.0.1:0', '--nameserver', nameServer.endpoint, '--flush', flush],
      ...['--data', join(home, `b${replica}`)],
      ...(replicated ? ['--replica', String(replica), ...(replica > 0 ? ['--slave'] : [])] : []),
    ]);
  const master = await startReplica(0);
  const client = await connect(nameServer.endpoint);
  return {
    client,
    master,
    startSlave: () => startReplica(1),
    async stop(...slaves) {
      await client.close();
      for (const one of [...slaves, master, nameServer]) await stop(one);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Waits until so many replicas are in sync and have all of the master's log. @returns the length of it. */
async function inSync(client, count) {
  const untilMs = performance.now() + SYNC_MS_MAX;
  for (;;) {
    const { replicas, master } = await client.admin.describeBroker('bench');
    const { logEnd = 0 } = replicas.find(({ replica }) => replica === master)?.details ?? {};
    if (replicas.filter(({ inSync, lagBytes }) => inSync && lagBytes === 0).length >= count) return logEnd;
    if (performance.now() > untilMs) throw new Error(`no ${count} replicas in sync within ${SYNC_MS_MAX / 1000} s`);
    await sleep(POLL_MS);
  }
}

/** Acknowledged messages a second, and what they cost each process. */
async function measured({ dir, flush, durationMs, ack, slave }) {
  const group = await startGroup({ dir, flush, replicated: slave });
  const slaves = [];
  try {
    await group.client.admin.createTopic(TOPIC);
    if (slave) slaves.push(await group.startSlave());
    if (slave) await inSync(group.client, 2);
    await produce(group.client, TOPIC, { ...PRODUCE, ack, durationMs: WARM_UP_MS });
    const pids = [group.master, ...slaves].map(({ child }) => child.pid);
    const before = pids.map(cpuMs);
    const result = await produce(group.client, TOPIC, { ...PRODUCE, ack, durationMs });
    const cpu = pids.map((pid, i) => (cpuMs(pid) - before[i]) / 1000 / (result.acked / 1e6));
    return {
      perSecond: result.acked / result.seconds,
      p99Ms: result.latency.p99,
      masterCpu: cpu[0],
      slaveCpu: cpu[1],
      failures: result.failures,
    };
  } finally {
    await group.stop(...slaves);
  }
}

/** Bytes of log a second that an empty slave takes in until it is in sync. */
async function catchUp({ dir, flush, megabytes }) {
  const group = await startGroup({ dir, flush, replicated: true });
  const slaves = [];
  try {
    await group.client.admin.createTopic(TOPIC);
    const messages = Math.ceil((megabytes * 1e6) / (1_024 * 512)) * 512;
    await produce(group.client, TOPIC, { size: 1_000, batch: 512, inFlight: 8, ack: 'committed', durationMs: 600_000, messages });
    const logEnd = await inSync(group.client, 1);
    const startMs = performance.now();
    slaves.push(await group.startSlave());
    const readyMs = performance.now();
    await inSync(group.client, 2);
    const ms = performance.now() - readyMs;
    return { bytes: logEnd, startMs: readyMs - startMs, gigabytesPerSecond: logEnd / 1e6 / ms };
  } finally {
    await group.stop(...slaves);
  }
}

const WORKS = [
  { name: 'alone, committed', ack: 'committed', slave: false },
  { name: 'one slave, committed', ack: 'committed', slave: true },
  { name: 'one slave, leader', ack: 'leader', slave: true },
];

const show = (figure, digits = 0) =>
  figure === undefined ? '–' : figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** @param values the options of the command line: runs, duration, flush, dir, json. */
export async function replication(values) {
  const runs = Number(values.runs);
  const common = { dir: values.dir ?? tmpdir(), flush: values.flush, durationMs: Number(values.duration) * 1000 };
  const rounds = WORKS.map(() => []);
  const caught = [];
  for (let i = 1; i <= runs; i++) {
    process.stderr.write(`run ${i} of ${runs}\n`);
    for (const [at, work] of WORKS.entries()) rounds[at].push(await measured({ ...common, ...work }));
    caught.push(await catchUp({ ...common, megabytes: 500 }));
  }
  const of = (at, field) => (rounds[at][0][field] === undefined ? undefined : median(rounds[at].map((one) => one[field])));
  const rows = WORKS.map(({ name }, at) => ({
    name,
    perSecond: of(at, 'perSecond'),
    ratio: median(rounds[at].map(({ perSecond }, i) => perSecond / rounds[0][i].perSecond)),
    p99Ms: of(at, 'p99Ms'),
    masterCpu: of(at, 'masterCpu'),
    slaveCpu: of(at, 'slaveCpu'),
    failures: Object.assign({}, ...rounds[at].map(({ failures }) => failures)),
  }));
  const catchUpRow = {
    megabytes: caught[0].bytes / 1e6,
    gigabytesPerSecond: median(caught.map((one) => one.gigabytesPerSecond)),
  };
  if (values.json) return console.log(JSON.stringify({ runs, flush: values.flush, rows, catchUp: catchUpRow }));
  console.log(
    '| Produce, batches of 512 × 128 B | messages/s | to alone | p99 of a batch, ms | CPU s per million: master | slave |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const row of rows)
    console.log(
      `| ${row.name} | ${show(row.perSecond)} | ${show(row.ratio * 100)} % | ${show(row.p99Ms, 1)} | ${show(row.masterCpu, 2)} | ${show(row.slaveCpu, 2)} |`,
    );
  console.log(
    `An empty slave copies ${show(catchUpRow.megabytes)} MB of log at ${show(catchUpRow.gigabytesPerSecond, 2)} GB/s until it is in sync.`,
  );
}
