// The power of a broker's disk is cut under load, again and again: what was acknowledged is there. The same with syncs switched
// off from outside must lose, or the trial could not see a loss.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { LoopDisk, whyNoLoopDisk } from './loop-disk.mjs';
import { sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog, readTopic } from './verify.mjs';

const TOPIC = 'orders';
const BROKER = 'broker-a';
const QUICK_CUTS = 6;
const FULL_CUTS = 50;
const CONTROL_ROUNDS = 3;
/** Of the file; it is sparse. Above twice the reserve of a broker. */
const DISK_MIB = 2_048;
const BACK_MS = 10_000;
/** How often the disk goes while the broker recovers, and when. */
const AGAIN_SHARE = 0.3;
const AGAIN_WITHIN_MS = 200;
const AWAY_MS = 3_000;
/** A topic that is lost is waited for. */
const READ_MS = 3_000;
const EATMYDATA = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib', '/usr/lib64'].map(
  (directory) => `${directory}/libeatmydata.so`,
);

const between = (from, to) => from + Math.random() * (to - from);

export async function powerCut(trial) {
  const why = whyNoLoopDisk(['mkfs.ext4', 'mkfs.xfs', 'xfs_io', 'losetup']);
  if (why !== undefined) trial.skip(why);
  const cuts = trial.rounds(QUICK_CUTS, FULL_CUTS);
  await cutAgainAndAgain(trial, 'ext4', Math.ceil(cuts / 2));
  if (cuts > 1) await cutAgainAndAgain(trial, 'xfs', Math.floor(cuts / 2));
  await control(trial);
}

async function cutAgainAndAgain(trial, type, cuts) {
  const disk = makeDisk(trial, type);
  const cluster = await startOn(trial, disk);
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 1_000, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 1_000 }).start();
  const done = { cuts: 0, recovering: 0, slowestMs: 0 };
  let upMs = performance.now();
  while (done.cuts < cuts) {
    const sinceMs = upMs;
    const acks = () => Math.max(keyed.lastAckMs(BROKER), free.lastAckMs(BROKER)) > sinceMs || undefined;
    const back = await until(acks, { withinMs: BACK_MS, everyMs: 10, sinceMs });
    if (back === undefined) throw new Error(`${BROKER} acknowledges nothing for ${seconds(BACK_MS)}`);
    await sleep(between(0, 500));
    await cut(cluster, disk);
    done.cuts++;
    await restart(cluster, disk, done, cuts);
    upMs = performance.now();
    trial.progress(`${type}: ${done.cuts} cuts of ${cuts}, ${keyed.acked.size + free.acked.size} acknowledged`);
  }
  await sleep(500);
  await Promise.all([keyed.stop(), free.stop()]);
  const during = `${done.recovering} of them while the broker recovered`;
  trial.check(
    done.cuts === cuts,
    `${type}: ${done.cuts} power cuts, ${during}; the slowest was ready after ${seconds(done.slowestMs)}`,
  );
  const torn = readFileSync(trial.log(BROKER), 'utf8').split('log.tail.torn').length - 1;
  trial.note(`${type}: recoveries so far that cut a torn tail: ${torn}`);
  trial.figure(type, { ...done, torn, acked: keyed.acked.size + free.acked.size });
  await checkLog(trial, client, TOPIC, [keyed, free]);
  await client.close({ drain: false });
  await cluster.stop();
  disk.unmount();
}

function makeDisk(trial, type) {
  const disk = new LoopDisk(trial.directory, type, DISK_MIB);
  trial.atEnd(async () => disk.detach());
  return disk;
}

function startOn(trial, disk, env = {}) {
  const broker = { data: (name) => join(disk.mountPoint, name), env };
  return new Cluster(trial).start({ brokers: [BROKER], broker });
}

/** The disk goes first, so that for a moment the broker runs on one that takes nothing; or the process and then the disk. */
async function cut(cluster, disk) {
  if (Math.random() < 0.5) writeBackSomething(disk);
  if (Math.random() < 0.25) {
    await cluster.end(BROKER, 'SIGKILL');
    disk.cutPower();
  } else {
    disk.cutPower();
    if (Math.random() < 0.5) await sleep(between(0, 30));
    await cluster.end(BROKER, 'SIGKILL');
  }
  disk.unmount();
  disk.mount();
}

/** Near the end of the log, where bytes wait for their sync: leaves holes with whole entries behind them. */
function writeBackSomething(disk) {
  const folder = join(disk.mountPoint, BROKER, 'log');
  const newest = existsSync(folder) ? readdirSync(folder).sort().at(-1) : undefined;
  if (newest === undefined) return;
  const file = join(folder, newest);
  const end = statSync(file).size;
  for (let i = 0; i < 3; i++) {
    const from = Math.max(0, Math.floor((end - between(0, 2_097_152)) / 4_096)) * 4_096;
    disk.writeBack(file, from, 4_096 * Math.ceil(between(1, 8)));
  }
}

async function restart(cluster, disk, done, cuts) {
  for (;;) {
    const sinceMs = performance.now();
    let settled = false;
    const starting = cluster.startAgain(BROKER).then(
      () => true,
      (error) => error,
    );
    starting.then(() => {
      settled = true;
    });
    if (done.cuts < cuts && Math.random() < AGAIN_SHARE) {
      await sleep(between(0, AGAIN_WITHIN_MS));
      if (!settled) done.recovering++;
      await cut(cluster, disk);
      done.cuts++;
      continue;
    }
    const outcome = await starting;
    if (outcome !== true) throw outcome;
    done.slowestMs = Math.max(done.slowestMs, performance.now() - sinceMs);
    return;
  }
}

/** Syncs that do nothing: the trial must see what is lost, each time on a new disk. */
async function control(trial) {
  const library = EATMYDATA.find((path) => existsSync(path));
  if (library === undefined) return trial.skipPart('without syncs it must lose: it needs libeatmydata (Debian: eatmydata)');
  const lost = [];
  for (let round = 0; round < CONTROL_ROUNDS; round++) {
    const disk = makeDisk(trial, round % 2 === 0 ? 'ext4' : 'xfs');
    const cluster = await startOn(trial, disk, { LD_PRELOAD: library });
    await cluster.createTopic(TOPIC, 4);
    const { client } = await cluster.connect('control');
    const traffic = new Traffic(client, TOPIC, { perSecond: 2_000 }).start();
    await sleep(1_500);
    disk.cutPower();
    await cluster.end(BROKER, 'SIGKILL');
    const acked = [...traffic.acked];
    traffic.abandon();
    await client.close({ drain: false });
    disk.unmount();
    disk.mount();
    // A store that lost everything is another one: until the old one is away, its name is taken.
    await sleep(AWAY_MS);
    await cluster.startAgain(BROKER);
    const { client: reader } = await cluster.connect('reader');
    const found = await Promise.race([readTopic(reader, TOPIC).catch(() => []), sleep(READ_MS).then(() => [])]);
    const stored = new Set(found.map(({ place, offset }) => `${place}@${offset}`));
    lost.push(acked.filter(([, { place, offset }]) => !stored.has(`${place}@${offset}`)).length);
    trial.note(`without syncs: ${lost.at(-1)} of ${acked.length} acknowledged were lost`);
    await reader.close({ drain: false });
    await cluster.stop();
    disk.unmount();
  }
  trial.figure('lostWithoutSyncs', lost);
  trial.check(
    lost.every((count) => count > 0),
    'with syncs switched off from outside each cut loses, and it is seen',
  );
}
