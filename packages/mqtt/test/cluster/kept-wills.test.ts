import { TopicRules, type Will } from '@qanat/mqtt';
import { expect, test } from 'vitest';
import { NOTHING, startWorld, type TestBridge, text } from './bridges.ts';

const DEVICES = Array.from({ length: 12 }, (_, i) => `device-${i}`);

const willOf = (clientId: string, rest: Partial<Will> = {}): Will => ({
  topic: `wills/${clientId}`,
  payload: new TextEncoder().encode(clientId),
  qos: 1,
  retain: false,
  ...rest,
});

const wills = ({ arrivals }: TestBridge): string[] => arrivals.map(text).toSorted();

/** Longer than a send may take. */
const OUTAGE_MS = 75_000;

test.each([0, 86_400])(
  'the broker of their topics is away when devices with an expiry of %i s are lost: each will is stored once it is back, once [QNT-MQT-102]',
  async (expiryInterval) => {
    await using world = await startWorld();
    const { cluster } = world;
    const one = await world.bridge('one');
    const epochs = new Map<string, number>();
    for (const name of DEVICES) epochs.set(name, await one.session(name, [], { will: willOf(name), expiryInterval }));
    cluster.killBroker('broker-a');
    await cluster.advance(500);
    for (const [name, epoch] of epochs) one.suspend(name, epoch, NOTHING, expiryInterval, false);
    await cluster.advance(OUTAGE_MS);
    await cluster.startBroker('broker-a');
    await cluster.advance(40_000);
    expect(wills(one)).toEqual(DEVICES.toSorted());
    await cluster.advance(40_000);
    expect(one.arrivals).toHaveLength(DEVICES.length);
    for (const name of DEVICES) expect((await one.claimed(name)).sessionPresent).toBe(expiryInterval > 0);
  },
);

test('so too where the bridge of the devices has died with that broker, and where another one began with nothing [QNT-MQT-102]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const two = await world.bridge('two');
  for (const [i, name] of DEVICES.entries()) await one.session(name, [], { will: willOf(name), expiryInterval: (i % 2) * 60 });
  await cluster.advance(2_000);
  cluster.killBroker('broker-a');
  await one.kill();
  await cluster.advance(OUTAGE_MS);
  await cluster.startBroker('broker-a');
  await cluster.advance(80_000);
  expect(wills(two)).toEqual(DEVICES.toSorted());
});

test('a device comes back while its will cannot be stored: it has no session before the will is stored [QNT-MQT-102]', async () => {
  await using world = await startWorld();
  const { cluster } = world;
  const one = await world.bridge('one');
  const epochs = new Map<string, number>();
  for (const name of DEVICES) epochs.set(name, await one.session(name, ['x'], { will: willOf(name) }));
  cluster.killBroker('broker-a');
  await cluster.advance(500);
  for (const [name, epoch] of epochs) one.suspend(name, epoch, NOTHING, 86_400, false);
  await cluster.advance(60_000);
  await cluster.until(Promise.all(DEVICES.map((name) => one.claim(name))));
  await cluster.advance(40_000);
  await cluster.startBroker('broker-a');
  await cluster.advance(80_000);
  expect(wills(one)).toEqual(DEVICES.toSorted());
  for (const name of DEVICES) expect((await one.claimed(name)).sessionPresent).toBe(true);
});

test('a will that can never be stored is dropped, with a line and a count, and holds nobody up [QNT-MQT-102]', async () => {
  const rules = new TopicRules([{ match: 'known/#', topic: 'mqtt' }]);
  await using world = await startWorld({}, rules);
  const one = await world.bridge('one');
  for (const expiryInterval of [0, 86_400]) {
    const epoch = await one.session('device', [], { will: willOf('device'), expiryInterval });
    one.suspend('device', epoch, NOTHING, expiryInterval, false);
    await world.cluster.advance(1_000);
  }
  expect(one.cluster.figures().willsDropped).toBe(2);
  expect(one.logged.filter((line) => line.startsWith('mqtt-will-dropped'))).toEqual([
    'mqtt-will-dropped {"client":"device","topic":"wills/device","why":"topic-name-invalid"}',
    'mqtt-will-dropped {"client":"device","topic":"wills/device","why":"topic-name-invalid"}',
  ]);
  expect((await one.claimed('device')).sessionPresent).toBe(true);
});
