// Tails share the queues of a group while members come, go, die, and a broker is restarted.
import { Cluster } from './cluster.mjs';
import { Crew } from './crew.mjs';
import { sleep } from './processes.mjs';
import { bodyOf, Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const LEAVE_MS = 2_000;
const SESSION_MS = 10_000;
const SLACK_MS = 3_000;
const JOIN_MS = 8_000;

export async function groups(trial) {
  const cluster = await new Cluster(trial).start();
  await cluster.createTopic(TOPIC, 4);
  const { client } = await cluster.connect('trial');
  const traffic = new Traffic(client, TOPIC, { perSecond: 400, keys: 100 }).start();
  const crew = new Crew(trial, cluster, TOPIC, 'demo', client.admin);
  await join(trial, crew);
  await leave(trial, crew);
  await die(trial, crew);
  await idle(trial, crew);
  await restart(trial, cluster, crew);
  await sleep(1_000);
  await traffic.stop();
  await checkDeliveries(trial, crew, traffic);
  await checkLog(trial, client, TOPIC, [traffic]);
}

const tell = (trial, text, shared, limitMs) =>
  trial.check(shared !== undefined, `${text}: ${seconds(shared?.ms)} (at most ${seconds(limitMs)})`);

async function join(trial, crew) {
  crew.start('tail-1', 'tail-2');
  tell(trial, 'two tails share the 8 queues of two brokers 4/4', await crew.shared('4/4', { withinMs: JOIN_MS }), JOIN_MS);
  await sleep(1_500);
  crew.start('tail-3');
  tell(trial, 'with a third they have 3/3/2', await crew.shared('3/3/2', { withinMs: JOIN_MS }), JOIN_MS);
  await sleep(1_500);
}

/** The share of a label, as text, and whether the others got it. */
async function leave(trial, crew) {
  const sinceMs = performance.now();
  const ending = crew.tails.get('tail-2').end('SIGINT');
  const ended = ending.then((code) => ({ code, ms: performance.now() - sinceMs }));
  await until(() => (crew.running.length === 2 ? true : undefined), { withinMs: LEAVE_MS, everyMs: 5 });
  tell(
    trial,
    'one ends by Ctrl-C, the others hold its queues',
    await crew.shared('4/4', { withinMs: LEAVE_MS, sinceMs }),
    LEAVE_MS,
  );
  const { code, ms } = await ended;
  trial.check(code === 130, `it ended with exit code ${code} after ${seconds(ms)}`);
  const { unexplained } = crew.repeated();
  trial.check(unexplained.length === 0, `no message came twice so far: ${crew.deliveries.size} came`, unexplained);
  await sleep(1_000);
}

async function die(trial, crew) {
  crew.start('tail-4');
  tell(trial, 'another one joins, 3/3/2', await crew.shared('3/3/2', { withinMs: JOIN_MS }), JOIN_MS);
  await sleep(1_500);
  const sinceMs = performance.now();
  await crew.tails.get('tail-3').end('SIGKILL');
  const limitMs = SESSION_MS + SLACK_MS;
  tell(
    trial,
    'one is killed with kill -9, the others hold its queues',
    await crew.shared('4/4', { withinMs: limitMs, sinceMs }),
    limitMs,
  );
  const { explained, unexplained } = crew.repeated();
  trial.check(unexplained.length === 0, `only what the killed one could not commit came again: ${explained}`, unexplained);
}

async function idle(trial, crew) {
  crew.start('tail-5', 'tail-6', 'tail-7', 'tail-8', 'tail-91', 'tail-92');
  tell(trial, 'eight members have a queue each', await crew.shared('1/1/1/1/1/1/1/1', { withinMs: JOIN_MS }), JOIN_MS);
  crew.start('tail-99');
  const ninth = crew.tails.get('tail-99');
  const told = await until(() => ninth.notes.find(({ event }) => event === 'idle'), { withinMs: JOIN_MS });
  trial.check(told !== undefined, `a ninth is told on standard error after ${seconds(told?.ms)}: "${told?.value.message}"`);
  const { members } = await crew.describe();
  const idle = members.filter((member) => member.idle).map(({ label }) => label);
  trial.check(
    idle.join() === 'tail-99',
    `group describe says idle: true of ${idle.join(', ') || 'nobody'}, of ${members.length} members`,
  );
}

const holders = ({ members, queues }) => {
  const labels = new Map(members.map(({ id, label }) => [id, label]));
  return queues.map(({ broker, queue, member }) => `${broker}/${queue} ${labels.get(member) ?? member}`).sort();
};

async function restart(trial, cluster, crew) {
  await sleep(1_000);
  const before = holders(await crew.describe());
  const sinceMs = performance.now();
  const code = await cluster.end('broker-b', 'SIGTERM');
  const downMs = performance.now() - sinceMs;
  await cluster.startAgain('broker-b');
  const upMs = performance.now() - sinceMs;
  trial.check(
    code === 0,
    `a broker ends by SIGTERM with exit code ${code} after ${seconds(downMs)}, and is ready again after ${seconds(upMs)}`,
  );
  await sleep(SESSION_MS + 1_000);
  const after = holders(await crew.describe());
  const changed = after.filter((line) => !before.includes(line));
  trial.check(
    changed.length === 0 && after.length === before.length,
    `no queue moved: ${after.length} queues have the holders that they had`,
    changed,
  );
  const moves = crew.running.flatMap(({ label, notes }) =>
    notes
      .filter(({ atMs, event, queues }) => atMs > sinceMs && (event === 'revoked' || event === 'assigned') && queues.length > 0)
      .map(({ message }) => `${label} ${message}`),
  );
  trial.check(moves.length === 0, `no member was told that a queue is assigned or revoked: ${moves.length} events`, moves);
}

async function checkDeliveries(trial, crew, traffic) {
  const missingNow = () => crew.missing(traffic, bodyOf);
  const all = await until(() => (missingNow().length === 0 ? true : undefined), { withinMs: 8_000, everyMs: 200 });
  const text = `every one of the ${traffic.acked.size} acknowledged messages came, ${seconds(all?.ms)} after the last was sent`;
  trial.check(all !== undefined, text, missingNow());
  const codes = await Promise.all(crew.running.map((tail) => tail.end('SIGINT')));
  trial.check(
    codes.every((code) => code === 130),
    `all tails end by Ctrl-C: exit codes ${[...new Set(codes)].join(', ')}`,
  );
  const { explained, unexplained } = crew.repeated();
  trial.check(
    unexplained.length === 0,
    `no message came twice but for the kill -9: ${unexplained.length}, and ${explained} for it`,
    unexplained,
  );
  const strangers = [...crew.deliveries.values()].length - traffic.acked.size - traffic.failed.size;
  trial.check(strangers <= 0, `nothing came that was not sent: ${crew.deliveries.size} offsets for ${traffic.sent} messages`);
}
