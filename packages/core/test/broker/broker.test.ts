import { describe, expect, it } from 'vitest';
import { codeNumber, encodeFrame, Flag, ServerRole } from '../../src/index.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { batchOf, messagesOf } from './batches.ts';
import { BrokerWorld, runningBroker, WALL_MS } from './broker-world.ts';

describe('the life of a broker', () => {
  it('answers NOT_READY until its term is durable, then says so once [QNT-LOG-003]', () => {
    const world = new BrokerWorld();
    const client = world.accept();
    const hello = client.send('HELLO', {});
    const early = client.send('TOPIC_LIST', {});
    expect(client.answer('HELLO', hello)?.header.role).toBe(ServerRole.BROKER);
    expect(client.answer('TOPIC_LIST', early)?.code).toBe('NOT_READY');
    expect(client.answer('TOPIC_LIST', early)?.info?.retryAfterMs).toBe(200);
    expect(world.ready).toBe(0);
    world.pump();
    expect(world.ready).toBe(1);
    expect(client.call('TOPIC_LIST', {}).code).toBeUndefined();
  });

  it('names itself, its store and its term in HELLO [QNT-CON-008]', () => {
    const world = runningBroker();
    const { header } = world.accept().call('HELLO', {});
    expect(header).toMatchObject({ role: ServerRole.BROKER, name: 'b1', term: 1 });
    expect(header.storeId).toHaveLength(16);
  });

  it('has a higher term in each life, and the same store [QNT-LOG-003]', () => {
    const disk = new FakeDisk();
    const ids = [1, 2, 3].map((seed) => {
      const { header } = runningBroker({}, disk, seed).accept().call('HELLO', {});
      disk.kill();
      return { term: header.term, storeId: [...header.storeId].join() };
    });
    expect(ids.map(({ term }) => term)).toEqual([1, 2, 3]);
    expect(new Set(ids.map(({ storeId }) => storeId)).size).toBe(1);
  });

  it('refuses a frame type that it does not know, and one of a NameServer [QNT-FRM-022, QNT-FRM-023, QNT-FRM-027]', () => {
    const client = runningBroker().client();
    client.sendBytes(encodeFrame(0x7f01, 0, 4001, new Uint8Array(0)));
    expect(client.answer('PING', 4001)?.code).toBe('UNSUPPORTED_FRAME');
    expect(client.call('ROUTE_QUERY', { all: true }).code).toBe('WRONG_BROKER');
    client.sendBytes(encodeFrame(0x7f01, Flag.ONEWAY | Flag.IGNORABLE, 0, new Uint8Array(0)));
    expect(client.closed).toBe(false);
  });

  it('keeps topics and messages over a restart, with and without a clean stop', () => {
    const disk = new FakeDisk();
    const first = runningBroker({}, disk);
    const before = first.client();
    before.call('TOPIC_CREATE', { topic: 't', queues: 2 });
    before.call('SEND', { topic: 't', queue: 1 }, [batchOf(['a', 'b'])]);
    first.broker.stop(first.nowMs);
    first.perform();
    first.pump();
    expect(first.stopped).toBe(1);

    const second = runningBroker({}, disk, 2);
    second.client().call('SEND', { topic: 't', queue: 1 }, [batchOf(['c'])]);
    disk.kill();

    const third = runningBroker({}, disk, 3).client();
    expect(third.call('TOPIC_LIST', {}).header.topics).toEqual([{ topic: 't', queues: 2 }]);
    const pulled = third.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 1, offset: 0 }] }] });
    expect(messagesOf(pulled.payload)).toEqual(['0:a', '1:b', '2:c']);
    expect(third.call('SEND', { topic: 't', queue: 1 }, [batchOf(['d'])]).header.baseOffset).toBe(3);
  });

  it('stops: waiting PULLs are answered empty, connections hear GOAWAY, the store is closed [QNT-PUL-017]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't' });
    const pull = client.send('PULL', { waitMs: 30_000, topics: [{ topic: 't', queues: [{ queue: 0, offset: 0 }] }] });
    world.broker.stop(world.nowMs);
    world.perform();
    world.pump();
    expect(client.answer('PULL', pull)?.header.results).toEqual([]);
    expect(client.pushes('GOAWAY')).toMatchObject([{ code: codeNumber('SHUTTING_DOWN') }]);
    expect(world.disk.count('close')).toBe(1);
    expect(world.stopped).toBe(1);
  });

  it('stops: a SEND under way is answered before the connection closes [QNT-CON-017, QNT-CON-018]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't' });
    const sent = client.send('SEND', { topic: 't' }, [batchOf(['a'])]);
    world.broker.stop(world.nowMs);
    world.perform();
    expect(client.closed).toBe(false);
    expect(client.answer('TOPIC_LIST', client.send('TOPIC_LIST', {}))?.code).toBe('SHUTTING_DOWN');
    world.pump();
    expect(client.answer('SEND', sent)?.header.baseOffset).toBe(0);
    expect(client.closed).toBe(true);
    expect(world.stopped).toBe(1);
  });

  it('stops before it has begun', () => {
    const world = new BrokerWorld();
    world.broker.stop(world.nowMs);
    world.perform();
    world.pump();
    expect(world.stopped).toBe(1);
    expect(world.ready).toBe(0);
  });

  it('ends when a sync fails: the SEND may be stored [QNT-SND-006, QNT-LOG-006]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't' });
    world.disk.failNext('sync');
    const answer = client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    expect(answer.code).toBe('STORAGE_FAILED');
    expect(world.fatal).toBeDefined();
  });

  it('keeps a snapshot when much of the log lies behind the last one, and recovers from it', () => {
    const disk = new FakeDisk();
    const world = runningBroker({ log: { snapshotBytes: 2_000 } }, disk);
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    for (let i = 0; i < 40; i++) client.call('SEND', { topic: 't' }, [batchOf([`m${i}`], { producerId, sequence: i })]);
    expect([...disk.files.keys()].filter((name) => name.startsWith('snap/')).length).toBeGreaterThan(0);
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    expect(after.call('OFFSET_LOOKUP', { queues: [{ topic: 't', queue: 0, position: 1 }] }).header.offsets[0]?.offset).toBe(40);
    after.call('INIT_PRODUCER', { producerId });
    expect(after.call('SEND', { topic: 't' }, [batchOf(['m39'], { producerId, sequence: 39 })]).header).toMatchObject({
      baseOffset: 39,
      duplicate: true,
    });
    expect(after.call('SEND', { topic: 't' }, [batchOf(['m40'], { producerId, sequence: 40 })]).header).toMatchObject({
      baseOffset: 40,
      duplicate: false,
    });
  });

  it('never lets the store time go back when the wall clock does [QNT-BAT-017]', () => {
    const world = runningBroker();
    const client = world.client();
    client.call('TOPIC_CREATE', { topic: 't' });
    const first = client.call('SEND', { topic: 't' }, [batchOf(['a'])]).header.storeTimeMs;
    world.input({ kind: 'wallClock', offsetMs: WALL_MS - 60_000 });
    expect(client.call('SEND', { topic: 't' }, [batchOf(['b'])]).header.storeTimeMs).toBe(first);
  });
});
