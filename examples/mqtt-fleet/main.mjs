// A fleet of devices publishes through two MQTT bridges and gets commands, while bridges and brokers are killed with kill -9.
//   node examples/mqtt-fleet/main.mjs [--devices 2000] [--seconds 60] [--rate 2000] [--commands 50] [--keep]
// --rate: messages a second of all devices. --commands: commands a second.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from '@qanat/client';
import { startCluster } from './cluster.mjs';
import { Fleet } from './fleet.mjs';
import { readTelemetry, verifyCommands, verifyTelemetry } from './verify.mjs';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '2000' },
    commands: { type: 'string', default: '50' },
    keep: { type: 'boolean', default: false },
  },
});
/** The topic of the cluster that the default rule gives to all of MQTT. */
const TOPIC = 'mqtt';
const PATIENCE_MS = 120_000;
const TICK_MS = 20;
const say = (text) => console.log(text);

/** Calls `act` so many times a second until the time is over. */
async function steadily(perSecond, endMs, act) {
  const startMs = performance.now();
  for (let done = 0; performance.now() < endMs; await sleep(TICK_MS)) {
    const due = ((performance.now() - startMs) * perSecond) / 1000;
    for (; done < due; done++) act(done);
  }
}

async function killing(cluster, endMs) {
  const killed = [];
  while (performance.now() < endMs - 10_000) {
    await sleep(3_000 + Math.random() * 3_000);
    const name = cluster.names[killed.length % cluster.names.length];
    await cluster.killAndRestart(name, 500 + Math.random() * 1_000);
    say(`  kill -9 ${name}, restarted`);
    killed.push(name);
  }
  return killed;
}

/** Waits until nothing is missing, and says now and then what is. */
async function until(missing, what) {
  for (let waitedMs = 0; missing() > 0 && waitedMs < PATIENCE_MS; waitedMs += 100) {
    if (waitedMs % 5_000 === 0) say(`  ${missing()} ${what}`);
    await sleep(100);
  }
}

const directory = mkdtempSync(join(tmpdir(), 'qanat-mqtt-fleet-'));
let cluster;
try {
  cluster = await startCluster(directory);
  const client = await connect(cluster.nameServers, { label: 'operator' });
  const producer = client.producer();
  const fleet = new Fleet(Number(values.devices), cluster.bridges);
  await fleet.ready();
  say(`${values.devices} devices are connected to ${cluster.bridges.join(' and ')}`);

  const endMs = performance.now() + Number(values.seconds) * 1000;
  const commands = [];
  const command = async (n) => {
    const device = Math.floor(Math.random() * fleet.devices.length);
    await producer.send(TOPIC, { key: `fleet/device-${device}/commands`, body: JSON.stringify({ n }) }, { timeoutMs: 60_000 });
    commands.push({ device, n });
  };
  const sending = [];
  const [killed] = await Promise.all([
    killing(cluster, endMs),
    steadily(Number(values.rate), endMs, (n) => fleet.devices[n % fleet.devices.length].publish()),
    steadily(Number(values.commands), endMs, (n) => sending.push(command(n))),
  ]);
  const refused = (await Promise.allSettled(sending)).filter(({ status }) => status === 'rejected').length;
  const published = () => fleet.sum((device) => device.published);
  await until(() => published() - fleet.sum(({ acked }) => acked.size), 'publishes are not acknowledged yet');
  await until(() => verifyCommands(fleet.devices, commands).faults.length, 'commands did not arrive yet');

  const unsent = fleet.sum((device) => device.unsent);
  const telemetry = verifyTelemetry(fleet.devices, await readTelemetry(client, TOPIC));
  const commanded = verifyCommands(fleet.devices, commands);
  say(`${killed.length} kills · ${fleet.sum(({ connections }) => connections)} connections`);
  say(
    `telemetry: published ${published()}, ${unsent} more given back by MQTT.js unsent · acknowledged ${telemetry.acked} · stored again ${telemetry.again}, each of them sent again`,
  );
  say(`commands: stored ${commands.length} (${refused} not) · delivered again ${commanded.again}`);
  const unacked = published() - telemetry.acked;
  const spared = ['bridge', 'broker'].filter((kind) => !killed.some((name) => name.startsWith(kind)));
  const faults = [
    ...telemetry.faults,
    ...commanded.faults,
    ...(unacked > 0 ? [`${unacked} were never acknowledged`] : []),
    ...spared.map((kind) => `no ${kind} was killed: a longer run does (--seconds)`),
  ];
  for (const text of faults.slice(0, 10)) say(`  ! ${text}`);
  await fleet.close();
  await client.close();
  const failed = faults.length === 0 ? 0 : 1;
  say(failed === 0 ? 'all that was acknowledged is in the log, and every command reached its device' : 'FAULTS');
  say(`${1 - failed} passed, ${failed} failed`);
  process.exitCode = failed;
} finally {
  await cluster?.stop();
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
}
