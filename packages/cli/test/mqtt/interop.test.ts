import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BridgeWorld } from './bridge-world.ts';
import { device, hasMosquitto, messagesIn, pub, sub, VERSIONS } from './tools.ts';

const world = new BridgeWorld();
beforeAll(() => world.start(), 60_000);
afterAll(() => world.stop(), 60_000);

/** Topics of one test are no other's. */
let tests = 0;
const ownTopic = (): string => `t${++tests}`;

describe.skipIf(!hasMosquitto).each(VERSIONS)('mosquitto_pub and mosquitto_sub of MQTT %s', (version) => {
  it('bring telemetry into the cluster, whatever its quality of service', async () => {
    const topic = ownTopic();
    for (const qos of ['0', '1', '2']) {
      const { code, err } = await pub(world.port(), version, '-t', `${topic}/${qos}`, '-m', `21.${qos}`, '-q', qos);
      expect([code, err]).toEqual([0, '']);
    }
    const found = await world.messages('mqtt', 3, ({ key }) => key?.startsWith(`${topic}/`) === true);
    expect(found.map(({ key, body }) => [key, Buffer.from(body).toString()]).sort()).toEqual([
      [`${topic}/0`, '21.0'],
      [`${topic}/1`, '21.1'],
      [`${topic}/2`, '21.2'],
    ]);
  });

  it('receive what other clients of the cluster send, by its key', async () => {
    const topic = ownTopic();
    const device = await sub(world.port(), version, '-t', `${topic}/+/cmd`, '-q', '1', '-C', '1', '-v');
    await world.client.producer().send('mqtt', { key: `${topic}/7/cmd`, body: 'reboot' });
    expect(messagesIn(await device.ended)).toEqual([`${topic}/7/cmd reboot`]);
  });

  it.each(['0', '1', '2'])('receive what devices publish with QoS %s', async (qos) => {
    const topic = ownTopic();
    const device = await sub(world.port(), version, '-t', `${topic}/#`, '-q', qos, '-C', '3', '-F', '%t %q %p');
    for (const text of ['a', 'b', 'c']) await pub(world.port(), version, '-t', `${topic}/x`, '-m', text, '-q', qos);
    expect(messagesIn(await device.ended)).toEqual(['a', 'b', 'c'].map((text) => `${topic}/x ${qos} ${text}`));
  });

  it('are given the retained message, until an empty one removes it [MQTT-3.3.1-5, MQTT-3.3.1-6]', async () => {
    const topic = ownTopic();
    await pub(world.port(), version, '-t', topic, '-m', 'old', '-r', '-q', '1');
    await pub(world.port(), version, '-t', topic, '-m', 'new', '-r', '-q', '1');
    const device = await sub(world.port(), version, '-t', topic, '-q', '1', '-C', '1', '-F', '%r %p');
    expect(messagesIn(await device.ended)).toEqual(['1 new']);
    await pub(world.port(), version, '-t', topic, '-n', '-r', '-q', '1');
    const late = await sub(world.port(), version, '-t', topic, '-q', '1', '-C', '1', '-F', '%r %p');
    await pub(world.port(), version, '-t', topic, '-m', 'live', '-q', '1');
    expect(messagesIn(await late.ended)).toEqual(['0 live']);
  });

  it('miss nothing of QoS 1 that came while a session was offline [MQTT-3.1.2-4, MQTT-4.5.0-1]', async () => {
    const topic = ownTopic();
    const session = ['-t', `${topic}/#`, '-q', '1', '-i', `device-${topic}`, '-c', ...(version === '5' ? ['-x', '3600'] : [])];
    const first = await sub(world.port(), version, ...session);
    first.stop();
    await first.ended;
    const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
    for (const text of texts) await pub(world.port(), version, '-t', `${topic}/x`, '-m', text, '-q', '1');
    const again = await sub(world.port(), version, ...session, '-C', String(texts.length));
    expect(messagesIn(await again.ended)).toEqual(texts);
  });

  it('share a subscription [MQTT-4.8.2-4]', async () => {
    const topic = ownTopic();
    const members = await Promise.all([1, 2].map(() => sub(world.port(), version, '-t', `$share/workers/${topic}/#`, '-q', '1')));
    const texts = Array.from({ length: 20 }, (_, i) => `job ${i}`);
    for (const text of texts) await pub(world.port(), version, '-t', `${topic}/${text.split(' ')[1]}`, '-m', text, '-q', '1');
    const got = (): string[] => members.flatMap(messagesIn).sort();
    while (got().length < texts.length) await Promise.race(members.map((member) => member.more()));
    expect(got()).toEqual([...texts].sort());
    for (const member of members) {
      expect(messagesIn(member).length).toBeGreaterThan(0);
      member.stop();
      await member.ended;
    }
  });
});

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

  it('leaves a will that is published when it is lost, and not when it leaves in order [MQTT-3.1.2-8, MQTT-3.1.2-10]', async () => {
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

  it('goes on with its session over another connection [MQTT-3.1.4-3, MQTT-3.2.2-3]', async () => {
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
  it('come through the cluster unaltered [MQTT-3.3.2-15, MQTT-3.3.2-17, MQTT-3.3.2-20]', async () => {
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
