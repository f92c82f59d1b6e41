// What the tools of mosquitto do, over whatever line.
import { expect, it } from 'vitest';
import type { BridgeWorld } from './bridge-world.ts';
import { type Ended, messagesIn, pub, sub, type Tool, type Version } from './tools.ts';

/** The way to a bridge. */
interface Line {
  readonly port: number;
  /** Options of the tools for it. */
  readonly args: readonly string[];
}

/** Topics of one test are no other's. */
let tests = 0;
const ownTopic = (): string => `mosquitto-${++tests}`;

/** Defines the tests. @param lineOf is asked in tests, when the bridge runs. */
export function mosquittoSuite(world: BridgeWorld, version: Version, lineOf: () => Line): void {
  const publishes = (...args: string[]): Promise<Ended> => pub(lineOf().port, version, ...lineOf().args, ...args);
  const subscribes = (...args: string[]): Promise<Tool> => sub(lineOf().port, version, ...lineOf().args, ...args);

  it('bring telemetry into the cluster, whatever its quality of service', async () => {
    const topic = ownTopic();
    for (const qos of ['0', '1', '2']) {
      const { code, err } = await publishes('-t', `${topic}/${qos}`, '-m', `21.${qos}`, '-q', qos);
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
    const device = await subscribes('-t', `${topic}/+/cmd`, '-q', '1', '-C', '1', '-v');
    await world.client.producer().send('mqtt', { key: `${topic}/7/cmd`, body: 'reboot' });
    expect(messagesIn(await device.ended)).toEqual([`${topic}/7/cmd reboot`]);
  });

  it.each(['0', '1', '2'])('receive what devices publish with QoS %s', async (qos) => {
    const topic = ownTopic();
    const device = await subscribes('-t', `${topic}/#`, '-q', qos, '-C', '3', '-F', '%t %q %p');
    for (const text of ['a', 'b', 'c']) await publishes('-t', `${topic}/x`, '-m', text, '-q', qos);
    expect(messagesIn(await device.ended)).toEqual(['a', 'b', 'c'].map((text) => `${topic}/x ${qos} ${text}`));
  });

  it('are given the retained message, until an empty one removes it [MQTT-3.3.1-5] [MQTT-3.3.1-6]', async () => {
    const topic = ownTopic();
    await publishes('-t', topic, '-m', 'old', '-r', '-q', '1');
    await publishes('-t', topic, '-m', 'new', '-r', '-q', '1');
    const device = await subscribes('-t', topic, '-q', '1', '-C', '1', '-F', '%r %p');
    expect(messagesIn(await device.ended)).toEqual(['1 new']);
    await publishes('-t', topic, '-n', '-r', '-q', '1');
    const late = await subscribes('-t', topic, '-q', '1', '-C', '1', '-F', '%r %p');
    await publishes('-t', topic, '-m', 'live', '-q', '1');
    expect(messagesIn(await late.ended)).toEqual(['0 live']);
  });

  it('miss nothing of QoS 1 that came while a session was offline [MQTT-3.1.2-5] [MQTT-4.5.0-1]', async () => {
    const topic = ownTopic();
    const session = ['-t', `${topic}/#`, '-q', '1', '-i', `device-${topic}`, '-c', ...(version === '5' ? ['-x', '3600'] : [])];
    const first = await subscribes(...session);
    first.stop();
    await first.ended;
    const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
    for (const text of texts) await publishes('-t', `${topic}/x`, '-m', text, '-q', '1');
    const again = await subscribes(...session, '-C', String(texts.length));
    expect(messagesIn(await again.ended)).toEqual(texts);
  });

  it('share a subscription [MQTT-4.8.2-3]', async () => {
    const topic = ownTopic();
    const members = await Promise.all([1, 2].map(() => subscribes('-t', `$share/workers/${topic}/#`, '-q', '1')));
    const texts = Array.from({ length: 20 }, (_, i) => `job ${i}`);
    for (const text of texts) await publishes('-t', `${topic}/${text.split(' ')[1]}`, '-m', text, '-q', '1');
    const got = (): string[] => members.flatMap(messagesIn).sort();
    while (got().length < texts.length) await Promise.race(members.map((member) => member.more()));
    expect(got()).toEqual([...texts].sort());
    for (const member of members) {
      expect(messagesIn(member).length).toBeGreaterThan(0);
      member.stop();
      await member.ended;
    }
  });

  it('leave a will that is published when they are killed [MQTT-3.1.2-8]', async () => {
    const topic = ownTopic();
    const watcher = await subscribes('-t', `${topic}/will`, '-q', '1', '-C', '1', '-v');
    const will = ['--will-topic', `${topic}/will`, '--will-payload', 'gone', '--will-qos', '1'];
    const killed = await subscribes('-t', `${topic}/x`, ...will);
    killed.process.kill('SIGKILL');
    expect(messagesIn(await watcher.ended)).toEqual([`${topic}/will gone`]);
  });
}
