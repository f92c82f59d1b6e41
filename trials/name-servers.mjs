// Two NameServers die, one by one and both; running clients do not care, and new ones come when they are back.
import { Cluster } from './cluster.mjs';
import { Crew } from './crew.mjs';
import { sleep } from './processes.mjs';
import { bodyOf, Traffic } from './traffic.mjs';
import { seconds, until } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const GAP_MS = 1_000;
const OUTAGE_MS = 15_000;
const BACK_MS = 10_000;

export async function nameServers(trial) {
  const cluster = await new Cluster(trial).start({ nameServers: ['ns-1', 'ns-2'] });
  await cluster.createTopic(TOPIC, 4);
  const { client, events } = await cluster.connect('trial');
  const traffic = new Traffic(client, TOPIC, { perSecond: 400, keys: 100 }).start();
  const free = new Traffic(client, TOPIC, { name: 'free', perSecond: 200 }).start();
  const crew = new Crew(trial, cluster, TOPIC, 'demo', client.admin);
  crew.start('tail-1', 'tail-2');
  const shared = await crew.shared('4/4', { withinMs: 8_000 });
  trial.check(shared !== undefined, `two tails share the queues: ${seconds(shared?.ms)}`);
  const run = { trial, cluster, crew, traffics: [traffic, free], events };
  await sleep(1_000);
  await goesOn(run, 'ns-1 is killed', 4_000, () => cluster.end('ns-1', 'SIGKILL'));
  await cluster.startAgain('ns-1');
  await sleep(1_500);
  await goesOn(run, 'ns-1 is back, ns-2 is killed', 4_000, () => cluster.end('ns-2', 'SIGKILL'));
  await goesOn(run, 'both are dead', OUTAGE_MS, () => cluster.end('ns-1', 'SIGKILL'), 1);
  await comeBack(run);
  await goesOn(run, 'both are back', 2_000, async () => {});
  await Promise.all(run.traffics.map((one) => one.stop()));
  const missingNow = () => run.traffics.flatMap((one) => crew.missing(one, bodyOf));
  const all = await until(() => (missingNow().length === 0 ? true : undefined), { withinMs: 8_000, everyMs: 200 });
  trial.check(all !== undefined, `every acknowledged message came to the group: ${crew.deliveries.size}`, missingNow());
  const { unexplained } = crew.repeated();
  trial.check(unexplained.length === 0, `none came twice: ${unexplained.length}`, unexplained);
  await checkLog(trial, client, TOPIC, run.traffics);
}

/**
 * Acknowledgements and deliveries go on without a gap.
 *
 * @param outages how often each client may say that no NameServer answers; it says no other error.
 */
async function goesOn({ trial, crew, traffics, events }, what, forMs, act, outages = 0) {
  const fromMs = performance.now();
  await act();
  await sleep(forMs);
  const toMs = performance.now();
  const times = [...crew.deliveries.values()]
    .map(([{ atMs }]) => atMs)
    .filter((atMs) => atMs > fromMs && atMs < toMs)
    .sort((a, b) => a - b);
  const gaps = [...times, toMs].map((atMs, i) => atMs - (i === 0 ? fromMs : times[i - 1]));
  const deliveryGapMs = Math.max(...gaps);
  const ackGapsMs = traffics.map((one) => one.longestGap(fromMs, toMs).ms);
  const text = `${what}, ${seconds(toMs - fromMs)}: longest time without an acknowledgement ${ackGapsMs.map(seconds).join(' with keys, ')} without`;
  trial.check(Math.max(deliveryGapMs, ...ackGapsMs) < GAP_MS, `${text}; without a delivery ${seconds(deliveryGapMs)}`);
  const told = [
    ...events
      .filter(({ atMs, kind }) => atMs > fromMs && kind === 'error')
      .map(({ error }) => `the client says: ${error.message}`),
    ...crew.running.flatMap(({ label, notes }) =>
      notes.filter(({ atMs, level }) => atMs > fromMs && level === 'error').map(({ message }) => `${label} says: ${message}`),
    ),
  ];
  const isOutage = (text) => text.includes('no NameServer answers') && told.filter((one) => one === text).length <= outages;
  const errors = [...told.filter((text) => !isOutage(text)), ...traffics.flatMap(({ failed }) => [...failed.values()])];
  const passed = errors.length === 0 && crew.running.length === 2;
  trial.check(
    passed,
    `no error${outages === 0 ? '' : ' but one of each client, that no NameServer answers'}: ${told.length}`,
    errors,
  );
}

async function comeBack({ trial, cluster }) {
  const sinceMs = performance.now();
  await Promise.all(['ns-1', 'ns-2'].map((name) => cluster.startAgain(name)));
  const ask = async () => {
    const { code, output } = await cluster.qanat('topic', 'describe', TOPIC, '-o', 'json');
    const queues = code === 0 ? JSON.parse(output).queues : [];
    return queues.length === 8 && queues.every(({ away }) => !away) ? true : undefined;
  };
  const back = await until(ask, { withinMs: BACK_MS, sinceMs });
  trial.check(
    back !== undefined,
    `started again on the same ports: topic describe knows all 8 queues after ${seconds(back?.ms)} (at most ${seconds(BACK_MS)})`,
  );
  const { code, ms, notes } = await cluster.qanat('send', 'greetings', 'hello');
  trial.check(code === 0, `a new client sends to a new topic: ${seconds(ms)}`, notes);
}
