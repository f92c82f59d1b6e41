// Goal: of two producers with one name only the newer one can send, whatever restarts meanwhile.
import { startCluster } from '@qanat/testing';
import { describe, expect, it } from 'vitest';

describe('a producer with a name (chapter of send)', () => {
  it('fences the one that had the name before, which says so [QNT-SND-021, QNT-SND-022]', async () => {
    const cluster = await startCluster({ time: 'virtual', brokers: 1 });
    const first = (await cluster.connect()).producer({ name: 'billing' });
    const second = (await cluster.connect()).producer({ name: 'billing' });
    const other = (await cluster.connect()).producer({ name: 'mail' });
    await cluster.until(first.send('orders', { body: '1' }));
    await cluster.until(other.send('orders', { body: '2' }));
    await cluster.until(second.send('orders', { body: '3' }));
    const refused = await cluster.until(first.send('orders', { body: '4' })).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'PRODUCER_FENCED' });
    await cluster.until(second.send('orders', { body: '5' }));
    await cluster.until(other.send('orders', { body: '6' }));
    await cluster.stop();
  });

  it('keeps its id through lost connections and restarts: a retry is stored once [QNT-SND-042]', async () => {
    const cluster = await startCluster({ time: 'virtual', brokers: 1 });
    const client = await cluster.connect();
    await cluster.until(client.admin.createTopic('orders', { queues: 1 }));
    const producer = client.producer({ name: 'billing' });
    await cluster.until(producer.send('orders', { body: '0' }));
    for (let round = 0; round < 3; round++) {
      const sent = Promise.all(Array.from({ length: 20 }, (_, i) => producer.send('orders', { body: `${round}-${i}` })));
      cluster.killBroker('broker-a');
      await cluster.advance(500);
      await cluster.startBroker('broker-a');
      await cluster.until(sent);
    }
    const { queues } = await cluster.until(client.admin.describeTopic('orders'));
    expect(queues.map(({ highWatermark }) => highWatermark)).toEqual([61]);
    // A successor after the restart still fences it: the epoch is durable.
    const successor = (await cluster.connect()).producer({ name: 'billing' });
    await cluster.until(successor.send('orders', { body: 'mine' }));
    await expect(cluster.until(producer.send('orders', { body: 'late' }))).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    await cluster.stop();
  });

  it('is refused with a name that is none', async () => {
    const cluster = await startCluster({ time: 'virtual', brokers: 1 });
    const client = await cluster.connect();
    for (const name of ['', 'x'.repeat(256)]) expect(() => client.producer({ name })).toThrow("a producer's name");
    await cluster.stop();
  });
});
