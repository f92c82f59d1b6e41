// Masters of two groups are killed in turn while producers send and consumers receive; etcd elects. It shows what each sees.
//   node examples/failover/main.mjs [--kills 4] [--rate 200] [--keep]
// --rate: messages a second.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '@qanat/client';
import { GROUPS, startCluster } from './cluster.mjs';
import { Traffic } from './traffic.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '4' },
    rate: { type: 'string', default: '200' },
    keep: { type: 'boolean', default: false },
  },
});
const TOPIC = 'orders';
const CALM_MS = 2_000;
const PATIENCE_MS = 30_000;
const LOOK_MS = 100;
const say = (text) => console.log(text);

/** Asks until the group is as it shall be. */
async function until(admin, group, isSo, what) {
  for (const endMs = performance.now() + PATIENCE_MS; performance.now() < endMs; await sleep(LOOK_MS)) {
    const description = await admin.describeBroker(group).catch(() => undefined);
    if (description !== undefined && isSo(description)) return description;
  }
  throw new Error(`${group}: ${what} is not so after ${PATIENCE_MS} ms`);
}

const inSync = (admin, group) =>
  until(admin, group, ({ replicas }) => replicas.filter((one) => one.inSync).length === 2, 'that two replicas are in sync');

async function killMaster(cluster, admin, traffic, group) {
  const { master } = await inSync(admin, group);
  const fromMs = performance.now();
  say(`\n  kill -9 of the master of ${group}, replica ${master}`);
  await cluster.kill(group, master);
  const next = await until(admin, group, (one) => one.master !== undefined && one.master !== master, 'that there is a master');
  say(`  replica ${next.master} is master after ${Math.round(performance.now() - fromMs)} ms`);
  await sleep(CALM_MS);
  for (const other of GROUPS) {
    const longestMs = Math.round(traffic.longestGap(other, fromMs));
    say(`  queues of ${other}: longest time without an acknowledgement ${longestMs} ms`);
  }
  await cluster.startAgain(group, master);
  await inSync(admin, group);
  say(`  replica ${master} is started again: a slave, in sync`);
}

const directory = mkdtempSync(join(tmpdir(), 'qanat-failover-'));
let cluster;
let client;
try {
  cluster = await startCluster(directory);
  client = await connect(cluster.nameServers, { label: 'failover' });
  for (const group of GROUPS) await inSync(client.admin, group);
  await client.admin.createTopic(TOPIC, { queues: 4 });
  say(`two groups of a master and a slave, NameServers at ${cluster.nameServers.join(',')}`);
  say(`  in another terminal: npx qanat cluster status --nameserver ${cluster.nameServers.join(',')}`);
  const traffic = new Traffic(client, TOPIC, Number(values.rate));
  await sleep(CALM_MS);
  for (let i = 0; i < Number(values.kills); i++) await killMaster(cluster, client.admin, traffic, GROUPS[i % GROUPS.length]);
  const { acked, missing, again, outOfOrder, failed } = await traffic.finish();
  say(`\n${acked} messages acknowledged; ${missing} of them did not come, ${again} came twice, ${outOfOrder} out of their order`);
  if (failed > 0) say(`${failed} were not acknowledged`);
  process.exitCode = missing + outOfOrder + failed === 0 ? 0 : 1;
} catch (error) {
  say(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client?.close({ drain: false });
  await cluster?.stop();
  if (values.keep) say(`kept: ${directory}`);
  else rmSync(directory, { recursive: true, force: true });
}
