// What this machine and bare Node allow: a program without a protocol, recovery or errors that does the work which a broker and
// its
// clients cannot do without, on the file system that the benchmarks use. A figure of ours is a ratio to one of these.
//   node benchmarks/yardstick.mjs [--runs 3] [--messages 4000000] [--size 128] [--dir DIR] [--json]
// Medians. produce: batches of 512, 16 in flight, acknowledged after fdatasync; consume: that backlog; both: at once; batches
// of 32;
// 64 single sends in flight; one serial sender (ms); fdatasync after an append of 4 KiB to a growing file (ms).
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { costed } from './process-cost.mjs';

const ROLES = fileURLToPath(new URL('./yardstick-roles.mjs', import.meta.url));
const SYNCS = 1_000;

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function start(role, job, children) {
  const child = fork(ROLES, [role, JSON.stringify(job)]);
  children.add(child);
  child.once('exit', () => children.delete(child));
  const answer = new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the ${role} of the yardstick ended with ${code}`)));
  });
  return { child, answer };
}

/** Gives `run` a fresh server and the means to start clients of it. */
async function withServer(directory, size, run) {
  const data = mkdtempSync(join(directory, 'qanat-yardstick-'));
  const children = new Set();
  try {
    const server = start('serve', { directory: data }, children);
    const { port } = await server.answer;
    const work = async (role, job) => {
      const result = await start(role, { port, size, ...job }, children).answer;
      if (result.count !== job.messages) throw new Error(`the yardstick lost messages: ${result.count} of ${job.messages}`);
      return result;
    };
    return await run(work, server.child.pid);
  } finally {
    const ends = [...children].map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(ends);
    rmSync(data, { recursive: true, force: true });
  }
}

const rate = ({ count, seconds }) => count / seconds;
const produced = ({ result, cpuUs }) => ({ rate: rate(result), ...result, cpuUs: { server: cpuUs, producer: result.cpuUs } });
const consumed = ({ result, cpuUs }) => ({ rate: rate(result), ...result, cpuUs: { server: cpuUs, consumer: result.cpuUs } });

/** Each takes where to write, how many messages and their size. */
export const WORKS = {
  /** Produces, then consumes what is there. */
  backlog: (directory, messages, size) =>
    withServer(directory, size, async (work, pid) => {
      const job = { messages, batch: 512, inFlight: 16 };
      const produce = await costed(
        pid,
        () => work('produce', job),
        () => messages,
      );
      const consume = await costed(
        pid,
        () => work('consume', { messages }),
        () => messages,
      );
      return { produce: produced(produce), consume: consumed(consume) };
    }),
  both: (directory, messages, size) =>
    withServer(directory, size, async (work, pid) => {
      const consumer = work('consume', { messages });
      const job = { messages, batch: 512, inFlight: 16 };
      const { result, cpuUs } = await costed(
        pid,
        () => Promise.all([work('produce', job), consumer]),
        () => messages,
      );
      const [produce, consume] = result;
      const cpu = { server: cpuUs, producer: produce.cpuUs, consumer: consume.cpuUs };
      return { produceRate: rate(produce), consumeRate: rate(consume), rate: Math.min(rate(produce), rate(consume)), cpuUs: cpu };
    }),
  produce: (directory, messages, size, batch, inFlight) =>
    withServer(directory, size, async (work, pid) =>
      produced(
        await costed(
          pid,
          () => work('produce', { messages, batch, inFlight }),
          () => messages,
        ),
      ),
    ),
};

/** fdatasync after an append of 4 KiB to a growing file, ms, p50. */
export function syncMs(directory) {
  const data = mkdtempSync(join(directory, 'qanat-yardstick-'));
  try {
    const file = openSync(join(data, 'sync.log'), 'w');
    const block = Buffer.alloc(4096, 7);
    const times = [];
    for (let i = 0; i < SYNCS; i++) {
      const fromMs = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      times.push(performance.now() - fromMs);
    }
    closeSync(file);
    return median(times);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      messages: { type: 'string', default: '4000000' },
      size: { type: 'string', default: '128' },
      dir: { type: 'string', default: tmpdir() },
      json: { type: 'boolean', default: false },
    },
  });
  const { dir, json } = values;
  const runs = Number(values.runs);
  const messages = Math.ceil(Number(values.messages) / 2048) * 2048;
  const size = Number(values.size);
  const samples = {};
  const note = (name, value) => {
    samples[name] ??= [];
    samples[name].push(value);
  };
  for (let run = 1; run <= runs; run++) {
    const tell = (what) => process.stderr.write(`run ${run} of ${runs}: ${what}\n`);
    tell('produce, then consume');
    const backlog = await WORKS.backlog(dir, messages, size);
    note('produce_per_s', backlog.produce.rate);
    note('consume_per_s', backlog.consume.rate);
    tell('both at once');
    const both = await WORKS.both(dir, messages, size);
    note('both_produce_per_s', both.produceRate);
    note('both_consume_per_s', both.consumeRate);
    tell('small batches, single sends, syncs');
    note('batches_of_32_per_s', (await WORKS.produce(dir, messages / 4, size, 32, 64)).rate);
    note('single_64_in_flight_per_s', (await WORKS.produce(dir, 200_000, size, 1, 64)).rate);
    note('serial_p50_ms', (await WORKS.produce(dir, 3_000, size, 1, 1)).p50);
    note('fdatasync_4k_p50_ms', syncMs(dir));
  }
  const digits = (name) => (name.endsWith('_ms') ? 3 : 0);
  const medians = Object.entries(samples).map(([name, list]) => [name, Number(median(list).toFixed(digits(name)))]);
  if (json) console.log(JSON.stringify(Object.fromEntries(medians)));
  else for (const [name, value] of medians) console.log(name.padEnd(28), value.toLocaleString('en'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
