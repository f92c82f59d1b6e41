// The wall clock of a running broker steps by an hour, forward and back: nobody expires, no order breaks, and times of storing
// never go down.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { Consuming, checkConsumed, Delivered } from './consuming.mjs';
import { sleep } from './processes.mjs';
import { logged } from './server-log.mjs';
import { Traffic } from './traffic.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const BROKER = 'broker-a';
const HOUR_S = 3_600;
const STEP_MS = 4_000;
const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib'].map(
  (directory) => `${directory}/faketime/libfaketimeMT.so.1`,
);

export async function clock(trial) {
  const library = LIBRARIES.find((path) => existsSync(path));
  if (library === undefined) trial.skip('it needs libfaketime (Debian: faketime)');
  const rounds = trial.rounds(1, 5);
  const file = join(trial.directory, 'wall-clock');
  const setClock = (offsetS) => writeFileSync(file, `${offsetS >= 0 ? '+' : ''}${offsetS}\n`);
  setClock(0);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  const cluster = await new Cluster(trial).start({ brokers: [BROKER], broker: { env } });
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const { client: other } = await cluster.connect('other');
  const delivered = new Delivered();
  const members = [
    new Consuming(client, TOPIC, { label: 'one', delivered }),
    new Consuming(other, TOPIC, { label: 'two', delivered }),
  ];
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 300, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 300 }).start();
  await sleep(STEP_MS);
  const before = await owners(client);
  for (let i = 0; i < rounds; i++) {
    for (const offsetS of [HOUR_S, 0, -HOUR_S, 0]) {
      setClock(offsetS);
      await sleep(STEP_MS);
      trial.progress(`the clock stands at ${offsetS} s, ${keyed.acked.size + free.acked.size} acknowledged`);
    }
  }
  const after = await owners(client);
  await Promise.all([keyed.stop(), free.stop()]);
  const gone = logged(trial, BROKER, 'group.member.gone');
  trial.check(
    gone.length === 0,
    `${4 * rounds} steps of an hour: no member is taken for gone`,
    gone.map(({ label, why }) => `${label}: ${why}`),
  );
  trial.check(before === after, 'every queue is with the member that had it', [before, after]);
  await checkTimes(trial, client);
  await checkLog(trial, client, TOPIC, [keyed, free]);
  await checkConsumed(trial, members, [keyed, free], 'two consumers of a group');
  trial.check(delivered.repeatedMs.length === 0, 'nothing came twice', [`${delivered.repeatedMs.length} to the same or to both`]);
}

async function owners(client) {
  const { queues } = await client.admin.describeGroup('demo');
  return queues.map(({ queue, member }) => `${queue} ${member}`).join();
}

/** By queue, in the order of offsets. */
async function checkTimes(trial, client) {
  const newest = new Map();
  const down = [];
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for await (const { queue, offset, storeTimeMs } of client.pullConsumer().read(TOPIC, { until: 'end' })) {
    const before = newest.get(queue) ?? 0;
    if (storeTimeMs < before) down.push(`${queue}@${offset}: ${storeTimeMs} after ${before}`);
    newest.set(queue, storeTimeMs);
    first = Math.min(first, storeTimeMs);
    last = Math.max(last, storeTimeMs);
  }
  trial.check(down.length === 0, 'times of storing never go down', down);
  const seen = (last - first) / 1_000;
  trial.check(seen > HOUR_S * 0.9, `the broker saw the steps: its times of storing cover ${Math.round(seen)} s`);
}
