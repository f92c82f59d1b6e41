// A NameServer that accepts connections and never answers: clients must go to the next one of their list.
import { createServer } from 'node:net';
import { Cluster } from './cluster.mjs';
import { sleep } from './processes.mjs';
import { Traffic } from './traffic.mjs';
import { seconds } from './trial.mjs';
import { checkLog } from './verify.mjs';

const TOPIC = 'orders';
const LIMIT_MS = 5_000;
/** A running client whose NameServer hangs finds that out by its question, and then asks the others, of which one is silent. */
const NEW_TOPIC_MS = 7_000;
const GAP_MS = 1_000;
/** Clients begin at a random address of their list: so many runs that one of them begins at the bad one, most likely. */
const RUNS = 5;

export async function hungNameServer(trial) {
  const silent = await listenAndSayNothing(trial);
  const cluster = await new Cluster(trial).start({ nameServers: ['ns-1', 'ns-2'], before: [silent.address] });
  await cluster.createTopic(TOPIC, 4);
  const { client, events } = await cluster.connect('trial');
  const traffic = new Traffic(client, TOPIC, { perSecond: 200 }).start();
  const run = { trial, cluster, count: 0 };
  await work(run, 'a silent first NameServer', [silent.address, cluster.addressOf('ns-2')]);
  trial.check(silent.connections() > 0, `it was tried: ${silent.connections()} connections`);
  const fromMs = performance.now();
  cluster.freeze('ns-1');
  await work(run, 'a frozen first NameServer', [cluster.addressOf('ns-1'), cluster.addressOf('ns-2')]);
  await goesOn(trial, client, { traffic, events, fromMs });
  cluster.thaw('ns-1');
  await sleep(2_000);
  await work(run, 'it goes on', [cluster.addressOf('ns-1')], 1);
  await traffic.stop();
  await checkLog(trial, client, TOPIC, [traffic]);
}

/** A server that takes every connection, reads nothing and says nothing. */
async function listenAndSayNothing(trial) {
  const sockets = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  trial.atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${server.address().port}`, connections: () => sockets.length };
}

/** `send` to a topic that exists and to a new one, then `tail`, by several commands that know these NameServers only. */
async function work(run, when, addresses, runs = RUNS) {
  const slowest = { send: 0, create: 0, tail: 0 };
  const faults = [];
  const command = async (kind, ...args) => {
    const result = await run.cluster.qanatWith(addresses, ...args);
    slowest[kind] = Math.max(slowest[kind], result.ms);
    if (result.code !== 0) faults.push(`${args.join(' ')} ended with ${result.code}: ${result.notes.join(' ')}`);
    return result.output.trim();
  };
  const one = async (topic) => {
    await command('create', 'send', topic, `first to ${topic}`);
    await command('send', 'send', topic, `second to ${topic}`);
    const lines = await command('tail', 'tail', topic, '--from', 'first', '-n', '2', '--format', '%b');
    const expected = `first to ${topic}, second to ${topic}`;
    const came = lines.split('\n').sort().join(', ');
    if (came !== expected) faults.push(`tail printed "${came}"`);
  };
  await Promise.all(Array.from({ length: runs }, () => one(`greetings-${++run.count}`)));
  run.trial.check(faults.length === 0, `${when}: ${runs} times send to a new topic, send again, tail`, faults);
  for (const [kind, text] of Object.entries({ create: 'send to a new topic', send: 'send', tail: 'tail' })) {
    run.trial.check(
      slowest[kind] < LIMIT_MS,
      `${when}: slowest ${text} ${seconds(slowest[kind])} (less than ${seconds(LIMIT_MS)})`,
    );
  }
}

/** A client that was there before does not care, and finds new topics too. */
async function goesOn(trial, client, { traffic, events, fromMs }) {
  await sleep(Math.max(0, 8_000 - (performance.now() - fromMs)));
  const startedMs = performance.now();
  const sending = client.producer().send('made-later', { body: 'hello' });
  const error = await sending.then(
    () => undefined,
    (reason) => reason,
  );
  const ms = performance.now() - startedMs;
  const text = `a running client, two of whose three NameServers hang, sends to a new topic: ${seconds(ms)}`;
  trial.check(error === undefined && ms < NEW_TOPIC_MS, `${text} (less than ${seconds(NEW_TOPIC_MS)})`, [String(error)]);
  const gap = traffic.longestGap(fromMs, performance.now());
  const errors = events.filter(({ kind }) => kind === 'error').map((event) => event.error.message);
  trial.check(gap.ms < GAP_MS, `its traffic went on: longest time without an acknowledgement ${seconds(gap.ms)}`, [
    `${seconds(gap.fromMs - fromMs)} after the freeze`,
  ]);
  trial.check(errors.length === 0, `it told no error: ${errors.length}`, errors);
}
