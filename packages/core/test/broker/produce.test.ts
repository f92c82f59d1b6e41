import { describe, expect, it } from 'vitest';
import { AckLevel, BATCH_AT, BatchAttribute, Flag, portablePlatform, writeUint16At, writeUint32At } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { type BrokerWorld, runningBroker, type TestClient } from './broker-world.ts';

function withTopic(
  options: Parameters<typeof runningBroker>[0] = {},
  disk = new FakeDisk(),
): { world: BrokerWorld; client: TestClient; disk: FakeDisk } {
  const world = runningBroker(options, disk);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  return { world, client, disk };
}

const pullAll = (client: TestClient): string[] =>
  messagesOf(client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: 0 }] }] }).payload);

describe('SEND', () => {
  it('is answered with dense offsets, and only when the batch is durable [QNT-SND-001, QNT-SND-040]', () => {
    const { world, client } = withTopic();
    const first = client.send('SEND', { topic: 't' }, [batchOf(['a', 'b'])]);
    const second = client.send('SEND', { topic: 't' }, [batchOf(['c'])]);
    while (world.disk.pending[0]?.op !== 'sync') world.disk.step();
    expect(client.answer('SEND', first)).toBeUndefined();
    expect(client.call('OFFSET_LOOKUP', { queues: [{ topic: 't', queue: 0, position: 1 }] }).code).toBeUndefined();
    world.pump();
    expect(client.answer('SEND', first)?.header.baseOffset).toBe(0);
    expect(client.answer('SEND', second)?.header.baseOffset).toBe(2);
  });

  it('shows nothing to consumers before it is durable [QNT-SND-004, QNT-PUL-011]', () => {
    const { world, client } = withTopic();
    client.send('SEND', { topic: 't' }, [batchOf(['a'])]);
    const pull = client.send('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: 0 }] }] });
    const lookup = client.send('OFFSET_LOOKUP', { queues: [{ topic: 't', queue: 0, position: 1 }] });
    expect(client.answer('PULL', pull)?.header.results).toEqual([]);
    expect(client.answer('OFFSET_LOOKUP', lookup)?.header.offsets[0]?.offset).toBe(0);
    world.pump();
    expect(pullAll(client)).toEqual(['0:a']);
  });

  it('with ack level NONE is one-way, is never answered and bears no producer id [QNT-SND-007]', () => {
    const { world, client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    client.send('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, [batchOf(['a'])], Flag.ONEWAY);
    client.send('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, [batchOf(['b'], { producerId })], Flag.ONEWAY);
    client.send('SEND', { topic: 't', ack: AckLevel.ACK_COMMITTED }, [batchOf(['c'])], Flag.ONEWAY);
    world.pump();
    expect(client.call('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, [batchOf(['d'])]).code).toBe('INVALID_ARGUMENT');
    expect(pullAll(client)).toEqual(['0:a']);
  });

  it('gives the first error of the decode order', () => {
    const { client } = withTopic();
    const short = [new Uint8Array(10)];
    const send = (header: { topic: string; queue?: number }, payload: readonly Uint8Array[]) =>
      client.call('SEND', header, payload).code;
    expect(send({ topic: 'unknown', queue: 9 }, short)).toBe('TOPIC_NOT_FOUND');
    expect(send({ topic: 't', queue: 9 }, short)).toBe('QUEUE_NOT_FOUND');
    expect(send({ topic: 't' }, short)).toBe('INVALID_BATCH');
    expect(send({ topic: 't' }, [])).toBe('INVALID_BATCH');
    const flipped = batchOf(['a']);
    flipped[flipped.length - 1] = 1;
    expect(send({ topic: 't' }, [flipped])).toBe('INVALID_BATCH');
    const delayed = batchOf(['a']);
    writeUint16At(delayed, BATCH_AT.attributes, BatchAttribute.DELAYED);
    writeUint32At(delayed, BATCH_AT.bodyChecksum, portablePlatform.crc32(delayed.subarray(36), 0));
    expect(send({ topic: 't' }, [delayed])).toBe('INVALID_BATCH');
    expect(send({ topic: 't' }, [batchOf(['a'])])).toBeUndefined();
  });

  it('takes a batch of the longest length and none that is longer', () => {
    const { client } = withTopic({ limits: { batchBytesMax: 70_000 } });
    const overhead = batchOf(['a'], { bytes: 60_000 }).length - 60_000;
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 70_000 - overhead })]).code).toBeUndefined();
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 70_001 - overhead })]).code).toBe('BATCH_TOO_LARGE');
  });

  it('is refused with DISK_FULL under the reserve, while state still goes, and taken again above it [QNT-SND-038]', () => {
    const { world, client, disk } = withTopic();
    disk.freeBytes = 1_000;
    world.advance(20_000);
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'])]).code).toBe('DISK_FULL');
    expect(client.call('TOPIC_CREATE', { topic: 'u' }).code).toBeUndefined();
    disk.freeBytes = 2 ** 40;
    world.advance(20_000);
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'])]).code).toBeUndefined();
  });

  it('is refused with BROKER_BUSY and a time when too many bytes wait to be stored [QNT-LIM-012]', () => {
    const { world, client } = withTopic({ limits: { stagedBytesMax: 3_000 } });
    const sent = Array.from({ length: 4 }, () => client.send('SEND', { topic: 't' }, [batchOf(['a'], { bytes: 1_000 })]));
    world.pump();
    const answers = sent.map((correlation) => client.answer('SEND', correlation));
    expect(answers.map((answer) => answer?.code)).toEqual([undefined, undefined, 'BROKER_BUSY', 'BROKER_BUSY']);
    expect(answers[2]?.info?.retryAfterMs).toBeGreaterThan(0);
  });

  it('is rejected when the write fails, leaves no gap, and is never visible [QNT-LOG-004, QNT-LOG-005]', () => {
    const { world, client, disk } = withTopic();
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    disk.failNext('short');
    expect(client.call('SEND', { topic: 't' }, [batchOf(['lost'])]).code).toBe('STORAGE_REJECTED');
    expect(world.fatal).toBeUndefined();
    expect(client.call('SEND', { topic: 't' }, [batchOf(['b'])]).header.baseOffset).toBe(1);
    expect(pullAll(client)).toEqual(['0:a', '1:b']);
  });
});

describe('a producer id', () => {
  it('is never drawn twice, not even in another life of the broker [QNT-SND-018]', () => {
    const disk = new FakeDisk();
    const ids = [1, 2].flatMap((seed) => {
      const client = runningBroker({}, disk, seed).client();
      const drawn = [1, 2].map(() => client.call('INIT_PRODUCER', {}).header.producerId);
      disk.kill();
      return drawn;
    });
    expect(ids).toEqual([2 ** 20, 2 ** 20 + 1, 2 ** 21, 2 ** 21 + 1]);
  });

  it('makes a repeated batch a duplicate with the offset of its original [QNT-SND-012, QNT-SND-013, QNT-SND-015]', () => {
    const { client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const send = (bodies: readonly string[], sequence: number) =>
      client.call('SEND', { topic: 't' }, [batchOf(bodies, { producerId, sequence })]);
    expect(send(['a', 'b'], 0).header).toMatchObject({ baseOffset: 0, duplicate: false });
    expect(send(['c'], 2).header).toMatchObject({ baseOffset: 2, duplicate: false });
    expect(send(['a', 'b'], 0).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(['x', 'y'], 0).code).toBe('SEQUENCE_CONFLICT');
    expect(send(['b'], 1).code).toBe('SEQUENCE_CONFLICT');
    expect(send(['b', 'c', 'd'], 1).code).toBe('SEQUENCE_CONFLICT');
    const gap = send(['e'], 5);
    expect(gap.code).toBe('SEQUENCE_GAP');
    expect(gap.info?.expectedSequence).toBe(3);
    expect(pullAll(client)).toEqual(['0:a', '1:b', '2:c']);
  });

  it('holds back the answer to a duplicate until its original is durable [QNT-SND-013]', () => {
    const { world, client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const send = () => client.send('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]);
    const [original, duplicate] = [send(), send()];
    expect(client.answer('SEND', duplicate)).toBeUndefined();
    world.pump();
    expect(client.answer('SEND', original)?.header).toMatchObject({ baseOffset: 0, duplicate: false });
    expect(client.answer('SEND', duplicate)?.header).toMatchObject({ baseOffset: 0, duplicate: true });
  });

  it('rejects a duplicate with its original when the write fails, and takes the sequence again [QNT-SND-016]', () => {
    const { world, client, disk } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const send = (sequence: number) => client.send('SEND', { topic: 't' }, [batchOf([`m${sequence}`], { producerId, sequence })]);
    disk.failNext('append');
    const sent = [send(0), send(0), send(1)];
    world.pump();
    expect(sent.map((correlation) => client.answer('SEND', correlation)?.code)).toEqual(Array(3).fill('STORAGE_REJECTED'));
    const again = [send(0), send(1)];
    world.pump();
    expect(again.map((correlation) => client.answer('SEND', correlation)?.header.baseOffset)).toEqual([0, 1]);
  });

  it('remembers 64 batches; an older one is a duplicate whose offset is unknown [QNT-SND-014]', () => {
    const { client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const send = (sequence: number) =>
      client.call('SEND', { topic: 't' }, [batchOf([`m${sequence}`], { producerId, sequence })]).header;
    for (let i = 0; i < 66; i++) send(i);
    expect(send(2)).toMatchObject({ baseOffset: 2, duplicate: true });
    expect(send(1)).toMatchObject({ baseOffset: Number.MAX_SAFE_INTEGER, duplicate: true });
  });

  it('says SEQUENCE_CONFLICT for a number before the first', () => {
    const { client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId, sequence: 0xffff_fff0 })]).code).toBe(
      'SEQUENCE_CONFLICT',
    );
  });

  it('counts its sequences per queue', () => {
    const { client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const codes = [0, 1, 0, 1].map(
      (queue, i) => client.call('SEND', { topic: 't', queue }, [batchOf(['a'], { producerId, sequence: i >> 1 })]).code,
    );
    expect(codes).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('belongs to the connection that took it over; the former one is fenced [QNT-SND-019, QNT-SND-020]', () => {
    const { world, client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const batch = (sequence: number) => [batchOf([`m${sequence}`], { producerId, sequence })];
    client.call('SEND', { topic: 't' }, batch(0));
    const second = world.client();
    expect(second.call('SEND', { topic: 't' }, batch(1)).code).toBe('UNKNOWN_PRODUCER');
    expect(second.call('INIT_PRODUCER', { producerId }).header.producerId).toBe(producerId);
    expect(client.call('SEND', { topic: 't' }, batch(1)).code).toBe('PRODUCER_FENCED');
    expect(second.call('SEND', { topic: 't' }, batch(0)).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(second.call('SEND', { topic: 't' }, batch(1)).header.baseOffset).toBe(1);
    expect(second.call('INIT_PRODUCER', { producerId: 77 }).code).toBe('UNKNOWN_PRODUCER');
  });

  it('is taken over after a restart: what was stored before it is a duplicate', () => {
    const { client, disk } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]);
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    expect(after.call('INIT_PRODUCER', { producerId }).code).toBeUndefined();
    expect(after.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]).header).toMatchObject({
      baseOffset: 0,
      duplicate: true,
    });
    expect(after.call('SEND', { topic: 't' }, [batchOf(['c'], { producerId, sequence: 2 })]).info?.expectedSequence).toBe(1);
  });

  it('goes when it was idle for too long, and the one used longest ago goes at the limit [QNT-SND-023]', () => {
    const { world, client } = withTopic({ limits: { producersMax: 2, producerIdleMs: 10_000 } });
    const [a, b, c] = [1, 2, 3].map(() => {
      world.advance(10);
      return client.call('INIT_PRODUCER', {}).header.producerId;
    }) as [number, number, number];
    const send = (producerId: number) => client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]).code;
    expect(send(a)).toBe('UNKNOWN_PRODUCER');
    world.advance(6_000);
    expect(send(b)).toBeUndefined();
    world.advance(6_000);
    expect(send(c)).toBe('UNKNOWN_PRODUCER');
    expect(send(b)).toBeUndefined();
  });

  it('with a name is durable: a new INIT has the next epoch, counts from zero and fences the former holder [QNT-SND-021, QNT-SND-022]', () => {
    const { world, client, disk } = withTopic();
    const first = client.call('INIT_PRODUCER', { name: 'n' }).header;
    expect(first.epoch).toBe(0);
    const batch = (epoch: number, sequence: number) => [
      batchOf([`e${epoch}s${sequence}`], { producerId: first.producerId, epoch, sequence }),
    ];
    client.call('SEND', { topic: 't' }, batch(0, 0));
    const other = world.client();
    expect(other.call('INIT_PRODUCER', { name: 'n' }).header).toEqual({ producerId: first.producerId, epoch: 1 });
    expect(client.call('SEND', { topic: 't' }, batch(0, 1)).code).toBe('PRODUCER_FENCED');
    expect(other.call('SEND', { topic: 't' }, batch(1, 0)).header).toMatchObject({ baseOffset: 1, duplicate: false });
    expect(client.call('INIT_PRODUCER', { name: 'n', producerId: first.producerId, epoch: 0 }).code).toBe('PRODUCER_FENCED');
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    const taken = after.call('INIT_PRODUCER', { name: 'n', producerId: first.producerId, epoch: 1 });
    expect(taken.header).toEqual({ producerId: first.producerId, epoch: 1 });
    expect(after.call('SEND', { topic: 't' }, batch(1, 0)).header).toMatchObject({ baseOffset: 1, duplicate: true });
    expect(after.call('INIT_PRODUCER', { name: 'n' }).header).toEqual({ producerId: first.producerId, epoch: 2 });
  });

  it('frees the former holder of a name only when the record is durable', () => {
    const { world, client, disk } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', { name: 'n' }).header;
    const other = world.client();
    disk.failNext('append');
    expect(other.call('INIT_PRODUCER', { name: 'n' }).code).toBe('STORAGE_REJECTED');
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId })]).code).toBeUndefined();
  });
});
