// Benchmarks of a real broker over TCP; every message is accounted for.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@qanat/client';
import { readOptions, wrongUse } from '../scripts/read-options.mjs';
import { startCluster } from './cluster.mjs';
import { compare } from './compare.mjs';
import { mqtt } from './mqtt.mjs';
import { costed, residentMb } from './process-cost.mjs';
import { produce } from './produce.mjs';
import { produceAtRate } from './produce-at-rate.mjs';
import { stagesOf } from './stages.mjs';
import { transports } from './transports.mjs';
import { wire } from './wire.mjs';

const HELP = `usage: npm run bench -- WORK [options]

  produce      messages that are acknowledged in a second
  pipelined    the same with single sends, 20,000 at a time
  consume      a backlog, messages in a second
  e2e          both at once
  latency      single sends at --rate, from the time at which each was meant to leave until the consumer's handler has it
  wire         bytes of TCP payload for one acknowledged message sent alone
    --size 128  --batch 512  --in-flight 16  --ack committed  --flush sync  --duration 5 (seconds)  --messages N  --rate 10000
    --warm-up 2 (seconds, not counted by latency)  --over qanat|ws  --trace (of latency: the stages between)
  compare      these in turn with the yardstick (yardstick.mjs), medians and ratios
    --runs 5  --messages 4000000  --only NAME,NAME
  transports   produce, consume and both at once over WebSocket, each right after the same over TCP
    --runs 5  --messages 4000000
  replication  a broker alone beside a master with one slave, and how fast an empty slave catches up
    --runs 5  --duration 5  --flush sync
  mqtt         the bridge beside mosquitto
    --runs 5  --size 64  --duration 5  --only TEXT  --flush sync  --stolen-max PERCENT (a run in which the host of the
    virtual machine took more of the time is made again, at most 20 times)
  mqtt-codec   packets in a second that the codec of MQTT reads and writes, without a broker
    --size 64

  --dir DIR    where data is kept
  --json       the last line is one object
  --help       this

cpuUs are microseconds of a processor that each process spent on a message. Build first: npm run build.
`;

const WORKS = [
  'produce',
  'pipelined',
  'consume',
  'e2e',
  'latency',
  'wire',
  'compare',
  'transports',
  'replication',
  'mqtt',
  'mqtt-codec',
];
const { values, positionals } = readOptions(
  HELP,
  {
    size: { type: 'string' },
    batch: { type: 'string' },
    'in-flight': { type: 'string' },
    ack: { type: 'string', default: 'committed' },
    flush: { type: 'string', default: 'sync' },
    duration: { type: 'string', default: '5' },
    messages: { type: 'string' },
    rate: { type: 'string', default: '10000' },
    'warm-up': { type: 'string', default: '2' },
    trace: { type: 'boolean', default: false },
    dir: { type: 'string' },
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    'stolen-max': { type: 'string', default: '100' },
    over: { type: 'string', default: 'qanat' },
  },
  { allowPositionals: true },
);
const [work, ...more] = positionals;
if (work === undefined) wrongUse('which work?', HELP);
if (!WORKS.includes(work) || more.length > 0) wrongUse(`there is no work "${[work, ...more].join(' ')}"`, HELP);
values.size ??= work.startsWith('mqtt') ? '64' : '128';
if (work === 'compare') {
  await compare(values);
  process.exit();
}
if (work === 'transports') {
  await transports(values);
  process.exit();
}
if (work === 'replication') {
  const { replication } = await import('./replication.mjs');
  await replication(values);
  process.exit();
}
if (work === 'mqtt-codec') {
  // What the other works do not need stays out of their process.
  const { tellMqttCodec } = await import('./mqtt-codec.mjs');
  tellMqttCodec({ size: values.size, json: values.json });
  process.exit();
}
if (work === 'mqtt') {
  await mqtt(values);
  process.exit();
}
const settings = {
  size: Number(values.size ?? 128),
  batch: Number(values.batch ?? (work === 'pipelined' ? 1 : 512)),
  inFlight: Number(values['in-flight'] ?? (work === 'pipelined' ? 20_000 : 16)),
  ack: values.ack,
  durationMs: Number(values.duration) * 1000,
  rate: Number(values.rate),
  warmUpMs: Number(values['warm-up']) * 1000,
  ...(values.messages === undefined ? {} : { messages: Number(values.messages) }),
};
const TOPIC = 'bench';
const tracing = values.trace ? await startTracing() : undefined;

/** Lets this process and those that it starts note what they do. */
async function startTracing() {
  const directory = mkdtempSync(join(tmpdir(), 'qanat-trace-'));
  const preload = new URL('./trace-process.mjs', import.meta.url).href;
  process.env.QANAT_BENCH_TRACE = directory;
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import ${preload}`;
  const { keepTrace } = await import(preload);
  return { directory, keepTrace };
}

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

/** `run` with what it cost the broker for each message. */
const costing = (cluster, run, count) => costed(cluster.brokerPid, run, count);

const RUN = {
  async produce(client, cluster) {
    const { result, cpuUs } = await costing(
      cluster,
      () => produce(client, TOPIC, settings),
      ({ acked }) => acked,
    );
    return { messagesPerSecond: result.acked / result.seconds, ...result, cpuUs: { broker: cpuUs, producer: result.cpuUs } };
  },
  pipelined: (client, cluster) => RUN.produce(client, cluster),
  async consume(client, cluster) {
    const produced = await RUN.produce(client, cluster);
    const consumer = startConsumer(cluster.nameServers, false);
    await consumer.ready;
    const { result, cpuUs } = await costing(
      cluster,
      () => consumer.finish(produced.acked),
      ({ got }) => got,
    );
    const cpu = { broker: cpuUs, consumer: result.cpuUs };
    const { acked, failures } = produced;
    return { messagesPerSecond: result.got / result.seconds, ...result, acked, failures, cpuUs: cpu, produced };
  },
  async e2e(client, cluster) {
    const consumer = startConsumer(cluster.nameServers, false);
    await consumer.ready;
    const run = async () => {
      const produced = await produce(client, TOPIC, settings);
      return { produced, consumed: await consumer.finish(produced.acked) };
    };
    const { result, cpuUs } = await costing(cluster, run, ({ consumed }) => consumed.got);
    const { produced, consumed } = result;
    return {
      messagesPerSecond: Math.min(produced.acked / produced.seconds, consumed.got / consumed.seconds),
      producedPerSecond: produced.acked / produced.seconds,
      consumedPerSecond: consumed.got / consumed.seconds,
      acked: produced.acked,
      got: consumed.got,
      failures: produced.failures,
      latency: produced.latency,
      cpuUs: { broker: cpuUs, producer: produced.cpuUs, consumer: consumed.cpuUs },
    };
  },
  async latency(client, cluster) {
    const consumer = startConsumer(cluster.nameServers, true);
    await consumer.ready;
    const run = async () => {
      const produced = await produceAtRate(client, TOPIC, settings);
      return { produced, consumed: await consumer.finish(produced.acked) };
    };
    const { result, cpuUs } = await costing(cluster, run, ({ consumed }) => consumed.got);
    const { produced, consumed } = result;
    return {
      messagesPerSecond: produced.acked / produced.seconds,
      acked: produced.acked,
      got: consumed.got,
      failures: produced.failures,
      latency: consumed.latency,
      stages: produced.stages,
      cpuUs: { broker: cpuUs, producer: produced.cpuUs, consumer: consumed.cpuUs },
    };
  },
  async wire(_client, cluster) {
    const { bytesPerMessage, ...rest } = await wire(cluster.nameServers, TOPIC, settings);
    return { ...rest, bytesPerMessage };
  },
};

function tellLatency(what, { p50, p99, p999, max }) {
  console.log(`${what} · p50 ${p50} ms · p99 ${p99} ms · p99.9 ${p999} ms · max ${max} ms`);
}

const cluster = await startCluster({ flush: values.flush, directory: values.dir, scheme: values.over });
try {
  const client = await connect(cluster.nameServers, { label: 'bench' });
  await client.admin.createTopic(TOPIC);
  const idleMb = residentMb(cluster.brokerPid);
  const result = await RUN[work](client, cluster);
  const inLog = await stored(client);
  const accounted = inLog === result.acked && (result.got === undefined || result.got === result.acked);
  const memory = { idleMb, loadedMb: residentMb(cluster.brokerPid), producerMb: residentMb(process.pid) };
  await client.close();
  const { latency, messagesPerSecond, ...rest } = result;
  const line = {
    work,
    ...settings,
    flush: values.flush,
    ...(messagesPerSecond === undefined ? {} : { messagesPerSecond: Math.round(messagesPerSecond), latencyMs: latency }),
    ...rest,
    inLog,
    accounted,
    memory,
    brokerReadyMs: Math.round(cluster.brokerReadyMs),
  };
  if (values.json) console.log(JSON.stringify(line));
  else {
    if (latency !== undefined) tellLatency(`${work}: ${line.messagesPerSecond.toLocaleString('en')} messages/s`, latency);
    if (work === 'wire')
      console.log(`wire: ${result.bytesPerMessage} bytes of TCP payload, both ways, for one acknowledged message`);
    for (const [stage, figures] of Object.entries(result.stages ?? {})) tellLatency(`  ${stage}`, figures);
    console.log(
      `acknowledged ${result.acked} · in the log ${inLog}${result.got === undefined ? '' : ` · consumed ${result.got}`} · broker ${memory.idleMb} → ${memory.loadedMb} MB`,
    );
    const costs = Object.entries(result.cpuUs ?? {}).map(([name, us]) => `${name} ${us?.toFixed(3) ?? '?'}`);
    if (costs.length > 0) console.log(`µs of a processor for each message: ${costs.join(' · ')}`);
  }
  if (!accounted) {
    console.error('NOT ACCOUNTED FOR: the figures are void');
    process.exitCode = 1;
  }
} finally {
  await cluster.stop();
}
if (tracing !== undefined) {
  tracing.keepTrace();
  const stages = stagesOf(tracing.directory, performance.timeOrigin + performance.now() - settings.durationMs);
  for (const [stage, figures] of Object.entries(stages)) tellLatency(`  ${stage}`, figures);
  rmSync(tracing.directory, { recursive: true, force: true });
}
