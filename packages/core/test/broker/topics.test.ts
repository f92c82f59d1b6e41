import { describe, expect, it } from 'vitest';
import { Broker, LIMITS, portablePlatform, QanatError, Random } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf } from './batches.ts';
import { runningBroker } from './broker-world.ts';

const name = (i: number): string => `topic-${String(i).padStart(5, '0')}-${'x'.repeat(60)}`;

describe('topics', () => {
  it('are created with the queues asked for, or the default [QNT-ADM-001, QNT-ADM-002, QNT-ADM-004]', () => {
    const client = runningBroker({ defaultQueues: 5 }).client();
    expect(client.call('TOPIC_CREATE', { topic: 'a', queues: 2 }).header).toEqual({ queues: 2, existed: false });
    expect(client.call('TOPIC_CREATE', { topic: 'b' }).header).toEqual({ queues: 5, existed: false });
    expect(client.call('TOPIC_CREATE', { topic: 'a' }).header).toEqual({ queues: 2, existed: true });
    expect(client.call('TOPIC_CREATE', { topic: 'a', queues: 2 }).header).toEqual({ queues: 2, existed: true });
    expect(client.call('TOPIC_CREATE', { topic: 'a', queues: 3 }).code).toBe('TOPIC_EXISTS');
    expect(client.call('TOPIC_CREATE', { topic: 'no name' }).code).toBe('INVALID_NAME');
    expect(client.call('TOPIC_CREATE', { topic: 'c', queues: LIMITS.QUEUES_PER_TOPIC_MAX + 1 }).code).toBe('LIMIT_EXCEEDED');
  });

  it('are created on demand only where the broker does that; one that exists is found anyway [QNT-ADM-003]', () => {
    const strict = runningBroker().client();
    strict.call('TOPIC_CREATE', { topic: 'there' });
    expect(strict.call('TOPIC_CREATE', { topic: 'there', onDemand: true }).header.existed).toBe(true);
    expect(strict.call('TOPIC_CREATE', { topic: 'a', onDemand: true }).code).toBe('CREATION_DISABLED');
    const generous = runningBroker({ createsTopics: true }).client();
    expect(generous.call('TOPIC_CREATE', { topic: 'a', onDemand: true }).header).toEqual({
      queues: LIMITS.DEFAULT_QUEUES,
      existed: false,
    });
  });

  it('are made once when many ask at the same time, and exist only when that is durable [QNT-ADM-001, QNT-ADM-002]', () => {
    const world = runningBroker();
    const client = world.client();
    const asked = [4, 4, 2].map((queues) => client.send('TOPIC_CREATE', { topic: 'a', queues }));
    expect(client.answer('SEND', client.send('SEND', { topic: 'a' }, [batchOf(['x'])]))?.code).toBe('TOPIC_NOT_FOUND');
    world.pump();
    const answers = asked.map((correlation) => client.answer('TOPIC_CREATE', correlation));
    expect(answers.map((answer) => answer?.header?.existed ?? answer?.code)).toEqual([false, true, 'TOPIC_EXISTS']);
  });

  it('are asked for again by those who waited when the record could not be written', () => {
    const world = runningBroker();
    const client = world.client();
    world.disk.failNext('append');
    const asked = [1, 2].map(() => client.send('TOPIC_CREATE', { topic: 'a' }));
    world.pump();
    const answers = asked.map((correlation) => client.answer('TOPIC_CREATE', correlation));
    expect(answers.map((answer) => answer?.code ?? answer?.header.existed)).toEqual(['STORAGE_REJECTED', false]);
  });

  it('grow and never shrink [QNT-ADM-005]', () => {
    const disk = new FakeDisk();
    const client = runningBroker({}, disk).client();
    client.call('TOPIC_CREATE', { topic: 'a', queues: 2 });
    client.call('SEND', { topic: 'a', queue: 1 }, [batchOf(['x'])]);
    expect(client.call('TOPIC_ALTER', { topic: 'a', queues: 4 }).header.queues).toBe(4);
    expect(client.call('TOPIC_ALTER', { topic: 'a', queues: 3 }).code).toBe('INVALID_ARGUMENT');
    expect(client.call('TOPIC_ALTER', { topic: 'b', queues: 3 }).code).toBe('TOPIC_NOT_FOUND');
    disk.kill();
    const described = runningBroker({}, disk, 2).client().call('TOPIC_DESCRIBE', { topic: 'a' }).header.queues;
    expect(described.map(({ queue, highWatermark }) => [queue, highWatermark])).toEqual([
      [0, 0],
      [1, 1],
      [2, 0],
      [3, 0],
    ]);
    expect(described[1]?.lastStoreTimeMs).toBeGreaterThan(0);
  });

  it('are gone when they are removed, and take nothing while the removal is on its way [QNT-ADM-006, QNT-ADM-007]', () => {
    const disk = new FakeDisk();
    const world = runningBroker({}, disk);
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 'a', queues: 1 });
    client.send('SEND', { topic: 'a' }, [batchOf(['x'])]);
    const removed = client.send('TOPIC_REMOVE', { topic: 'a' });
    const created = client.send('TOPIC_CREATE', { topic: 'a', queues: 3 });
    expect(client.answer('SEND', client.send('SEND', { topic: 'a' }, [batchOf(['y'])]))?.code).toBe('TOPIC_NOT_FOUND');
    world.pump();
    expect(client.answer('TOPIC_REMOVE', removed)?.code).toBeUndefined();
    expect(client.answer('TOPIC_CREATE', created)?.header).toEqual({ queues: 3, existed: false });
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    expect(after.call('TOPIC_DESCRIBE', { topic: 'a' }).header.queues.map(({ highWatermark }) => highWatermark)).toEqual([
      0, 0, 0,
    ]);
  });

  it('stay when the removal could not be written', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 'a' });
    world.disk.failNext('append');
    expect(client.call('TOPIC_REMOVE', { topic: 'a' }).code).toBe('STORAGE_REJECTED');
    expect(client.call('SEND', { topic: 'a' }, [batchOf(['x'])]).code).toBeUndefined();
  });

  it('are listed in several frames when one does not hold them, and have a limit [QNT-ADM-004, QNT-ADM-009]', () => {
    const world = runningBroker({ limits: { topicsMax: 2_000 } });
    const client = world.client();
    for (let i = 0; i < 2_000; i++) client.send('TOPIC_CREATE', { topic: name(i), queues: 1 });
    world.pump();
    for (let i = 1_000; i < 2_000; i++) client.send('TOPIC_CREATE', { topic: name(i), queues: 1 });
    world.pump();
    const { headers } = client.call('TOPIC_LIST', {});
    expect(headers.length).toBeGreaterThan(1);
    expect(headers.flatMap(({ topics }) => topics.map(({ topic }) => topic))).toEqual(
      Array.from({ length: 2_000 }, (_, i) => name(i)),
    );
    expect(client.call('TOPIC_CREATE', { topic: 'one-more' }).code).toBe('LIMIT_EXCEEDED');
  });
});

describe('the settings of a broker', () => {
  it('are refused by name', () => {
    const make = (options: object) => () =>
      new Broker({ name: 'b', platform: portablePlatform, random: new Random(1), ...options });
    for (const [setting, options] of [
      ['name', { name: 'a b' }],
      ['cluster', { cluster: '' }],
      ['defaultQueues', { defaultQueues: 0 }],
      ['limits.batchBytesMax', { limits: { batchBytesMax: 2 ** 30 } }],
      ['producersMax', { limits: { producersMax: 0 } }],
    ] as const) {
      expect(make(options)).toThrow(QanatError);
      expect(make(options)).toThrow(setting);
    }
  });
});
