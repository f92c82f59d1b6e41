// Ten thousand topics of four queues exist on a broker; traffic on one of them must not notice. Start time and memory with them.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@qanat/client';
import { produce } from '../benchmarks/produce.mjs';
import { Cluster } from './cluster.mjs';
import { cpuMs, median, residentMib } from './measures.mjs';
import { seconds } from './trial.mjs';

const TOPIC = 'traffic';
const QUEUES = 4;
const QUICK_RUNS = 3;
const FULL_RUNS = 7;
const QUICK_TOPICS = 2_000;
const FULL_TOPICS = 10_000;
const QUICK_RUN_MS = 2_000;
const FULL_RUN_MS = 5_000;
const WARM_UP_MS = 1_500;
const SHARE_LEAST = 0.95;
const START_MS_MAX = 3_000;
/** Topics that are being created at a time. */
const CREATING = 200;
const WORK = { size: 128, batch: 512, inFlight: 16, ack: 'committed' };

export async function scaleTopics(trial) {
  const runs = trial.rounds(QUICK_RUNS, FULL_RUNS);
  const topics = trial.options.full ? FULL_TOPICS : QUICK_TOPICS;
  const few = await makeStore(trial, 'few', 0);
  const many = await makeStore(trial, 'many', topics);
  await startAfterKill(trial, many, topics);
  const results = { few: [], many: [] };
  await run(trial, few, 'warm'); // the code of this process is compiled by that
  for (let i = 0; i < runs; i++) {
    // Who is first changes, so that neither gains by it.
    for (const store of i % 2 === 0 ? [few, many] : [many, few]) results[store.name].push(await run(trial, store, i));
    trial.progress(`${i + 1} runs of ${runs}`);
  }
  tell(trial, results, topics);
}

/** A store with the topics in it, of a broker that was stopped as planned; every run begins with a copy. */
async function makeStore(trial, name, topics) {
  const data = join(trial.directory, `store-${name}`);
  const cluster = await new Cluster(trial).start({ brokers: [name], broker: { data: () => data } });
  const { client } = await cluster.connect('creator');
  await client.admin.createTopic(TOPIC, { queues: QUEUES });
  const startedMs = performance.now();
  let next = 0;
  const work = async () => {
    while (next < topics) await client.admin.createTopic(`topic-${String(next++).padStart(5, '0')}`, { queues: QUEUES });
  };
  await Promise.all(Array.from({ length: CREATING }, work));
  const ms = performance.now() - startedMs;
  if (topics > 0) {
    trial.check(ms < 30_000, `${topics} topics of ${QUEUES} queues were created in ${seconds(ms)} (less than 30 s)`);
    trial.figure('createMs', Math.round(ms));
  }
  const killed = `${data}-killed`;
  if (topics > 0) cpSync(data, killed, { recursive: true }); // as kill -9 leaves it
  await client.close();
  await cluster.end(name, 'SIGTERM');
  await cluster.stop();
  return { name, data, killed };
}

async function startAfterKill(trial, store, topics) {
  const { readyMs, cluster } = await startOn(trial, store, store.killed, 'killed');
  trial.check(
    readyMs <= START_MS_MAX,
    `with ${topics} topics, after kill -9, a broker is ready after ${seconds(readyMs)} (at most ${seconds(START_MS_MAX)})`,
  );
  trial.figure('startAfterKillMs', Math.round(readyMs));
  await cluster.stop();
}

async function startOn(trial, store, from, which) {
  const data = join(trial.directory, `run-${store.name}-${which}`);
  cpSync(from, data, { recursive: true });
  const cluster = new Cluster(trial);
  await cluster.start({ brokers: [store.name], broker: { data: () => data } });
  return { cluster, readyMs: cluster.readyMs(store.name), data };
}

async function run(trial, store, which) {
  const { cluster, readyMs } = await startOn(trial, store, store.data, which);
  const { pid } = cluster.server(store.name);
  const idleMib = residentMib(pid);
  const client = await connect(cluster.nameServers, { label: 'producer' });
  await produce(client, TOPIC, { ...WORK, durationMs: WARM_UP_MS });
  const durationMs = trial.options.full ? FULL_RUN_MS : QUICK_RUN_MS;
  const beforeMs = cpuMs(pid);
  const { acked, seconds: took } = await produce(client, TOPIC, { ...WORK, durationMs });
  const usedMs = cpuMs(pid) - beforeMs;
  const loadedMib = residentMib(pid);
  await client.close();
  await cluster.stop();
  return { perSecond: acked / took, cpuUs: (usedMs * 1_000) / acked, readyMs, idleMib, loadedMib };
}

function tell(trial, { few, many }, topics) {
  const of = (list, field) => median(list.map((one) => one[field]));
  const share = of(many, 'perSecond') / of(few, 'perSecond');
  const cpuShare = of(few, 'cpuUs') / of(many, 'cpuUs');
  const k = (value) => `${Math.round(value / 1_000)} k/s`;
  const rates = `${k(of(many, 'perSecond'))} with ${topics + 1} topics, ${k(of(few, 'perSecond'))} with one`;
  trial.check(
    share >= SHARE_LEAST,
    `throughput ${rates}: ${(share * 100).toFixed(1)} % (at least ${SHARE_LEAST * 100} %), medians of ${few.length} alternating runs`,
  );
  trial.note(
    `processor time of the broker per message: ${of(many, 'cpuUs').toFixed(2)} µs and ${of(few, 'cpuUs').toFixed(2)} µs`,
  );
  const readyMs = Math.max(...many.map((one) => one.readyMs));
  trial.check(
    readyMs <= START_MS_MAX,
    `with ${topics} topics a broker is ready after ${seconds(of(many, 'readyMs'))}, at most ${seconds(readyMs)}; with one ${seconds(of(few, 'readyMs'))}`,
  );
  const mib = (list) => `${of(list, 'idleMib').toFixed(0)} MiB idle, ${of(list, 'loadedMib').toFixed(0)} MiB loaded`;
  trial.note(`memory: ${mib(many)}; with one topic ${mib(few)}`);
  trial.figure('topics', topics);
  trial.figure('share', share);
  trial.figure('cpuShare', cpuShare);
  trial.figure('runs', { few, many });
}
