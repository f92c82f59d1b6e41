// A broker with a large log is killed by kill -9 under load, the page cache is emptied, and it must be ready again soon: what it
// reads at its start does not grow with the log. Flush is async, since the trial is of the start; a kill leaves the page cache.
import { execFileSync } from 'node:child_process';
import { statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { residentMib } from './measures.mjs';
import { sleep } from './processes.mjs';
import { seconds, until } from './trial.mjs';

const GB = 1e9;
const QUICK_GB = 1;
const FULL_GB = 10;
const READY_MS_MAX = 3_000;
const TOPIC = 'archive';
const QUEUES = 8;
/** About 4 KiB a batch. */
const MESSAGES = 28;
const MESSAGE_BYTES = 128;
const IN_FLIGHT = 200;
const PRODUCERS = 2;
const BROKER = 'broker-a';

export async function recovery(trial) {
  const wantedBytes = trial.rounds(QUICK_GB, FULL_GB) * GB;
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < 1.2 * wantedBytes + GB) trial.skip(`${tmpdir()} has no room for a log of ${wantedBytes / GB} GB`);
  const data = join(trial.directory, BROKER);
  const cluster = await new Cluster(trial).start({ brokers: [BROKER], broker: { data: () => data, args: ['--flush', 'async'] } });
  await cluster.createTopic(TOPIC, QUEUES);
  const places = await fillAndKill(trial, cluster, data, wantedBytes);
  const isCold = dropCaches(trial);
  await cluster.startAgain(BROKER);
  const readyMs = cluster.readyMs(BROKER);
  const size = `${(logBytes(data) / GB).toFixed(1)} GB in batches of 4 KiB`;
  trial.check(
    readyMs <= READY_MS_MAX,
    `with a log of ${size}, after kill -9, ${isCold ? 'cold' : 'warm'} page cache, ready after ${seconds(readyMs)} (at most ${seconds(READY_MS_MAX)})`,
  );
  trial.figure('readyMs', Math.round(readyMs));
  const mib = residentMib(cluster.server(BROKER).pid);
  trial.note(`memory of the broker when it is ready: ${mib.toFixed(0)} MiB, the index of the whole log included`);
  trial.figure('residentMib', Math.round(mib));
  await checkOffsets(trial, cluster, places);
  await cluster.end(BROKER, 'SIGTERM');
  await checkLog(trial, cluster, data, places);
}

/** Fills the log and kills the broker in the midst of it. @returns the offset behind the newest acknowledged message, by queue. */
async function fillAndKill(trial, cluster, data, wantedBytes) {
  const places = new Map();
  const state = { acked: 0, stopped: false };
  const body = new Uint8Array(MESSAGE_BYTES).fill(46);
  const work = async (producer) => {
    while (!state.stopped) {
      const messages = Array.from({ length: MESSAGES }, () => ({ body }));
      for (const { broker, queue, baseOffset, count } of await producer.sendBatch(TOPIC, messages)) {
        const place = `${broker}/${queue}`;
        places.set(place, Math.max(places.get(place) ?? 0, baseOffset + count));
        state.acked += count;
      }
    }
  };
  const startedMs = performance.now();
  const workers = [];
  for (let i = 0; i < PRODUCERS; i++) {
    const { client } = await cluster.connect(`producer-${i}`);
    const producer = client.producer({ batchBytes: 8_192 });
    for (let k = 0; k < IN_FLIGHT; k++) workers.push(work(producer).catch(() => undefined));
  }
  while (logBytes(data) < wantedBytes) {
    trial.progress(`${(logBytes(data) / GB).toFixed(1)} GB of ${wantedBytes / GB} GB`);
    await sleep(250);
  }
  await cluster.end(BROKER, 'SIGKILL');
  state.stopped = true;
  const took = performance.now() - startedMs;
  trial.note(`${state.acked} messages were acknowledged in ${seconds(took)}, then kill -9 under load`);
  return places;
}

/** Bytes of the log, by the name of its newest file, which is its position. */
const logBytes = (data) => {
  const names = execFileSync('ls', [join(data, 'log')], { encoding: 'utf8' }).split('\n');
  return Math.max(0, ...names.flatMap((name) => (name.endsWith('.seg') ? [Number.parseInt(name, 10)] : [])));
};

function dropCaches(trial) {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3\n');
    return true;
  } catch {
    trial.skipPart('emptying the page cache needs root: the start is measured with a warm one');
    return false;
  }
}

async function checkOffsets(trial, cluster, places) {
  const { client } = await cluster.connect('reader');
  const described = await until(() => client.admin.describeTopic(TOPIC).catch(() => undefined), { withinMs: 10_000 });
  const next = new Map(
    (described?.value.queues ?? []).map(({ broker, queue, highWatermark }) => [`${broker}/${queue}`, highWatermark]),
  );
  const short = [...places].filter(([place, offset]) => (next.get(place) ?? 0) < offset);
  trial.check(short.length === 0, `every acknowledged offset of ${places.size} queues is there`, short.map(String));
}

/** Reads the whole log, entry by entry. */
async function checkLog(trial, cluster, data, places) {
  const { code, output, ms, notes } = await cluster.qanat('log', 'verify', data, '--output', 'json');
  trial.check(code === 0, `qanat log verify read all of it in ${seconds(ms)} and found no damage`, notes);
  if (code !== 0) return;
  const { queues } = JSON.parse(output);
  const bad = queues.filter(
    ({ queue, oldest, next, messages }) => messages !== next - oldest || next < (places.get(`${BROKER}/${queue}`) ?? 0),
  );
  trial.check(
    bad.length === 0,
    'the offsets of every queue are dense, up to the newest acknowledged one',
    bad.map((one) => JSON.stringify(one)),
  );
}
