// Devices by TCP and by WebSocket, in both versions: what they do in the open they do behind a certificate.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IClientOptions } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { qanat } from '../fake-io.ts';
import { BridgeWorld, portOf, Served } from './bridge-world.ts';
import { mosquittoSuite } from './mosquitto-suite.ts';
import { type Device, device, hasMosquitto, pub, VERSIONS } from './tools.ts';

const world = new BridgeWorld();
const tls = join(world.folder, 'tls');
const ca = join(tls, 'ca.pem');
let bridge: Served;

beforeAll(async () => {
  await world.start();
  await qanat(['tls', 'init', '--dir', tls]);
  const files = ['--tls-ca', ca, '--tls-cert', join(tls, 'server.pem'), '--tls-key', join(tls, 'server-key.pem')];
  const listen = ['--listen', 'mqtts://127.0.0.1:0,mqtt+wss://127.0.0.1:0'];
  bridge = await Served.start(['bridge', 'mqtt', '--name', 'secured', '--nameserver', world.nameServer, ...listen, ...files]);
}, 60_000);
afterAll(async () => {
  await bridge.stop();
  await world.stop();
}, 60_000);

/** In the open it is the bridge of `qanat dev`. */
const portTo = (scheme: 'mqtt' | 'mqtt+ws' | 'mqtts' | 'mqtt+wss'): number =>
  scheme === 'mqtt' || scheme === 'mqtt+ws' ? world.port(scheme) : portOf(bridge.ready.endpoints, scheme);

let tests = 0;
const ownTopic = (): string => `secured-${++tests}`;

describe.each([
  ['mqtt', 'mqtt', 4],
  ['mqtt', 'mqtt', 5],
  ['mqtt+ws', 'ws', 4],
  ['mqtt+ws', 'ws', 5],
  ['mqtts', 'mqtts', 4],
  ['mqtts', 'mqtts', 5],
  ['mqtt+wss', 'wss', 4],
  ['mqtt+wss', 'wss', 5],
] as const)('MQTT.js over %s', (scheme, urlScheme, protocolVersion) => {
  const open = (options: IClientOptions = {}): Promise<Device> =>
    device(`${urlScheme}://127.0.0.1:${portTo(scheme)}`, { protocolVersion, ca: readFileSync(ca), ...options });
  const session = (clientId: string): IClientOptions => ({
    clientId,
    clean: false,
    ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
  });

  it(`brings telemetry up and commands down by protocol version ${protocolVersion}`, async () => {
    const topic = ownTopic();
    const one = await open();
    await one.client.subscribeAsync(`${topic}/commands`, { qos: 1 });
    await one.client.publishAsync(`${topic}/telemetry`, '21.5', { qos: 1 });
    const [telemetry] = await world.messages('mqtt', 1, ({ key }) => key === `${topic}/telemetry`);
    expect(Buffer.from(telemetry?.body ?? []).toString()).toBe('21.5');
    await world.client.producer().send('mqtt', { key: `${topic}/commands`, body: 'reboot' });
    await one.has(1);
    expect(one.received.map(({ payload }) => String(payload))).toEqual(['reboot']);
    await one.client.endAsync();
  });

  it(`keeps retained messages, wills, shares and offline sessions by protocol version ${protocolVersion}`, async () => {
    const topic = ownTopic();
    const away = await open(session(`${topic}-away`));
    await away.client.subscribeAsync(`${topic}/jobs`, { qos: 1 });
    await away.client.endAsync();
    const will = { topic: `${topic}/wills`, payload: Buffer.from('gone'), qos: 1 as const, retain: true };
    const lost = await open({ will });
    await lost.client.publishAsync(`${topic}/state`, 'on', { qos: 1, retain: true });
    lost.client.stream.destroy();
    const watcher = await open();
    await watcher.client.subscribeAsync([`${topic}/state`, `${topic}/wills`], { qos: 1 });
    await watcher.has(2);
    expect(watcher.received.map(({ payload }) => String(payload)).sort()).toEqual(['gone', 'on']);
    const members = [await open(), await open()];
    for (const member of members) await member.client.subscribeAsync(`$share/workers/${topic}/jobs`, { qos: 1 });
    for (let i = 0; i < 10; i++) await watcher.client.publishAsync(`${topic}/jobs`, `${i}`, { qos: 1 });
    const jobs = (devices: readonly Device[]): string[] =>
      devices.flatMap(({ received }) => received.map(({ payload }) => String(payload)));
    while (jobs(members).length < 10) await Promise.race(members.map((member) => member.has(member.received.length + 1)));
    expect(jobs(members).sort()).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    const back = await open(session(`${topic}-away`));
    await back.has(10);
    expect(jobs([back])).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    await Promise.all([watcher, back, ...members].map(({ client }) => client.endAsync()));
  });
});

describe.skipIf(!hasMosquitto).each(VERSIONS)('mosquitto_pub and mosquitto_sub of MQTT %s over TLS', (version) => {
  mosquittoSuite(world, version, () => ({ port: portTo('mqtts'), args: ['--cafile', ca] }));

  it('refuse a server whose CA they do not know', async () => {
    const { code } = await pub(portTo('mqtts'), version, '--capath', '/etc/ssl/certs', '-t', ownTopic(), '-m', 'x', '-q', '1');
    expect(code).not.toBe(0);
  });
});
