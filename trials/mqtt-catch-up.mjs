// A device comes back to a log that has grown by millions while it was away, and one command waits in it: it must have that at
// once, since what it missed was noted when it was stored. Also through another bridge, and where its own one was killed.
import { join } from 'node:path';
import mqtt from 'mqtt';
import { Cluster } from './cluster.mjs';
import { residentMib } from './measures.mjs';
import { freePort, startServer } from './processes.mjs';
import { seconds, until } from './trial.mjs';

const QUICK_MESSAGES = 1_000_000;
const FULL_MESSAGES = 50_000_000;
const BACK_MS_MAX = 200;
const INDEX_MS_MAX = 15 * 60_000;
const ANSWER_MS = 60_000;
const TOPIC = 'mqtt';
const BATCH = 2_000;
const IN_FLIGHT = 16;
const OTHERS = 1_000;
const SESSION_S = 86_400;
/** Each returns in its own way. `command`: the topic of its command. */
const DEVICES = [
  { id: 'exact', filter: 'fleet/exact/commands', command: 'fleet/exact/commands', through: 0 },
  { id: 'wildcard', filter: '+/wildcard/commands/#', command: 'fleet/wildcard/commands/start', through: 0 },
  { id: 'elsewhere', filter: 'fleet/elsewhere/#', command: 'fleet/elsewhere/commands', through: 1 },
];
/** Is there all the time, at a bridge that is killed in the end. */
const BEREFT = { id: 'bereft', filter: 'fleet/bereft/#', command: 'fleet/bereft/commands' };

export async function mqttCatchUp(trial) {
  const count = trial.rounds(QUICK_MESSAGES, FULL_MESSAGES);
  const cluster = await new Cluster(trial).start({ brokers: ['broker-a'] });
  const bridges = [];
  for (const name of ['bridge-a', 'bridge-b']) bridges.push(await startBridge(trial, cluster, name));
  for (const device of DEVICES) await leave(device, bridges[0]);
  const online = await arrive(BEREFT, bridges[0]);
  const { client } = await cluster.connect('others');
  await fill(trial, client, count / 2);
  const producer = client.producer();
  for (const { command } of DEVICES) await producer.send(TOPIC, { key: command, body: 'start' });
  await fill(trial, client, count / 2);
  const indexed = await until(async () => ((await lag(trial, bridges)) === 0 ? true : undefined), {
    withinMs: INDEX_MS_MAX,
    everyMs: 250,
  });
  trial.check(
    indexed !== undefined,
    `what ${count.toLocaleString('en')} messages mean to absent devices is noted ${seconds(indexed?.ms)} behind the last one`,
  );
  for (const device of DEVICES) await checkBack(trial, device, bridges[device.through]);
  for (const { name, process } of bridges) trial.note(`${name}: ${residentMib(process.pid).toFixed(0)} MiB resident`);
  await bridges[0].process.end('SIGKILL');
  await online.endAsync(true);
  await producer.send(TOPIC, { key: BEREFT.command, body: 'start' });
  await checkBack(trial, BEREFT, bridges[1]);
}

async function checkBack(trial, device, bridge) {
  const { ms, messages } = await comeBack(device, bridge);
  trial.check(
    messages.length === 1 && messages[0] === device.command,
    `${device.id}: the one command came, and nothing else`,
    messages,
  );
  trial.check(ms <= BACK_MS_MAX, `${device.id}: ${ms.toFixed(0)} ms from CONNECT to the command (at most ${BACK_MS_MAX})`);
  trial.figure(`${device.id}Ms`, Math.round(ms));
}

async function startBridge(trial, cluster, name) {
  const port = await freePort();
  const http = await freePort();
  const listen = ['--listen', `mqtt://127.0.0.1:${port}`, '--http', `127.0.0.1:${http}`];
  const args = ['bridge', 'mqtt', '--name', name, ...listen, '--nameserver', cluster.nameServers];
  const process = await startServer(args, join(trial.directory, `${name}.log`));
  trial.atEnd(() => process.end('SIGKILL'));
  return { name, process, http, url: `mqtt://127.0.0.1:${port}` };
}

const session = ({ id }) => ({
  clientId: id,
  clean: false,
  protocolVersion: 5,
  properties: { sessionExpiryInterval: SESSION_S },
  reconnectPeriod: 0,
});

async function arrive(device, { url }) {
  const client = await mqtt.connectAsync(url, session(device));
  await client.subscribeAsync(device.filter, { qos: 1 });
  return client;
}

async function leave(device, bridge) {
  const client = await arrive(device, bridge);
  await client.endAsync();
}

/** Connects again, and waits for the command, then a little for what should not come. */
function comeBack(device, { url }) {
  return new Promise((resolve, reject) => {
    const sinceMs = performance.now();
    const messages = [];
    let ms = Number.POSITIVE_INFINITY;
    const client = mqtt.connect(url, session(device));
    const end = () => client.endAsync().then(() => resolve({ ms, messages }), reject);
    const timer = setTimeout(end, ANSWER_MS);
    client.on('error', reject);
    client.on('message', (topic) => {
      messages.push(topic);
      if (messages.length > 1) return;
      ms = performance.now() - sinceMs;
      clearTimeout(timer);
      setTimeout(end, 1_000);
    });
  });
}

/** What other devices publish, with QoS 1. */
async function fill(trial, client, count) {
  const producer = client.producer({ ack: 'leader' });
  const body = new Uint8Array(32).fill(46);
  let sent = 0;
  const work = async () => {
    while (sent < count) {
      const size = Math.min(BATCH, count - sent);
      sent += size;
      const key = `fleet/device-${Math.floor(Math.random() * OTHERS)}/telemetry`;
      const message = { key, body, properties: { 'mqtt.qos': '1' } };
      await producer.sendBatch(
        TOPIC,
        Array.from({ length: size }, () => message),
        { key },
      );
      trial.progress(`${(sent / 1e6).toFixed(1)} million of ${(count / 1e6).toFixed(1)} stored`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  await producer.close();
}

/** Messages that are stored and not looked at for absent devices. */
async function lag(trial, bridges) {
  let sum = 0;
  for (const { http } of bridges) {
    const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    sum += Number(/^qanat_mqtt_cluster\{[^}]*figure="indexLag"\}\s+(\S+)$/m.exec(text)?.[1] ?? Number.NaN);
  }
  trial.progress(`${sum} messages are still to be looked at`);
  return sum;
}
