import { describe, expect, it } from 'vitest';
import { AckLevel, Flag, utf8, writeUint53At } from '../../src/index.ts';
import { batchOf, messagesOf, type TestBatch } from '../broker/batches.ts';
import { runningBroker } from '../broker/broker-world.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { connect, payloadOf, place, type StateClient, stateWorld } from './state-world.ts';

const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;
const D1 = { ...place, dedupId: 'd/1' };

const pulled = (state: StateClient): string[] =>
  messagesOf(state.client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: 0 }] }] }).payload);

const send = (state: StateClient, dedupId: string, body: string, batch: TestBatch = {}) =>
  state.client.call('SEND', { ...place, dedupId }, [batchOf([body], batch)]);

describe('SEND with a dedup id', () => {
  it('stores once, and tells where, until the key is removed [QNT-KST-024, QNT-KST-026]', () => {
    const { state, disk } = stateWorld();
    expect(send(state, '', 'x').header.baseOffset).toBe(0);
    expect(send(state, 'd/1', 'a').header).toMatchObject({ baseOffset: 1, duplicate: false });
    expect(send(state, 'd/1', 'b').header).toEqual({ baseOffset: 1, storeTimeMs: 0, duplicate: true });
    expect(send(state, 'd/2', 'c').header).toMatchObject({ baseOffset: 2, duplicate: false });
    disk.powerCut(1);
    const again = connect(runningBroker({}, disk));
    expect(send(again, 'd/1', 'd').header).toMatchObject({ baseOffset: 1, duplicate: true });
    expect(again.scan('d/').entries.map((entry) => entry.slice(0, 4))).toEqual(['d/1=', 'd/2=']);
    expect(again.write({ key: 'd/1' }).code).toBeUndefined();
    expect(send(again, 'd/1', 'e').header).toMatchObject({ baseOffset: 3, duplicate: false });
    expect(pulled(again)).toEqual(['0:x', '1:a', '2:c', '3:e']);
  });

  it('writes an entry whose value is the offset, 8 bytes, big-endian [QNT-KST-023]', () => {
    const { state } = stateWorld();
    send(state, '', 'x');
    send(state, 'd/1', 'a');
    const value = new Uint8Array(8);
    writeUint53At(value, 0, 1);
    const { payload } = state.client.call('STATE_SCAN', place);
    expect(payload.subarray(16 + 3)).toEqual(value);
  });

  it('finds an entry that no send wrote, and tells no offset then [QNT-KST-024]', () => {
    const { state } = stateWorld();
    state.write({ key: 'd/1', value: 'short' }, { key: 'd/2', value: new Uint8Array(8).fill(255) });
    expect(send(state, 'd/1', 'a').header).toEqual({ baseOffset: UNKNOWN_OFFSET, storeTimeMs: 0, duplicate: true });
    expect(send(state, 'd/2', 'a').header.baseOffset).toBe(UNKNOWN_OFFSET);
    expect(pulled(state)).toEqual([]);
  });

  it('waits for the fate of one that is staged [QNT-KST-025]', () => {
    const { state, world, disk } = stateWorld();
    const other = connect(world);
    const first = state.client.send('SEND', D1, [batchOf(['a'])]);
    const second = other.client.send('SEND', D1, [batchOf(['b'])]);
    while (disk.pending[0]?.op !== 'sync') disk.step();
    expect(other.client.answer('SEND', second)).toBeUndefined();
    world.pump();
    expect(state.client.answer('SEND', first)?.header).toMatchObject({ baseOffset: 0, duplicate: false });
    expect(other.client.answer('SEND', second)?.header).toEqual({ baseOffset: 0, storeTimeMs: 0, duplicate: true });
    expect(pulled(state)).toEqual(['0:a']);
  });

  it('whose original is cut off gets its answer, and leaves no entry [QNT-KST-023, QNT-KST-025]', () => {
    const { state, world, disk } = stateWorld();
    disk.failNext('short');
    const first = state.client.send('SEND', D1, [batchOf(['a'])]);
    const second = state.client.send('SEND', D1, [batchOf(['b'])]);
    world.pump();
    expect(state.client.answer('SEND', first)?.code).toBe('STORAGE_REJECTED');
    expect(state.client.answer('SEND', second)?.code).toBe('STORAGE_REJECTED');
    expect(state.scan().entries).toEqual([]);
    expect(send(state, 'd/1', 'c').header).toMatchObject({ baseOffset: 0, duplicate: false });
  });

  it('is undecided where the store failed before its original was decided [QNT-KST-025]', () => {
    const { state, world, disk } = stateWorld();
    disk.failNext('sync');
    const first = state.client.send('SEND', D1, [batchOf(['a'])]);
    const second = state.client.send('SEND', D1, [batchOf(['b'])]);
    world.pump();
    expect(state.client.answer('SEND', first)?.code).toBe('STORAGE_FAILED');
    expect(state.client.answer('SEND', second)?.code).toBe('OUTCOME_UNKNOWN');
  });

  it('behind a staged removal of the key is stored [QNT-KST-026]', () => {
    const { state, world } = stateWorld();
    send(state, 'd/1', 'a');
    const removed = state.client.send('STATE_WRITE', place, payloadOf([{ key: 'd/1' }]));
    const sent = state.client.send('SEND', D1, [batchOf(['b'])]);
    world.pump();
    expect(state.client.answer('STATE_WRITE', removed)?.code).toBeUndefined();
    expect(state.client.answer('SEND', sent)?.header).toMatchObject({ baseOffset: 1, duplicate: false });
    expect(send(state, 'd/1', 'c').header.baseOffset).toBe(1);
  });

  it('is one thing with its batch in the log, wherever that breaks off [QNT-KST-023, QNT-KST-031]', () => {
    for (let cut = 0; cut < 40; cut++) {
      const disk = new FakeDisk();
      const { state } = stateWorld({ log: { segmentBytes: 700 } }, disk);
      state.client.send('SEND', D1, [batchOf(['a'], { bytes: 100 })]);
      disk.pump(cut);
      disk.powerCut(cut);
      const again = connect(runningBroker({ log: { segmentBytes: 700 } }, disk));
      const stored = pulled(again).length;
      expect(again.scan().entries).toHaveLength(stored);
      expect(send(again, 'd/1', 'b').header.duplicate).toBe(stored === 1);
    }
  });

  it('survives in a snapshot [QNT-KST-026]', () => {
    const { state, world, disk } = stateWorld();
    send(state, 'd/1', 'a');
    world.broker.stop(world.nowMs);
    world.perform();
    world.pump();
    world.advance(10_000);
    expect(world.stopped).toBe(1);
    const again = connect(runningBroker({}, disk));
    expect(send(again, 'd/1', 'b').header).toMatchObject({ baseOffset: 0, duplicate: true });
  });

  it('needs the feature, and an acknowledgement [QNT-KST-021, QNT-KST-022]', () => {
    const { state, world } = stateWorld();
    expect(world.client().call('SEND', D1, [batchOf(['a'])]).code).toBe('UNSUPPORTED_FEATURE');
    state.client.send('SEND', { ...D1, ack: AckLevel.ACK_NONE }, [batchOf(['a'])], Flag.ONEWAY);
    world.pump();
    expect(pulled(state)).toEqual([]);
  });

  it('is refused where its entry would pass the limit of the queue [QNT-KST-009]', () => {
    const { state } = stateWorld({ limits: { stateQueueBytesMax: 200 } });
    expect(send(state, 'd/1', 'a').code).toBeUndefined();
    expect(send(state, 'd/2', 'b').code).toBe('LIMIT_EXCEEDED');
    expect(pulled(state)).toEqual(['0:a']);
  });
});

describe('SEND with a dedup id and a sequence', () => {
  function withProducer() {
    const made = stateWorld();
    const { producerId } = made.state.client.call('INIT_PRODUCER', {}).header;
    return { ...made, producerId };
  }

  it('a duplicate counts its number as used, also when it is sent again [QNT-KST-028]', () => {
    const { state, producerId } = withProducer();
    send(state, 'd/1', 'a', { producerId, sequence: 0 });
    expect(send(state, 'd/1', 'b', { producerId, sequence: 1 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(state, '', 'c', { producerId, sequence: 2 }).header).toMatchObject({ baseOffset: 1, duplicate: false });
    state.write({ key: 'd/1' });
    expect(send(state, 'd/1', 'b', { producerId, sequence: 1 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(state, 'd/1', 'a', { producerId, sequence: 0 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(pulled(state)).toEqual(['0:a', '1:c']);
  });

  it('a duplicate behind what is on its way is answered, and what comes behind it is stored [QNT-KST-028]', () => {
    const { state, world, producerId } = withProducer();
    send(state, 'd/1', 'a', { producerId, sequence: 0 });
    const sent = (dedupId: string, body: string, sequence: number): number =>
      state.client.send('SEND', { ...place, dedupId }, [batchOf([body], { producerId, sequence })]);
    const all = [sent('', 'b', 1), sent('d/1', 'c', 2), sent('d/1', 'c', 2), sent('', 'd', 3), sent('d/2', 'e', 4)];
    expect(state.client.answer('SEND', all[1] as number)?.header.duplicate).toBe(true);
    world.pump();
    const offsets = all.map((correlation) => state.client.answer('SEND', correlation)?.header.baseOffset);
    expect(offsets).toEqual([1, 0, 0, 2, 3]);
    expect(send(state, '', 'f', { producerId, sequence: 5 }).header.baseOffset).toBe(4);
  });

  it('one that waits for its original uses its number with it [QNT-KST-025, QNT-KST-028]', () => {
    const { state, world, producerId } = withProducer();
    const other = connect(world);
    const { producerId: otherId } = other.client.call('INIT_PRODUCER', {}).header;
    const original = state.client.send('SEND', D1, [batchOf(['a'], { producerId, sequence: 0 })]);
    const waits = other.client.send('SEND', D1, [batchOf(['b'], { producerId: otherId, sequence: 0 })]);
    const again = other.client.send('SEND', D1, [batchOf(['b'], { producerId: otherId, sequence: 0 })]);
    const behind = other.client.send('SEND', place, [batchOf(['c'], { producerId: otherId, sequence: 1 })]);
    world.pump();
    expect(state.client.answer('SEND', original)?.header.baseOffset).toBe(0);
    for (const one of [waits, again])
      expect(other.client.answer('SEND', one)?.header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(other.client.answer('SEND', behind)?.header).toMatchObject({ baseOffset: 1, duplicate: false });
  });

  it('the id decides before a number that is out of order [QNT-KST-027]', () => {
    const { state, producerId } = withProducer();
    send(state, 'd/1', 'a', { producerId, sequence: 0 });
    expect(send(state, 'd/1', 'b', { producerId, sequence: 7 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(state, 'd/1', 'c', { producerId, sequence: 0 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(state, 'd/2', 'b', { producerId, sequence: 7 }).code).toBe('SEQUENCE_GAP');
    expect(send(state, 'd/2', 'b', { producerId, sequence: 0 }).code).toBe('SEQUENCE_CONFLICT');
    expect(send(state, '', 'd', { producerId, sequence: 1 }).header.baseOffset).toBe(1);
  });

  it('a duplicate from before a restart is one behind it [QNT-KST-027, QNT-KST-033]', () => {
    const { state, disk, producerId } = withProducer();
    send(state, 'd/1', 'a', { producerId, sequence: 0 });
    send(state, 'd/1', 'b', { producerId, sequence: 1 });
    send(state, '', 'c', { producerId, sequence: 2 });
    disk.powerCut(1);
    const again = connect(runningBroker({}, disk));
    again.client.call('INIT_PRODUCER', { producerId });
    expect(send(again, 'd/1', 'b', { producerId, sequence: 1 }).header).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(send(again, '', 'c', { producerId, sequence: 2 }).header).toMatchObject({ baseOffset: 1, duplicate: true });
  });

  it('a dedup id is the UTF-8 of its text [QNT-KST-024]', () => {
    const { state } = stateWorld();
    send(state, 'd/ü', 'a');
    const { payload } = state.client.call('STATE_SCAN', { ...place, prefix: utf8('d/ü') });
    expect(payload.length).toBeGreaterThan(0);
  });
});
