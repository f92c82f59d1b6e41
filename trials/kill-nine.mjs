// Brokers are killed by kill -9 again and again under load, some while they recover: what was acknowledged is there, once.
import { Cluster } from './cluster.mjs';
import { sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
/** So that a trial of many kills ends in time. */
const KILLING_MS = 55_000;
/** A client waits 2 s at most before it tries again. */
const BACK_MS = 3_000;
const BROKERS = ['broker-a', 'broker-b'];

const between = (from, to) => from + Math.random() * (to - from);

export async function killNine(trial) {
  const cluster = await new Cluster(trial).start();
  await cluster.createTopic(TOPIC, 4);
  const { client, events } = await cluster.connect('trial');
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 2_000, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 2_000 }).start();
  const consumer = consume(client);
  await sleep(500);
  const { kills, recovering, slowestMs, firstAckMs } = await kill(trial, cluster, [keyed, free]);
  await sleep(2_000);
  await Promise.all([keyed.stop(), free.stop()]);
  const wanted = trial.options.kills;
  trial.check(
    kills === wanted,
    `${kills} kills of ${wanted}, ${recovering} of them while a broker started; the slowest was ready after ${seconds(slowestMs)}`,
  );
  trial.check(
    firstAckMs < BACK_MS,
    `a broker that is ready acknowledges again after ${seconds(firstAckMs)} at most (less than ${seconds(BACK_MS)})`,
  );
  const traffics = [keyed, free];
  const slow = traffics.map(({ acked }) => Math.max(0, ...[...acked.values()].map(({ sentMs, ackedMs }) => ackedMs - sentMs)));
  trial.note(
    `slowest acknowledgement: with keys ${seconds(slow[0])}, without ${seconds(slow[1])}; connections lost: ${events.filter(({ kind }) => kind === 'disconnected').length}`,
  );
  await checkLog(trial, client, TOPIC, traffics);
  await checkConsumed(trial, consumer, traffics);
}

/** Kills one broker at a time, often enough before the one before is back for both to be down at once. */
async function kill(trial, cluster, traffics) {
  const done = { kills: 0, recovering: 0, slowestMs: 0, firstAckMs: 0 };
  const endMs = performance.now() + KILLING_MS;
  const restart = async (name) => {
    for (;;) {
      const sinceMs = performance.now();
      const starting = cluster.startAgain(name).then(
        () => true,
        () => false, // it was killed before it was ready
      );
      if (done.kills < trial.options.kills && Math.random() < 0.35) {
        await sleep(between(50, 350));
        const wasReady = await Promise.race([starting, sleep(0).then(() => false)]);
        await cluster.end(name, 'SIGKILL');
        done.kills++;
        if (!wasReady) done.recovering++;
        continue;
      }
      if (!(await starting)) throw new Error(`${name} did not start again; see its log`);
      done.slowestMs = Math.max(done.slowestMs, performance.now() - sinceMs);
      return;
    }
  };
  const cameBack = async (name, upMs) => {
    const hasAcked = () => traffics.some((one) => one.lastAckMs(name) > upMs) || undefined;
    const back = await until(hasAcked, { withinMs: 2 * BACK_MS, everyMs: 10, sinceMs: upMs });
    done.firstAckMs = Math.max(done.firstAckMs, back?.ms ?? Number.POSITIVE_INFINITY);
  };
  const work = async (name) => {
    let upMs = performance.now();
    while (done.kills < trial.options.kills && performance.now() < endMs) {
      // Most of them while it takes messages: clients need some time to come back.
      if (Math.random() < 0.8) await cameBack(name, upMs);
      await sleep(between(0, 1_000));
      if (done.kills >= trial.options.kills) return;
      done.kills++;
      await cluster.end(name, 'SIGKILL');
      await sleep(between(0, 500));
      await restart(name);
      upMs = performance.now();
    }
  };
  await Promise.all(BROKERS.map(work));
  return done;
}

/** A member of a group: it must get everything, at least once. */
function consume(client) {
  const got = new Map();
  const state = { got, again: 0, error: undefined };
  const consumer = client.pushConsumer({ group: 'demo', topics: TOPIC, from: 'first' });
  consumer
    .runBatch((messages) => {
      for (const { broker, queue, offset } of messages) {
        const at = `${broker}/${queue}@${offset}`;
        if (got.has(at)) state.again++;
        got.set(at, true);
      }
    })
    .catch((error) => {
      state.error = error;
    });
  return state;
}

async function checkConsumed(trial, state, traffics) {
  const places = traffics.flatMap(({ acked }) => [...acked.values()].map(({ place, offset }) => `${place}@${offset}`));
  const missing = () => places.filter((at) => !state.got.has(at));
  const endMs = performance.now() + 10_000;
  while (missing().length > 0 && performance.now() < endMs) await sleep(200);
  trial.check(state.error === undefined, 'a consumer of a group went on through all of it', [String(state.error)]);
  trial.check(
    missing().length === 0,
    `every acknowledged message came to it: ${state.got.size}, again ${state.again}`,
    missing(),
  );
}
