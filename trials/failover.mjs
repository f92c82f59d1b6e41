// Masters are killed by kill -9 in turn, under load, and started again; etcd elects: nothing acknowledged is lost, each queue
// comes in its order, and its producers wait a few seconds.
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed, Delivered } from './consuming.mjs';
import { startEtcd } from './etcd.mjs';
import { median } from './measures.mjs';
import { sleep } from './processes.mjs';
import { GROUPS, OUTAGE_MS_MAX, outages, Replicas, SERVERS, serverOf } from './replicas.mjs';
import { Traffic } from './traffic.mjs';
import { seconds } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const QUICK_KILLS = 3;
const FULL_KILLS = 30;
const CREW = ['one', 'two', 'three'];
/** Every so many kills the old master is started again at once, as a supervisor does: it may win, or find another one. */
const AT_ONCE_EVERY = 3;
const AT_ONCE_MS = 300;
/** A queue is without a master for so long at most, and then goes on. */
const REPEAT_MS = OUTAGE_MS_MAX + 2_000;
/** Between two kills. */
const CALM_MS = 1_000;

export async function failover(trial) {
  const kills = trial.rounds(QUICK_KILLS, FULL_KILLS);
  const etcd = await startEtcd(trial);
  const servers = { nameServers: ['ns-1', 'ns-2'], brokers: SERVERS, broker: { args: ['--etcd', etcd] } };
  const cluster = await new Cluster(trial).start(servers);
  const replicas = new Replicas(cluster);
  await replicas.allInSync();
  await cluster.createTopic(TOPIC, 4);
  const crew = [];
  const delivered = new Delivered();
  for (const label of CREW) crew.push(new Consuming((await cluster.connect(label)).client, TOPIC, { label, delivered }));
  const { client } = await cluster.connect('trial');
  const traffics = CREW.map((label) => new Traffic(client, TOPIC, { name: label, perSecond: 150, keys: 50 }).start());
  await sleep(2 * CALM_MS);
  const faults = await killInTurn(trial, cluster, replicas, kills);
  await Promise.all(traffics.map((traffic) => traffic.stop()));
  tellOutages(trial, traffics, faults);
  await checkLog(trial, client, TOPIC, traffics);
  await checkConsumed(trial, crew, traffics, 'a group of three');
  checkRepeated(trial, delivered, faults);
}

/** What was handled and not committed when a master died comes again from the next one, and nothing else does. */
function checkRepeated(trial, { repeatedMs }, faults) {
  const stray = repeatedMs.filter((ms) => !faults.some(({ fromMs }) => ms >= fromMs && ms <= fromMs + REPEAT_MS));
  trial.check(stray.length === 0, `what came again did so within ${seconds(REPEAT_MS)} of a kill`, [`${stray.length} did not`]);
}

/** @returns the kills: of which group, from when to when its queues may have been without a master. */
async function killInTurn(trial, cluster, replicas, kills) {
  const faults = [];
  for (let i = 0; i < kills; i++) {
    const group = GROUPS[i % GROUPS.length];
    await replicas.inSync(group);
    const old = await replicas.master(group);
    const fromMs = performance.now();
    await cluster.end(serverOf(group, old), 'SIGKILL');
    if (i % AT_ONCE_EVERY === AT_ONCE_EVERY - 1) await sleep(AT_ONCE_MS);
    else await replicas.master(group, { not: old });
    await cluster.startAgain(serverOf(group, old));
    await replicas.inSync(group);
    await sleep(CALM_MS);
    faults.push({ group, fromMs, toMs: performance.now() });
    trial.progress(`${i + 1} kills of ${kills}`);
  }
  return faults;
}

function tellOutages(trial, traffics, faults) {
  const waits = faults.flatMap(({ group, ...span }) => outages(traffics, group, span));
  const longestMs = Math.max(...waits);
  const waited = `${seconds(median(waits))} (median), ${seconds(longestMs)} at most`;
  trial.check(
    longestMs <= OUTAGE_MS_MAX,
    `${faults.length} masters killed: a queue was without one for ${waited}`,
    faults.map(({ group, ...span }) => `${group}: ${seconds(Math.max(...outages(traffics, group, span)))}`),
  );
  trial.figure('kills', faults.length);
  trial.figure('outageMedianMs', Math.round(median(waits)));
  trial.figure('outageMostMs', Math.round(longestMs));
}
