// A master is killed and nobody is promoted: consumers read on at its slave, producers go on at the other group. Then the slave
// is promoted: everything comes, once.
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed, Delivered } from './consuming.mjs';
import { sleep } from './processes.mjs';
import { GROUPS, Replicas, SERVERS, serverOf } from './replicas.mjs';
import { Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const GROUP = 'broker-a';
const CREW = ['one', 'two', 'three'];
const QUEUES = 4;
const SHARED_MS = 15_000;
const BACKLOG_MS = 4_000;
/** What was acknowledged so long before the kill the slave knows to be committed. */
const KNOWN_MS = 1_000;
const DRAIN_MS = 6_000;
/** So little that the backlog lies at the brokers: what members hold already says nothing of the slave. */
const PREFETCH_BYTES = 4 * 1024;
/** What they hold nevertheless, with the answers that are on their way: a message takes 40 bytes at least. */
const PREFETCHED_MAX = (CREW.length * 2 * PREFETCH_BYTES) / 40;
/** Without keys nobody waits for a master that is dead: for one attempt, and for the route. */
const GAP_MS_MAX = 3_000;

export async function failoverManual(trial) {
  const cluster = await new Cluster(trial).start({ nameServers: ['ns-1', 'ns-2'], brokers: SERVERS });
  const replicas = new Replicas(cluster);
  await replicas.allInSync();
  await cluster.createTopic(TOPIC, QUEUES);
  let open = () => {};
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const delivered = new Delivered();
  const crew = [];
  const moved = [];
  for (const label of CREW) {
    const { client } = await cluster.connect(label);
    client.onEvent((event) => event.kind === 'reading' && moved.push(event));
    crew.push(new Consuming(client, TOPIC, { label, gate, prefetchBytes: PREFETCH_BYTES, delivered }));
  }
  const { client } = await cluster.connect('trial');
  await isShared(client.admin);
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 400, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 400 }).start();
  await sleep(BACKLOG_MS);
  const killedMs = performance.now();
  await cluster.end(serverOf(GROUP, 0), 'SIGKILL');
  open();
  const late = await drain(trial, delivered, [keyed, free], killedMs);
  const isAtSlave = moved.some(({ broker, from }) => broker === GROUP && from === 'slave');
  trial.check(isAtSlave, 'and its consumers said that they read at the slave');
  const endMs = performance.now();
  await promote(trial, cluster, replicas);
  await cluster.startAgain(serverOf(GROUP, 0));
  const backMs = await replicas.inSync(GROUP);
  trial.check(true, `the old master is started again: a slave, in sync after ${seconds(backMs)}`);
  await Promise.all([keyed.stop(), free.stop()]);
  checkFree(trial, free, killedMs, endMs);
  await checkLog(trial, client, TOPIC, [keyed, free]);
  await checkConsumed(trial, crew, [keyed, free], 'a group of three');
  trial.check(
    late.every((at) => delivered.got.has(at)),
    `after the promotion came the ${late.length} that the slave did not know to be committed`,
    late.filter((at) => !delivered.got.has(at)),
  );
}

/** A queue on its way from one member to another waits for a master: before the first message they are where they stay. */
async function isShared(admin) {
  let before;
  const look = async () => {
    const { queues } = await admin.describeGroup('demo').catch(() => ({ queues: [] }));
    const owners = queues.map(({ broker, queue, member }) => `${broker}/${queue} ${member}`).join();
    const all = new Set(queues.map(({ member }) => member));
    const stays = owners === before;
    before = owners;
    return stays && queues.length === GROUPS.length * QUEUES && all.size === CREW.length ? true : undefined;
  };
  if ((await until(look, { withinMs: SHARED_MS, everyMs: 1_000 })) === undefined)
    throw new Error(`the members do not share the queues: ${before}`);
}

/** @returns the places of what was acknowledged by the dead master and did not come from its slave. */
async function drain(trial, { got }, traffics, killedMs) {
  const acked = traffics
    .flatMap((traffic) => [...traffic.acked.values()])
    .filter(({ place, ackedMs }) => place.startsWith(`${GROUP}/`) && ackedMs <= killedMs);
  const at = ({ place, offset }) => `${place}@${offset}`;
  const missing = (list) => list.map(at).filter((one) => !got.has(one));
  const known = acked.filter(({ ackedMs }) => ackedMs < killedMs - KNOWN_MS);
  const before = acked.length - missing(acked).length;
  const drained = await until(() => (missing(known).length === 0 ? true : undefined), { withinMs: DRAIN_MS, sinceMs: killedMs });
  const took = `${seconds(drained?.ms)} (at most ${seconds(DRAIN_MS)})`;
  trial.check(
    drained !== undefined && acked.length - before > PREFETCHED_MAX,
    `killed, nobody promoted: ${acked.length - before} messages of it are read from the slave, after ${took}`,
    byQueue(missing(known)),
  );
  await sleep(Math.max(0, DRAIN_MS - (performance.now() - killedMs)));
  const late = missing(acked);
  trial.figure('drainedFromSlave', acked.length - before - late.length);
  trial.figure('waitedForPromotion', late.length);
  return late;
}

/** How many of each queue, and the first of them. */
function byQueue(places) {
  const queues = new Map();
  for (const at of places) {
    const [queue, offset] = at.split('@');
    queues.set(queue, [...(queues.get(queue) ?? []), Number(offset)]);
  }
  return [...queues].map(([queue, offsets]) => `${queue}: ${offsets.length}, from offset ${Math.min(...offsets)} on`);
}

async function promote(trial, cluster, replicas) {
  const { code, notes, ms } = await cluster.qanat('broker', 'promote', GROUP, '--replica', '1');
  trial.check(code === 0, `qanat broker promote ${GROUP} --replica 1: ${seconds(ms)}`, notes);
  const master = await replicas.master(GROUP, { not: 0 });
  trial.check(master === 1, 'replica 1 is master, and no other');
}

function checkFree(trial, free, killedMs, endMs) {
  const { ms } = free.longestGap(killedMs - 1_000, endMs);
  trial.check(ms < GAP_MS_MAX, `sends without keys went on at the other group: longest gap ${seconds(ms)}`);
}
