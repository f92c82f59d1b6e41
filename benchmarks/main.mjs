// Benchmarks of a real broker over TCP; every message is accounted for.
//   npm run bench -- produce|consume|e2e|latency [--size 128] [--batch 512] [--in-flight 16] [--ack committed] [--flush sync]
//                    [--duration 5] [--messages N] [--rate 10000] [--dir DIR] [--json]
// produce: acknowledged per second. consume: a backlog, per second. e2e: both at once. latency: single sends at --rate, from the
// time at which each was meant to leave until the consumer's handler has it. The last line with --json is one object.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connect } from '@qanat/client';
import { startCluster } from './cluster.mjs';
import { produce, produceAtRate } from './produce.mjs';

const WORKS = ['produce', 'consume', 'e2e', 'latency'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '128' },
    batch: { type: 'string', default: '512' },
    'in-flight': { type: 'string', default: '16' },
    ack: { type: 'string', default: 'committed' },
    flush: { type: 'string', default: 'sync' },
    duration: { type: 'string', default: '5' },
    messages: { type: 'string' },
    rate: { type: 'string', default: '10000' },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const work = positionals[0];
if (!WORKS.includes(work)) {
  console.error(`usage: npm run bench -- ${WORKS.join('|')} [options]; see the head of benchmarks/main.mjs`);
  process.exit(2);
}
const settings = {
  size: Number(values.size),
  batch: Number(values.batch),
  inFlight: Number(values['in-flight']),
  ack: values.ack,
  durationMs: Number(values.duration) * 1000,
  rate: Number(values.rate),
  ...(values.messages === undefined ? {} : { messages: Number(values.messages) }),
};
const TOPIC = 'bench';

const residentMb = (pid) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

/** How many messages the broker holds: what producers were promised must be there. */
async function stored(client) {
  const { queues } = await client.admin.describeTopic(TOPIC);
  return queues.reduce((sum, queue) => sum + queue.highWatermark, 0);
}

function startConsumer(nameServers, timed) {
  const child = fork(fileURLToPath(new URL('./consumer-process.mjs', import.meta.url)), [nameServers, TOPIC, timed ? '1' : '0']);
  const next = () =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => code && reject(new Error(`the consumer ended with ${code}`)));
    });
  const ready = next();
  return {
    ready,
    async finish(expected) {
      const result = next();
      child.send(expected);
      return result;
    },
  };
}

const RUN = {
  async produce(client) {
    const result = await produce(client, TOPIC, settings);
    return { messagesPerSecond: result.acked / result.seconds, ...result };
  },
  async consume(client, cluster) {
    const { acked } = await produce(client, TOPIC, settings);
    const consumer = startConsumer(cluster.nameServers, false);
    await consumer.ready;
    const result = await consumer.finish(acked);
    return { messagesPerSecond: result.got / result.seconds, acked, ...result };
  },
  async e2e(client, cluster) {
    const consumer = startConsumer(cluster.nameServers, false);
    await consumer.ready;
    const produced = await produce(client, TOPIC, settings);
    const result = await consumer.finish(produced.acked);
    return {
      messagesPerSecond: Math.min(produced.acked / produced.seconds, result.got / result.seconds),
      producedPerSecond: produced.acked / produced.seconds,
      consumedPerSecond: result.got / result.seconds,
      acked: produced.acked,
      got: result.got,
      failures: produced.failures,
      latency: produced.latency,
    };
  },
  async latency(client, cluster) {
    const consumer = startConsumer(cluster.nameServers, true);
    await consumer.ready;
    const produced = await produceAtRate(client, TOPIC, settings);
    const result = await consumer.finish(produced.acked);
    return {
      messagesPerSecond: produced.acked / produced.seconds,
      acked: produced.acked,
      got: result.got,
      failures: produced.failures,
      latency: result.latency,
    };
  },
};

const cluster = await startCluster({ flush: values.flush, directory: values.dir });
try {
  const client = await connect(cluster.nameServers, { label: 'bench' });
  await client.admin.createTopic(TOPIC);
  const idleMb = residentMb(cluster.brokerPid);
  const result = await RUN[work](client, cluster);
  const inLog = await stored(client);
  const accounted = inLog === result.acked && (result.got === undefined || result.got === result.acked);
  const memory = { idleMb, loadedMb: residentMb(cluster.brokerPid) };
  await client.close();
  const { latency, messagesPerSecond, ...rest } = result;
  const line = {
    work,
    ...settings,
    flush: values.flush,
    messagesPerSecond: Math.round(messagesPerSecond),
    latencyMs: latency,
    ...rest,
    inLog,
    accounted,
    memory,
    brokerReadyMs: Math.round(cluster.brokerReadyMs),
  };
  if (values.json) console.log(JSON.stringify(line));
  else {
    console.log(
      `${work}: ${line.messagesPerSecond.toLocaleString('en')} messages/s · p50 ${latency.p50} ms · p99 ${latency.p99} ms · max ${latency.max} ms`,
    );
    console.log(
      `acknowledged ${result.acked} · in the log ${inLog}${result.got === undefined ? '' : ` · consumed ${result.got}`} · broker ${memory.idleMb} → ${memory.loadedMb} MB`,
    );
  }
  if (!accounted) {
    console.error('NOT ACCOUNTED FOR: the figures are void');
    process.exitCode = 1;
  }
} finally {
  await cluster.stop();
}
