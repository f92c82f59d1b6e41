// A broker is frozen (SIGSTOP) under load: it must be seen in seconds, and nothing is lost or stored twice when it goes on.
import { Cluster } from './cluster.mjs';
import { sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const AWAY_MS = 6_000;
const ATTEMPT_MS = 3_000;
const FROZEN_MS = 15_000;
const BACK_MS = 5_000;
const NEW_CLIENT = 'from a new client';

export async function hungBroker(trial) {
  const cluster = await new Cluster(trial).start();
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 200, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 400 }).start();
  await sleep(3_000);
  const frozenMs = performance.now();
  cluster.freeze('broker-b');
  await seeAway(trial, cluster, client, frozenMs);
  await newClient(trial, cluster);
  await sleep(Math.max(0, FROZEN_MS - (performance.now() - frozenMs)));
  const thawedMs = performance.now();
  cluster.thaw('broker-b');
  await seeBack(trial, cluster, thawedMs);
  await sleep(2_000);
  const endMs = performance.now();
  await Promise.all([keyed.stop(), free.stop()]);
  checkFree(trial, free, { frozenMs, thawedMs, endMs });
  checkKeyed(trial, keyed, { frozenMs, thawedMs });
  await checkLog(trial, client, TOPIC, [keyed, free], [NEW_CLIENT]);
}

async function describe(cluster) {
  const { code, output } = await cluster.qanat('topic', 'describe', TOPIC, '-o', 'json');
  return code === 0 ? JSON.parse(output).queues.filter(({ broker }) => broker === 'broker-b') : [];
}

async function seeAway(trial, cluster, client, sinceMs) {
  const inRoute = async () =>
    (await client.admin.listBrokers()).find(({ broker }) => broker === 'broker-b')?.away !== false || undefined;
  const [route, command] = await Promise.all([
    until(inRoute, { withinMs: AWAY_MS, sinceMs }),
    until(async () => ((await describe(cluster)).every(({ away }) => away) ? true : undefined), { withinMs: AWAY_MS, sinceMs }),
  ]);
  trial.check(
    route !== undefined,
    `a frozen broker is marked away in the route after ${seconds(route?.ms)} (at most ${seconds(AWAY_MS)})`,
  );
  trial.check(
    command !== undefined,
    `topic describe -o json says away: true after ${seconds(command?.ms)} (at most ${seconds(AWAY_MS)})`,
  );
}

async function newClient(trial, cluster) {
  const { code, ms, notes } = await cluster.qanat('send', TOPIC, NEW_CLIENT);
  trial.check(code === 0 && ms < 3_000, `a new client sends to the other one: ${seconds(ms)}`, notes);
}

async function seeBack(trial, cluster, sinceMs) {
  const isBack = async () => {
    const queues = await describe(cluster);
    return queues.length > 0 && queues.every(({ away }) => !away) ? true : undefined;
  };
  const back = await until(isBack, { withinMs: BACK_MS, sinceMs });
  trial.check(back !== undefined, `SIGCONT: it is back after ${seconds(back?.ms)} (at most ${seconds(BACK_MS)})`);
}

/** Messages without keys go on at the other broker; only those that were at the frozen one when it froze have to wait for it. */
function checkFree(trial, free, { frozenMs, thawedMs, endMs }) {
  const { ms: gapMs, fromMs: gapFromMs } = free.longestGap(frozenMs - 2_000, endMs);
  trial.check(
    gapMs < ATTEMPT_MS,
    `without keys: longest time without an acknowledgement ${seconds(gapMs)} (less than ${seconds(ATTEMPT_MS)})`,
    [`it began ${seconds(gapFromMs - frozenMs)} after the freeze`],
  );
  const during = [...free.acked.values()].filter(({ sentMs, ackedMs }) => ackedMs > frozenMs && sentMs < thawedMs);
  const limitMs = ATTEMPT_MS + AWAY_MS;
  const bound = during.filter(({ sentMs, place }) => sentMs <= frozenMs + 100 && place.startsWith('broker-b/'));
  const others = during.filter((one) => !bound.includes(one));
  const longestMs = Math.max(0, ...others.map(({ sentMs, ackedMs }) => ackedMs - sentMs));
  const text = `without keys: ${others.length} sent while it was frozen, the slowest took ${seconds(longestMs)} (at most ${seconds(limitMs)})`;
  trial.check(
    longestMs <= limitMs,
    text,
    others
      .filter(({ sentMs, ackedMs }) => ackedMs - sentMs > limitMs)
      .map(({ place, sentMs }) => `to ${place}, ${seconds(sentMs - frozenMs)} after`),
  );
  const waitedMs = Math.max(0, ...bound.map(({ sentMs, ackedMs }) => ackedMs - sentMs));
  trial.note(`${bound.length} were at it already, nobody could know their outcome: they waited ${seconds(waitedMs)}`);
}

/** Keys stay at their broker, so that their order holds. */
function checkKeyed(trial, keyed, { frozenMs, thawedMs }) {
  const during = [...keyed.acked.values()].filter(({ sentMs }) => sentMs > frozenMs && sentMs < thawedMs);
  const elsewhere = during.filter(({ place }) => place.startsWith('broker-a/'));
  const slowest = Math.max(0, ...elsewhere.map(({ sentMs, ackedMs }) => ackedMs - sentMs));
  trial.check(slowest < ATTEMPT_MS, `with keys of the other broker: ${elsewhere.length}, the slowest took ${seconds(slowest)}`);
  const waited = during.filter(({ place }) => place.startsWith('broker-b/'));
  const lastMs = Math.max(0, ...waited.map(({ ackedMs }) => ackedMs - thawedMs));
  trial.check(
    lastMs < 5_000,
    `with keys of the frozen one: ${waited.length} waited for it, the last had its acknowledgement ${seconds(lastMs)} after SIGCONT`,
  );
}
