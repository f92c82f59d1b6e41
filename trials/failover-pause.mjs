// A master sleeps for 20 s (SIGSTOP), then a slave; etcd elects: there are never two masters that acknowledge, nothing
// acknowledged is lost, and the sleeper is a replica in sync again.
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed, Delivered } from './consuming.mjs';
import { startEtcd } from './etcd.mjs';
import { sleep } from './processes.mjs';
import { GROUPS, OUTAGE_MS_MAX, outages, Replicas, SERVERS, serverOf } from './replicas.mjs';
import { Traffic } from './traffic.mjs';
import { seconds } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const SLEEP_MS = 20_000;
/** A slave of the in-sync set that says nothing for so long is waited for no more; then its master needs a moment. */
const LAG_MS_MAX = 10_000 + 3_000;
const CREW = ['one', 'two', 'three'];

export async function failoverPause(trial) {
  const rounds = trial.rounds(1, 3);
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
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 200, keys: 50 }).start();
  const traffics = [keyed, new Traffic(client, TOPIC, { name: 'free', perSecond: 200 }).start()];
  await sleep(2_000);
  for (let round = 0; round < rounds; round++) {
    await masterSleeps(trial, cluster, replicas, keyed);
    await slaveSleeps(trial, cluster, replicas, keyed);
  }
  await Promise.all(traffics.map((traffic) => traffic.stop()));
  await checkLog(trial, client, TOPIC, traffics);
  await checkConsumed(trial, crew, traffics, 'a group of three');
}

async function sleeps(trial, cluster, replicas, group, replica) {
  const fromMs = performance.now();
  cluster.freeze(serverOf(group, replica));
  await sleep(SLEEP_MS);
  cluster.thaw(serverOf(group, replica));
  const inSyncMs = await replicas.inSync(group);
  trial.progress(`${serverOf(group, replica)} slept for ${seconds(SLEEP_MS)}`);
  return { fromMs, toMs: performance.now(), inSyncMs };
}

async function masterSleeps(trial, cluster, replicas, keyed) {
  const [group] = GROUPS;
  const old = await replicas.master(group);
  const { inSyncMs, ...span } = await sleeps(trial, cluster, replicas, group, old);
  const masters = await replicas.masters(group);
  trial.check(
    masters.length === 1 && masters[0] !== old,
    `a master sleeps for ${seconds(SLEEP_MS)}: another one leads, it is a slave, in sync ${seconds(inSyncMs)} after it woke`,
    [`masters: ${masters.join()}`],
  );
  const longestMs = Math.max(...outages([keyed], group, span));
  trial.check(longestMs <= OUTAGE_MS_MAX, `a queue was without a master for ${seconds(longestMs)} at most`);
  trial.figure('masterOutageMs', Math.round(longestMs));
}

async function slaveSleeps(trial, cluster, replicas, keyed) {
  const group = GROUPS[1];
  const master = await replicas.master(group);
  const { inSyncMs, ...span } = await sleeps(trial, cluster, replicas, group, 1 - master);
  const masters = await replicas.masters(group);
  trial.check(
    masters.length === 1 && masters[0] === master,
    `a slave sleeps for ${seconds(SLEEP_MS)}: the master stays, the slave is in sync ${seconds(inSyncMs)} after it woke`,
    [`masters: ${masters.join()}`],
  );
  const longestMs = Math.max(...outages([keyed], group, span));
  trial.check(longestMs <= LAG_MS_MAX, `its master waited for it, then went on: ${seconds(longestMs)} at most`);
  trial.figure('slaveOutageMs', Math.round(longestMs));
}
