import { describe, expect, it } from 'vitest';
import { AckLevel, Flag } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { runningBroker } from './broker-world.ts';

/** A broker with a full disk, a producer that stored sequences 0 and 1, and a free place to say which check comes first. */
function fullDisk() {
  const disk = new FakeDisk();
  const world = runningBroker({}, disk);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't' });
  const { producerId } = client.call('INIT_PRODUCER', {}).header;
  const send = (body: string, sequence: number) =>
    client.call('SEND', { topic: 't' }, [batchOf([body], { producerId, sequence })]);
  send('a', 0);
  send('b', 1);
  disk.freeBytes = 1_000;
  world.advance(20_000);
  return { world, client, disk, producerId, send };
}

describe('the decode order of SEND', () => {
  it('says of a batch that is stored that it is stored, also when the disk has filled since (QNT-SND-037)', () => {
    const { client, send } = fullDisk();
    expect(send('a', 0).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send('x', 0).code).toBe('SEQUENCE_CONFLICT');
    expect(send('d', 3)).toMatchObject({ code: 'SEQUENCE_GAP', info: { expectedSequence: 2 } });
    expect(send('c', 2).code).toBe('DISK_FULL');
    expect(client.call('SEND', { topic: 't' }, [batchOf(['c'])]).code).toBe('DISK_FULL');
  });

  it('looks for the producer before it looks for room, and for all else before both (QNT-SND-037)', () => {
    const { world, client, producerId } = fullDisk();
    const batch = [batchOf(['c'], { producerId, sequence: 2 })];
    expect(client.call('SEND', { topic: 't' }, [batchOf(['c'], { producerId: producerId + 1 })]).code).toBe('UNKNOWN_PRODUCER');
    const other = world.client();
    expect(other.call('SEND', { topic: 't' }, batch).code).toBe('UNKNOWN_PRODUCER');
    other.call('INIT_PRODUCER', { producerId });
    expect(client.call('SEND', { topic: 't' }, batch).code).toBe('PRODUCER_FENCED');
    expect(client.call('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, batch).code).toBe('INVALID_ARGUMENT');
    expect(client.call('SEND', { topic: 'unknown' }, batch).code).toBe('TOPIC_NOT_FOUND');
    expect(client.call('SEND', { topic: 't' }, [new Uint8Array(10)]).code).toBe('INVALID_BATCH');
  });

  it('numbers nothing that there was no room for: the same batch is the next one later (QNT-SND-037, QNT-SND-038)', () => {
    const { world, client, disk, producerId, send } = fullDisk();
    expect(send('c', 2).code).toBe('DISK_FULL');
    expect(client.call('OFFSET_COMMIT', { group: 'g', kind: 1, offsets: [{ topic: 't', offset: 1 }] }).code).toBeUndefined();
    client.send('SEND', { topic: 't', ack: AckLevel.ACK_NONE }, [batchOf(['lost'])], Flag.ONEWAY);
    disk.freeBytes = 2 ** 40;
    world.advance(20_000);
    expect(send('c', 2).header).toMatchObject({ baseOffset: 2, duplicate: false });
    const { payload } = client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: 0 }] }] });
    expect(messagesOf(payload)).toEqual(['0:a', '1:b', '2:c']);
    expect(producerId).toBeGreaterThan(0);
  });

  it('answers a duplicate while too many bytes wait to be stored, and nothing new (QNT-SND-037, QNT-LIM-012)', () => {
    const world = runningBroker({ limits: { stagedBytesMax: 2_500 } });
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't' });
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const send = (sequence: number) =>
      client.send('SEND', { topic: 't' }, [batchOf([`m${sequence}`], { producerId, sequence, bytes: 900 })]);
    send(0);
    world.pump();
    const sent = [1, 2, 0, 1, 3].map(send);
    expect(client.answer('SEND', sent[2] as number)?.header).toMatchObject({ baseOffset: 0, duplicate: true });
    const busy = client.answer('SEND', sent[4] as number);
    expect(busy?.code).toBe('BROKER_BUSY');
    expect(busy?.info?.retryAfterMs).toBeGreaterThan(0);
    world.pump();
    const answers = sent.map((correlation) => client.answer('SEND', correlation));
    expect(answers.map((answer) => answer?.header?.baseOffset)).toEqual([1, 2, 0, 1, undefined]);
  });
});
