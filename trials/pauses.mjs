// SIGSTOP of a NameServer, of a broker, of a consumer, each under load: whoever slept takes nobody else for gone, nothing is
// lost, and nothing comes twice but what the sleeper itself had in its hands.
import { Cluster } from './cluster.mjs';
import { Crew } from './crew.mjs';
import { sleep } from './processes.mjs';
import { logged } from './server-log.mjs';
import { bodyOf, Traffic } from './traffic.mjs';
import { seconds } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const BROKERS = ['broker-a', 'broker-b'];
const NAME_SERVER_MS = 8_000;
const BROKER_MS = 8_000;
const CONSUMER_MS = 15_000;
/** After each, for what had to wait. */
const AFTER_MS = 6_000;
const SLEEPER = 'two';

export async function pauses(trial) {
  const rounds = trial.rounds(1, 3);
  const cluster = await new Cluster(trial).start({ nameServers: ['ns-1', 'ns-2'] });
  await cluster.createTopic(TOPIC, 3);
  const { client } = await cluster.connect('trial');
  const crew = new Crew(trial, cluster, TOPIC, 'demo', client.admin);
  crew.start('one', 'two', 'three');
  const shared = await crew.shared('2/2/2', { withinMs: 15_000 });
  trial.check(shared !== undefined, `three members have two queues each after ${seconds(shared?.ms)}`);
  const keyed = new Traffic(client, TOPIC, { name: 'keyed', perSecond: 200, keys: 50 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 200 }).start();
  await sleep(2_000);
  for (let round = 0; round < rounds; round++) {
    await nameServerSleeps(trial, cluster, crew);
    await brokerSleeps(trial, cluster, crew);
    await consumerSleeps(trial, crew);
  }
  await Promise.all([keyed.stop(), free.stop()]);
  await sleep(3_000);
  await checkLog(trial, client, TOPIC, [keyed, free]);
  const missing = [...crew.missing(keyed, bodyOf), ...crew.missing(free, bodyOf)];
  trial.check(missing.length === 0, `every acknowledged message came: ${crew.deliveries.size}`, missing);
}

/** Deliveries of a message to somebody else than the sleeper, or to a member twice, from a time on. */
function repeated(crew, sinceMs, sleeper) {
  const repetitions = [];
  for (const [at, list] of crew.deliveries) {
    if (list.length < 2 || list.at(-1).atMs < sinceMs) continue;
    if (sleeper !== undefined && list.some(({ label }) => label === sleeper)) continue;
    repetitions.push(`${at} came to ${list.map(({ label }) => label).join(', ')}`);
  }
  return repetitions;
}

/** Members that brokers took for gone. */
const gone = (trial, sinceMs) =>
  BROKERS.flatMap((name) =>
    logged(trial, name, 'group.member.gone', sinceMs).map(({ label, why }) => ({
      name,
      label,
      text: `${name}: ${label}, ${why}`,
    })),
  );

const owners = async (crew) => {
  const { queues, members } = await crew.describe();
  const labels = new Map(members.map(({ id, label }) => [id, label]));
  return queues.map(({ broker, queue, member }) => `${broker}/${queue} ${labels.get(member)}`).sort();
};

async function frozen(trial, process, ms, what) {
  const since = { wallMs: Date.now(), ms: performance.now() };
  process.freeze();
  await sleep(ms);
  process.thaw();
  await sleep(AFTER_MS);
  trial.progress(`${what} slept for ${seconds(ms)}`);
  return since;
}

async function nameServerSleeps(trial, cluster, crew) {
  const before = await owners(crew);
  const since = await frozen(trial, cluster.server('ns-1'), NAME_SERVER_MS, 'a NameServer');
  const what = `a NameServer sleeps for ${seconds(NAME_SERVER_MS)}`;
  const away = ['ns-1', 'ns-2'].flatMap((name) => logged(trial, name, 'broker is away', since.wallMs));
  trial.check(
    away.length === 0,
    `${what}: it marks no broker away, nor does the other`,
    away.map(({ node, broker, why }) => `${node}: ${broker}, ${why}`),
  );
  await undisturbed(trial, crew, what, since, before);
}

async function brokerSleeps(trial, cluster, crew) {
  const before = await owners(crew);
  const since = await frozen(trial, cluster.server('broker-b'), BROKER_MS, 'a broker');
  await undisturbed(trial, crew, `a broker sleeps for ${seconds(BROKER_MS)}`, since, before);
}

async function undisturbed(trial, crew, what, since, before) {
  const expired = gone(trial, since.wallMs);
  trial.check(
    expired.length === 0,
    `${what}: no member is taken for gone`,
    expired.map(({ text }) => text),
  );
  const after = await owners(crew);
  trial.check(
    before.join() === after.join(),
    `${what}: every queue is where it was`,
    after.filter((row) => !before.includes(row)),
  );
  const again = repeated(crew, since.ms);
  trial.check(again.length === 0, `${what}: nothing comes twice`, again);
}

async function consumerSleeps(trial, crew) {
  const since = await frozen(trial, crew.tails.get(SLEEPER), CONSUMER_MS, 'a consumer');
  const what = `a consumer sleeps for ${seconds(CONSUMER_MS)}`;
  const expired = gone(trial, since.wallMs);
  const others = expired.filter(({ label }) => label !== SLEEPER);
  trial.check(
    others.length === 0,
    `${what}: nobody else is taken for gone; it is, at ${expired.length - others.length} brokers`,
    others.map(({ text }) => text),
  );
  const again = repeated(crew, since.ms, SLEEPER);
  const own = repeated(crew, since.ms).length - again.length;
  trial.check(again.length === 0, `${what}: nothing comes twice but ${own} that it had in its hands`, again);
  trial.figure('againBySleeper', own);
  const back = await crew.shared('2/2/2', { withinMs: 15_000, sinceMs: since.ms + CONSUMER_MS });
  trial.check(back !== undefined, `${what}: it has its share again, seen ${seconds(back?.ms)} after it woke`);
}
