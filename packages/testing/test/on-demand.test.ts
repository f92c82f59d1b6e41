// Goal: a topic that is made on demand has all its queues before the first message goes to one of them, so that keys stay.
import { startCluster } from '@qanat/testing';
import { expect, it } from 'vitest';

it('keeps keys in their queues when several brokers create a topic on demand [QNT-SND-024]', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const cluster = await startCluster({ time: 'virtual', brokers: 3, seed });
    const client = await cluster.connect();
    const send = async (): Promise<string[]> => {
      const producer = client.producer();
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`);
      const receipts = await cluster.until(Promise.all(keys.map((key) => producer.send('new', { body: '', key }))));
      await cluster.until(producer.close());
      return receipts.map(({ broker, queue }) => `${broker}/${queue}`);
    };
    const first = await send();
    expect(new Set(first.map((place) => place.split('/')[0])).size).toBe(3);
    expect(await send()).toEqual(first);
    await cluster.stop();
  }
});
