// Ships a real text file of 200,000 lines and more through two brokers to a group of two consumers, and proves that what
// arrived is exactly what was sent; then again while brokers are killed with kill -9.
//   node examples/log-shipping/main.mjs [--lines 200000] [--kills 6] [--keep]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from '@qanat/client';
import { startCluster } from './cluster.mjs';
import { makeCorpus } from './corpus.mjs';
import { keyOf, linesOf, verify } from './verify.mjs';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '200000' },
    kills: { type: 'string', default: '6' },
    keep: { type: 'boolean', default: false },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'qanat-log-shipping-'));
const say = (text) => console.log(text);

async function consumers(nameServers, topic, outputs) {
  const members = outputs.map((output, i) => {
    const script = fileURLToPath(new URL('./consumer.mjs', import.meta.url));
    const child = fork(script, [nameServers, topic, 'shipping', `consumer-${i + 1}`, output]);
    const member = { child, count: 0 };
    child.on('message', (message) => {
      if (typeof message === 'number') member.count = message;
    });
    return member;
  });
  return {
    arrived: () => members.reduce((sum, { count }) => sum + count, 0),
    async stop() {
      await Promise.all(
        members.map(async ({ child }) => {
          const exit = once(child, 'exit');
          child.kill('SIGTERM');
          await exit;
        }),
      );
    },
  };
}

/** Sends every line; `gate` may hold it back. @returns the numbers of the lines that were acknowledged. */
async function ship(nameServers, topic, file, gate) {
  const client = await connect(nameServers, { label: 'shipper' });
  const producer = client.producer();
  const acked = [];
  const failed = [];
  const pending = new Set();
  for await (const { number, line } of linesOf(file)) {
    if (number % 1_000 === 0) await gate(number);
    const key = keyOf(line, number);
    const message = { body: line, properties: { line: String(number) }, ...(key === undefined ? {} : { key }) };
    const sent = producer.send(topic, message, { timeoutMs: 60_000 }).then(
      () => acked.push(number),
      (error) => failed.push(`line ${number}: ${error.code} (${error.outcome})`),
    );
    pending.add(sent);
    sent.finally(() => pending.delete(sent));
    if (pending.size >= 20_000) await Promise.race(pending);
  }
  await Promise.all(pending);
  await client.close();
  return { acked, failed };
}

/** Before the first message: the queue of a key follows from all queues that there are. */
async function createTopic(nameServers, topic) {
  const client = await connect(nameServers);
  await client.admin.createTopic(topic);
  await client.close();
}

async function run(title, file, lines, killCount) {
  say(`\n${title}`);
  const work = join(directory, killCount === 0 ? 'calm' : 'killed');
  const cluster = await startCluster(work);
  const topic = 'log-lines';
  await createTopic(cluster.nameServers, topic);
  const outputs = [1, 2].map((i) => `${work}-consumer-${i}.jsonl`);
  const startedMs = performance.now();
  const group = await consumers(cluster.nameServers, topic, outputs);
  let kills = 0;
  const kill = async () => {
    while (kills < killCount) {
      await sleep(300 + Math.random() * 500);
      const name = cluster.brokerNames[kills % cluster.brokerNames.length];
      await cluster.killAndRestart(name, 200 + Math.random() * 500);
      kills++;
      say(`  kill -9 ${name}, restarted (${kills})`);
    }
  };
  // The kills are spread over the file: its last lines wait for the last kill.
  const gate = async (number) => {
    while (kills < Math.floor((number * killCount) / lines)) await sleep(20);
  };
  const killing = kill();
  const { acked, failed } = await ship(cluster.nameServers, topic, file, gate);
  await killing;
  const deadlineMs = performance.now() + 120_000;
  while (group.arrived() < acked.length && performance.now() < deadlineMs) await sleep(50);
  const seconds = (performance.now() - startedMs) / 1000;
  await group.stop();
  await cluster.stop();
  const { faults, arrived, redelivered } = await verify({ file, acked, outputs, exactlyOnce: killCount === 0 });
  say(
    `  acknowledged ${acked.length} · arrived ${arrived} · delivered again ${redelivered} · not acknowledged ${failed.length} · ${kills} kills · ${seconds.toFixed(1)} s`,
  );
  for (const text of [...failed.slice(0, 5), ...faults]) say(`  ! ${text}`);
  const good = faults.length === 0 && (killCount > 0 || failed.length === 0);
  say(good ? '  exactly what was sent, in order per key' : '  FAULTS');
  return good;
}

try {
  const file = join(directory, 'lines.txt');
  const lines = await makeCorpus(file, Number(values.lines));
  say(`${lines} lines, ${(statSync(file).size / 1e6).toFixed(1)} MB of text from this machine: ${file}`);
  const calm = await run('without faults', file, lines, 0);
  const killed = await run('brokers killed by kill -9 again and again', file, lines, Number(values.kills));
  const passed = [calm, killed].filter(Boolean).length;
  say(`\n${passed} passed, ${2 - passed} failed`);
  process.exitCode = passed === 2 ? 0 : 1;
} finally {
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
}
