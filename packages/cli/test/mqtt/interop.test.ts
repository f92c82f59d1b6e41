import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BridgeWorld } from './bridge-world.ts';
import { mosquittoSuite } from './mosquitto-suite.ts';
import { device, hasMosquitto, VERSIONS } from './tools.ts';

const world = new BridgeWorld();
beforeAll(() => world.start(), 60_000);
afterAll(() => world.stop(), 60_000);

/** Topics of one test are no other's. */
let tests = 0;
const ownTopic = (): string => `t${++tests}`;

describe.skipIf(!hasMosquitto).each(VERSIONS)('mosquitto_pub and mosquitto_sub of MQTT %s', (version) =>
  mosquittoSuite(world, version, () => ({ port: world.port(), args: [] })),
);

describe.each([4, 5] as const)('MQTT.js of protocol version %i', (protocolVersion) => {
  it.each(['mqtt', 'mqtt+ws'] as const)('speaks over %s', async (scheme) => {
    const topic = ownTopic();
    const url = `${scheme === 'mqtt' ? 'mqtt' : 'ws'}://127.0.0.1:${world.port(scheme)}`;
    const one = await device(url, { protocolVersion });
    await one.client.subscribeAsync(`${topic}/#`, { qos: 2 });
    for (const qos of [0, 1, 2] as const) await one.client.publishAsync(`${topic}/${qos}`, Buffer.alloc(100_000, qos), { qos });
    await one.has(3);
    // Topics may be in different queues: there is no order between them.
    expect(one.received.map(({ topic: name, qos, payload }) => [name, qos, payload.length]).sort()).toEqual(
      [0, 1, 2].map((qos) => [`${topic}/${qos}`, qos, 100_000]),
    );
    await one.client.endAsync();
  });

  it('leaves a will that is published when it is lost, and not when it leaves in order [MQTT-3.1.2-8] [MQTT-3.1.2-10]', async () => {
    const topic = ownTopic();
    const url = `mqtt://127.0.0.1:${world.port()}`;
    const watcher = await device(url, { protocolVersion });
    await watcher.client.subscribeAsync(`${topic}/#`, { qos: 1 });
    const will = (name: string): { topic: string; payload: Buffer; qos: 1; retain: boolean } => ({
      topic: `${topic}/${name}`,
      payload: Buffer.from('gone'),
      qos: 1,
      retain: false,
    });
    const leaves = await device(url, { protocolVersion, will: will('leaves') });
    await leaves.client.endAsync();
    const lost = await device(url, { protocolVersion, will: will('lost') });
    lost.client.stream.destroy();
    await watcher.has(1);
    expect(watcher.received.map(({ topic: name, payload }) => [name, String(payload)])).toEqual([[`${topic}/lost`, 'gone']]);
    await watcher.client.endAsync();
  });

  it('goes on with its session over another connection [MQTT-3.1.4-3] [MQTT-3.2.2-3]', async () => {
    const topic = ownTopic();
    const url = `mqtt://127.0.0.1:${world.port()}`;
    const options = {
      protocolVersion,
      clientId: `twice-${topic}`,
      clean: false,
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
    };
    const first = await device(url, options);
    expect(first.sessionPresent).toBe(false);
    await first.client.subscribeAsync(topic, { qos: 1 });
    const closed = new Promise<void>((resolve) => first.client.once('close', () => resolve()));
    const second = await device(url, options);
    await closed;
    expect(second.sessionPresent).toBe(true);
    await second.client.publishAsync(topic, 'x', { qos: 1 });
    await second.has(1);
    await second.client.endAsync();
  });
});

describe('properties of MQTT 5.0', () => {
  it('come through the cluster unaltered [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-20]', async () => {
    const topic = ownTopic();
    const one = await device(`mqtt://127.0.0.1:${world.port()}`, { protocolVersion: 5 });
    await one.client.subscribeAsync(topic, { qos: 1 });
    const properties = {
      payloadFormatIndicator: true,
      responseTopic: `${topic}/answer`,
      correlationData: Buffer.from([0, 1, 255]),
      contentType: 'text/plain',
      userProperties: { a: ['1', '2'], b: '3' },
    };
    await one.client.publishAsync(topic, 'hello', { qos: 1, properties });
    await one.has(1);
    const got = one.received[0]?.properties;
    expect(got).toMatchObject({ ...properties, userProperties: { a: ['1', '2'], b: '3' } });
    await one.client.endAsync();
  });
});
