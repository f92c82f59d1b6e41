// A broker with a large log is killed by kill -9 under load, the page cache is emptied, and it must be ready again soon: what it
// reads at its start does not grow with the log.
import { execFileSync } from 'node:child_process';
import { statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { makeLargeLog } from './large-log.mjs';
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
const IN_FLIGHT = 48;
const LOAD_MS = 8_000;
const BROKER = 'broker-a';

export async function recovery(trial) {
  const bytes = trial.rounds(QUICK_GB, FULL_GB) * GB;
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < 1.2 * bytes + GB) trial.skip(`${tmpdir()} has no room for a log of ${bytes / GB} GB`);
  const data = join(trial.directory, BROKER);
  const madeMs = performance.now();
  const progress = (position) => trial.progress(`${(position / GB).toFixed(1)} GB of ${bytes / GB} GB`);
  const shape = { topic: TOPIC, queues: QUEUES, bytes, messages: MESSAGES, messageBytes: MESSAGE_BYTES };
  await makeLargeLog(data, { ...shape, progress });
  trial.note(`the log was made in ${seconds(performance.now() - madeMs)}`);
  const cluster = await new Cluster(trial).start({ brokers: [BROKER], broker: { data: () => data } });
  const scanMs = cluster.readyMs(BROKER);
  trial.note(`without snapshots and with a warm cache, all of it read, a broker is ready after ${seconds(scanMs)}`);
  trial.figure('scanMs', Math.round(scanMs));
  const places = await loadAndKill(trial, cluster);
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

/** Puts load on the broker and kills it in the midst. @returns the offset behind the newest acknowledged message, by queue. */
async function loadAndKill(trial, cluster) {
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
  const { client } = await cluster.connect('producer');
  const producer = client.producer({ batchBytes: 8_192 });
  for (let i = 0; i < IN_FLIGHT; i++) work(producer).catch(() => undefined);
  await sleep(LOAD_MS);
  await cluster.end(BROKER, 'SIGKILL');
  state.stopped = true;
  trial.check(state.acked > 0, `${state.acked} messages were acknowledged in ${seconds(LOAD_MS)}, then kill -9 under load`);
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
