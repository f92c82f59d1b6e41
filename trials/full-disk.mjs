// A disk fills up under load: sends are rejected, reads and commits go on, and when there is room again the broker takes messages
// by itself.
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.mjs';
import { Consuming } from './consuming.mjs';
import { MemoryDisk, whyNoLoopDisk } from './loop-disk.mjs';
import { sleep } from './processes.mjs';
import { seconds, until } from './trial.mjs';
import { readTopic } from './verify.mjs';

const TOPIC = 'orders';
const BROKER = 'broker-a';
const DISK_MIB = 96;
const RESERVE_MIB = 8;
const BALLAST_MIB = 40;
const MIB = 1_048_576;
const FULL_WITHIN_MS = 30_000;
const RESUME_MS = 10_000;
const WORKERS = 16;

export async function fullDisk(trial) {
  const why = whyNoLoopDisk([]);
  if (why !== undefined) trial.skip(why);
  const rounds = trial.rounds(1, 3);
  const disk = new MemoryDisk(trial.directory, DISK_MIB + (rounds - 1) * BALLAST_MIB);
  trial.atEnd(async () => disk.detach());
  const broker = { data: (name) => join(disk.mountPoint, name), args: ['--reserve-mib', String(RESERVE_MIB)] };
  const ballasts = Array.from({ length: rounds }, (_, i) => join(disk.mountPoint, `ballast-${i}`));
  for (const ballast of ballasts) writeFileSync(ballast, Buffer.alloc(BALLAST_MIB * MIB, 1));
  const cluster = await new Cluster(trial).start({ brokers: [BROKER], broker });
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const consuming = new Consuming(client, TOPIC);
  const sending = new Sending(client.producer());
  for (const ballast of ballasts) await fillAndFree(trial, { cluster, client, sending, consuming, disk, ballast });
  await sending.stop();
  trial.check(cluster.server(BROKER).running, 'the broker is the same process all the time');
  await checkStored(trial, client, sending, 'before a restart');
  await cluster.end(BROKER, 'SIGKILL');
  await cluster.startAgain(BROKER);
  await checkStored(trial, client, sending, 'after kill -9 and a restart');
}

async function fillAndFree(trial, { cluster, client, sending, consuming, disk, ballast }) {
  sending.start();
  const full = await until(() => (sending.rejected('DISK_FULL') > 10 ? true : undefined), { withinMs: FULL_WITHIN_MS });
  const { bavail, bsize } = statfsSync(disk.mountPoint);
  const left = `${((bavail * bsize) / MIB).toFixed(1)} MiB free, reserve ${RESERVE_MIB} MiB`;
  trial.check(full !== undefined, `sends are rejected with DISK_FULL after ${sending.acked.size} (${left})`, sending.codes());
  // Who waited for others until its time was up has not been refused itself: then the refusal is the cause.
  const others = sending.failures.filter((error) => error.code !== 'DISK_FULL' && error.cause?.code !== 'DISK_FULL');
  const outcomes = ['rejected', 'not-sent', 'unknown'].map(
    (outcome) => `${sending.failures.filter((error) => error.outcome === outcome).length} ${outcome}`,
  );
  trial.check(
    others.length === 0,
    `every refusal is for the full disk: ${outcomes.join(', ')}`,
    others.map(({ code, outcome, message }) => `${code} ${outcome} ${message}`),
  );
  await readsGoOn(trial, client, sending, consuming);
  trial.check(cluster.server(BROKER).running, 'the broker runs on a full disk');
  const ackedBefore = sending.acked.size;
  const sinceMs = performance.now();
  rmSync(ballast);
  const resumed = await until(() => (sending.acked.size > ackedBefore + 100 ? true : undefined), {
    withinMs: RESUME_MS,
    sinceMs,
  });
  trial.check(resumed !== undefined, `with room again it takes messages by itself after ${seconds(resumed?.ms)}`);
  await sending.stop();
  sending.failures.length = 0;
}

/** Everything acknowledged so far comes, and the group's offsets are committed up to there. */
async function readsGoOn(trial, client, sending, consuming) {
  const wanted = sending.acked.size;
  const came = await until(
    () => ([...sending.acked.values()].every((at) => consuming.delivered.got.has(at)) ? true : undefined),
    {
      withinMs: 10_000,
    },
  );
  trial.check(came !== undefined, `on a full disk a consumer gets all ${wanted} acknowledged messages`);
  const committed = await until(
    async () => ((await client.admin.describeGroup('demo')).queues.every(({ lag }) => lag === 0) ? true : undefined),
    { withinMs: 10_000 },
  );
  trial.check(committed !== undefined, `and its offsets are committed up to the end after ${seconds(committed?.ms)}`);
}

async function checkStored(trial, client, sending, when) {
  const stored = new Map();
  for (const { place, offset, text } of await readTopic(client, TOPIC)) stored.set(`${place}@${offset}`, text.split(' ', 1)[0]);
  const missing = [...sending.acked].filter(([number, at]) => stored.get(at) !== String(number));
  trial.check(
    missing.length === 0,
    `${when}: all ${sending.acked.size} acknowledged are stored`,
    missing.map(([number, at]) => `${number} at ${at}`),
  );
  const numbers = new Set(stored.values());
  const visible = [...sending.refused].filter((number) => numbers.has(String(number)));
  trial.check(visible.length === 0, `${when}: none of the ${sending.refused.size} rejected is`, visible.map(String));
}

/** Sends as fast as answers come, each with a short deadline, so that a refusal is told and not tried again for long. */
class Sending {
  /** number -> `place@offset` */
  acked = new Map();
  refused = new Set();
  failures = [];
  #producer;
  #number = 0;
  #stopped = true;
  #workers = [];

  constructor(producer) {
    this.#producer = producer;
  }

  start() {
    this.#stopped = false;
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  async stop() {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  rejected(code) {
    return this.failures.filter((one) => one.code === code && one.outcome === 'rejected').length;
  }

  codes() {
    return [...new Set(this.failures.map(({ code, outcome, message }) => `${code} ${outcome} ${message}`))];
  }

  async #work() {
    while (!this.#stopped) {
      const number = ++this.#number;
      try {
        const body = `${number} ${'#'.repeat(16_000)}`;
        const { broker, queue, offset } = await this.#producer.send(TOPIC, { body }, { timeoutMs: 1_000 });
        this.acked.set(number, `${broker}/${queue}@${offset}`);
      } catch (error) {
        this.failures.push(error);
        if (error.outcome === 'rejected') this.refused.add(number);
        await sleep(20);
      }
    }
  }
}
