// A master is cut off together with some of its clients, and its slave is promoted on the other side: the old one commits nothing
// any more, and what its clients were not told to be stored is gone when the networks are one again.
import { fileURLToPath } from 'node:url';
import { CabledIsland } from './cabled-island.mjs';
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed } from './consuming.mjs';
import { Island } from './island.mjs';
import { sleep, TrialProcess } from './processes.mjs';
import { Replicas, SERVERS, serverOf } from './replicas.mjs';
import { logged } from './server-log.mjs';
import { Traffic } from './traffic.mjs';
import { seconds } from './trial.mjs';
import { checkLog, readTopic } from './verify.mjs';

const TOPIC = 'orders';
const GROUP = 'broker-a';
const QUEUES = 4;
const SENDER = fileURLToPath(new URL('isolated-sender.mjs', import.meta.url));
const CALM_MS = 3_000;
const CUT_MS = 20_000;
const PROMOTE_AFTER_MS = 6_000;

export async function failoverPartition(trial) {
  const island = buildIsland(trial, [serverOf(GROUP, 0)]);
  const cluster = await new Cluster(trial).start({ nameServers: ['ns-1', 'ns-2'], brokers: SERVERS, island });
  const replicas = new Replicas(cluster);
  await replicas.allInSync();
  await cluster.createTopic(TOPIC, QUEUES);
  const { client } = await cluster.connect('trial');
  const consuming = new Consuming(client, TOPIC);
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 200, keys: 50 }).start();
  const islander = new Islander(trial, island, cluster);
  await sleep(CALM_MS);
  island.cut();
  const cutMs = Date.now();
  await sleep(PROMOTE_AFTER_MS);
  const { code, notes } = await cluster.qanat('broker', 'promote', GROUP, '--replica', '1');
  trial.check(code === 0, 'a master is cut off with a client: its slave is promoted', notes);
  await sleep(CUT_MS - PROMOTE_AFTER_MS - (await islander.stop()));
  const healedMs = Date.now();
  island.heal();
  const inSyncMs = await replicas.inSync(GROUP);
  const [master] = await replicas.masters(GROUP);
  trial.check(master === 1, `one network again: the old master is a slave, in sync after ${seconds(inSyncMs)}`);
  const cuts = logged(trial, serverOf(GROUP, 0), 'replication.cut', healedMs);
  trial.check(cuts.length > 0, `it had a tail, and cut it off: ${cuts.map(({ from, to }) => `${from - to} bytes`).join()}`);
  await keyed.stop();
  const kept = await checkIslander(trial, client, islander.told, { cutMs, healedMs });
  await checkLog(trial, client, TOPIC, [keyed], kept);
  await checkConsumed(trial, [consuming], [keyed]);
}

/** By a network namespace, or, where there may be none or `--proxy` says so, by proxies that drop silently. */
function buildIsland(trial, inhabitants) {
  if (!trial.options.proxy) {
    try {
      return new Island(inhabitants).build(trial);
    } catch (error) {
      trial.note(`no network namespace here, so proxies cut the networks apart: ${error.message}`);
    }
  }
  return new CabledIsland(inhabitants).build(trial);
}

class Islander {
  told = [];
  #process;

  constructor(trial, island, cluster) {
    const args = [SENDER, island.nameServers(cluster.nameServers), TOPIC, GROUP, String(QUEUES)];
    const onLine = (line) => this.told.push(JSON.parse(line));
    this.#process = new TrialProcess([...island.inside, process.execPath, ...args], { log: trial.log('islander'), onLine });
    trial.atEnd(() => this.#process.end('SIGKILL'));
  }

  /** Resolves when each message has its outcome. @returns how long that took, ms. */
  async stop() {
    const sinceMs = performance.now();
    await this.#process.end('SIGTERM');
    return performance.now() - sinceMs;
  }
}

/** @returns the islander's messages that are stored. */
async function checkIslander(trial, client, told, { cutMs, healedMs }) {
  const acked = told.filter(({ outcome }) => outcome === 'ok');
  const after = told.filter(({ sentMs }) => sentMs > cutMs);
  trial.check(acked.length > 0, `its client was told that ${acked.length} are stored, sent before the cut`);
  const wrong = after.filter(({ outcome }) => outcome === 'ok');
  trial.check(wrong.length === 0 && after.length > 0, `and of none of ${after.length} sent after it`, wrong.map(JSON.stringify));
  const unknown = after.filter(({ outcome }) => outcome === 'unknown').length;
  const rest = `${after.length - unknown} refused or not sent`;
  trial.check(unknown > 0, `${unknown} of these were told to be unknown, ${rest}`);
  const islanders = (await readTopic(client, TOPIC)).filter(({ text }) => text.startsWith('islander '));
  const stored = new Map(islanders.map((message) => [message.text, message]));
  const lost = acked.filter(({ body, place, offset }) => {
    const message = stored.get(body);
    return message?.place !== place || message.offset !== offset;
  });
  trial.check(lost.length === 0, 'all that it was told to be stored are there, at their offsets', lost.map(JSON.stringify));
  const tail = after.filter(({ body }) => stored.has(body));
  trial.check(tail.length === 0, 'nothing of what the old master took after the cut is left', tail.map(JSON.stringify));
  trial.figure('cutMs', healedMs - cutMs);
  trial.figure('unknown', unknown);
  return [...stored.keys()];
}
