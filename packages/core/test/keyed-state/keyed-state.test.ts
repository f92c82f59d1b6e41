import { describe, expect, it } from 'vitest';
import { LIMITS, utf8 } from '../../src/index.ts';
import { runningBroker } from '../broker/broker-world.ts';
import { connect, keysOf, payloadOf, place, shown, stateWorld } from './state-world.ts';

const RESERVE = { reserveBytes: 1_000_000 };

describe('STATE_WRITE', () => {
  it('makes all changes of a write, all of one version, and tells it [QNT-KST-003, QNT-KST-007]', () => {
    const { state } = stateWorld();
    const first = state.write({ key: 'a', value: '1' }, { key: 'b', value: '2' });
    const second = state.write({ key: 'a' }, { key: 'c', value: '' });
    expect(second.version).toBeGreaterThan(first.version);
    expect(state.get('c', 'a', 'b')).toEqual([`c=@${second.version}`, 'a-@0', `b=2@${first.version}`]);
    expect(state.scan().version).toBe(second.version);
  });

  it('tells operators how many keys there are and what they take, with 128 bytes for each', () => {
    const { world, state } = stateWorld();
    state.write({ key: 'a', value: '1' }, { key: 'bb', value: '' });
    expect(world.broker.figures()).toMatchObject({ stateEntries: 2, stateBytes: 2 + 2 + 256 });
    state.write({ key: 'a' });
    expect(world.broker.figures()).toMatchObject({ stateEntries: 1, stateBytes: 2 + 128 });
  });

  it('makes none where one key has another version, staged writes counted [QNT-KST-003, QNT-KST-006]', () => {
    const { state, world } = stateWorld();
    const { version } = state.write({ key: 'a', value: '1', expected: 0 });
    expect(state.write({ key: 'b', value: '2' }, { key: 'a', value: '3', expected: 0 }).code).toBe('VERSION_CONFLICT');
    expect(state.write({ key: 'b', value: '2' }, { key: 'a', expected: version + 1 }).code).toBe('VERSION_CONFLICT');
    expect(state.get('a', 'b')).toEqual([`a=1@${version}`, 'b-@0']);
    const { client } = state;
    const asked = [
      client.send('STATE_WRITE', place, payloadOf([{ key: 'a', value: '4', expected: version }])),
      client.send('STATE_WRITE', place, payloadOf([{ key: 'a', value: '5', expected: version }])),
      client.send('STATE_WRITE', place, payloadOf([{ key: 'b', value: '6', expected: 0 }])),
      client.send('STATE_WRITE', place, payloadOf([{ key: 'b' }])),
      client.send('STATE_WRITE', place, payloadOf([{ key: 'b', value: '7', expected: 0 }])),
    ];
    world.pump();
    const codes = asked.map((correlation) => client.answer('STATE_WRITE', correlation)?.code);
    expect(codes).toEqual([undefined, 'VERSION_CONFLICT', undefined, undefined, undefined]);
    expect(state.scan().entries.map((entry) => entry.split('@')[0])).toEqual(['a=4', 'b=7']);
  });

  it('is not answered, and not seen, before it is durable [QNT-KST-004, QNT-KST-010]', () => {
    const { state, world } = stateWorld();
    const { client } = state;
    const asked = client.send('STATE_WRITE', place, payloadOf([{ key: 'a', value: '1' }]));
    const got = client.send('STATE_GET', place, keysOf(['a']));
    const scanned = client.send('STATE_SCAN', place);
    expect(shown(client.answer('STATE_GET', got)?.payload as Uint8Array)).toEqual(['a-@0']);
    expect(client.answer('STATE_SCAN', scanned)?.header.version).toBe(0);
    while (world.disk.pending[0]?.op !== 'sync') world.disk.step();
    expect(client.answer('STATE_WRITE', asked)).toBeUndefined();
    world.pump();
    expect(client.answer('STATE_WRITE', asked)?.code).toBeUndefined();
    expect(state.get('a')).toHaveLength(1);
  });

  it('has no effect when its write is cut off, and neither have its expectations [QNT-KST-003, QNT-KST-006]', () => {
    const { state, world, disk } = stateWorld();
    state.write({ key: 'a', value: '1' });
    disk.failNext('short');
    const { client } = state;
    const lost = client.send('STATE_WRITE', place, payloadOf([{ key: 'a' }, { key: 'b', value: '2' }]));
    world.pump();
    expect(client.answer('STATE_WRITE', lost)?.code).toBe('STORAGE_REJECTED');
    expect(state.scan().entries.map((entry) => entry.split('@')[0])).toEqual(['a=1']);
    expect(state.write({ key: 'b', value: '3', expected: 0 }).code).toBeUndefined();
  });

  it('survives restarts and power cuts, and versions never come again [QNT-KST-005, QNT-KST-007]', () => {
    const { state, disk } = stateWorld();
    state.write({ key: 'a', value: '1' }, { key: 'b', value: '2' });
    const { version } = state.write({ key: 'b' }, { key: 'a' });
    disk.powerCut(1);
    const again = connect(runningBroker({}, disk));
    expect(again.scan()).toEqual({ entries: [], more: false, version });
    const next = again.write({ key: 'a', value: '3' });
    expect(next.version).toBeGreaterThan(version);
    expect(again.get('a')).toEqual([`a=3@${next.version}`]);
  });

  it('does not give a version of a flush that a power cut took again [QNT-KST-007]', () => {
    const { state, disk } = stateWorld({ flush: 'async' });
    const { version } = state.write({ key: 'a', value: '1' });
    disk.powerCut(3);
    const again = connect(runningBroker({ flush: 'async' }, disk));
    again.client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
    expect(again.write({ key: 'b', value: '1' }).version).toBeGreaterThan(version);
  });

  it('refuses what is no list of entries, too many, too long, or twice the same key [QNT-KST-002, QNT-KST-008]', () => {
    const { state } = stateWorld();
    const write = (payload: readonly Uint8Array[]) => state.client.call('STATE_WRITE', place, payload).code;
    const many = Array.from({ length: LIMITS.STATE_CHANGES_MAX + 1 }, (_, i) => ({ key: `k${i}`, value: '' }));
    const half = new Uint8Array(LIMITS.STATE_VALUE_BYTES_MAX);
    expect(write([])).toBe('INVALID_ARGUMENT');
    expect(write([new Uint8Array(15)])).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf([{ key: '', value: '' }]))).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf([{ key: 'k'.repeat(LIMITS.STATE_KEY_BYTES_MAX + 1), value: '' }]))).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf([{ key: 'k', value: new Uint8Array(LIMITS.STATE_VALUE_BYTES_MAX + 1) }]))).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf(many))).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf(['a', 'b'].map((key) => ({ key, value: half }))))).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf([{ key: 'a' }, { key: 'a', value: '' }]))).toBe('INVALID_ARGUMENT');
    const bits = (payloadOf([{ key: 'a', value: '' }])[0] as Uint8Array).slice();
    bits[3] = 4;
    expect(write([bits])).toBe('INVALID_ARGUMENT');
    bits[3] = 0;
    bits[15] = 1;
    expect(write([bits])).toBe('INVALID_ARGUMENT');
    expect(write(payloadOf(many.slice(1)))).toBeUndefined();
    expect(write(payloadOf([{ key: 'k'.repeat(LIMITS.STATE_KEY_BYTES_MAX), value: half }]))).toBeUndefined();
  });

  it('refuses what would pass the limit of a queue, and takes what removes [QNT-KST-009]', () => {
    const { state } = stateWorld({ limits: { stateQueueBytesMax: 1_000 } });
    const value = 'x'.repeat(300);
    expect(state.write({ key: 'a', value }, { key: 'b', value }).code).toBeUndefined();
    expect(state.write({ key: 'c', value }).code).toBe('LIMIT_EXCEEDED');
    expect(state.write({ key: 'a', value: value.slice(1) }).code).toBeUndefined();
    expect(state.write({ key: 'a' }, { key: 'c', value }).code).toBeUndefined();
    expect(state.write({ key: 'b' }).code).toBeUndefined();
    const other = state.client.call('STATE_WRITE', { topic: 't', queue: 1 }, payloadOf([{ key: 'a', value }]));
    expect(other.code).toBeUndefined();
  });

  it('refuses what would pass the limit of all queues, STATE_BYTES_TOTAL_MAX, whatever became of what was there', () => {
    const { state, disk } = stateWorld({ limits: { stateBytesMax: 1_000 } });
    const write = (queue: number, key: string, value?: string) =>
      state.client.call('STATE_WRITE', { topic: 't', queue }, payloadOf([{ key, value }])).code;
    const value = 'x'.repeat(300);
    for (const from of [state, connect(runningBroker({ limits: { stateBytesMax: 1_000 } }, disk))]) {
      if (from === state) expect([write(0, 'a', value), write(1, 'b', value)]).toEqual([undefined, undefined]);
      disk.failNext('short');
      expect(write(0, 'a')).toBe('STORAGE_REJECTED');
      expect(write(0, 'c', value)).toBe('LIMIT_EXCEEDED');
    }
    expect([write(1, 'b'), write(0, 'c', value)]).toEqual([undefined, undefined]);
    state.client.call('TOPIC_REMOVE', { topic: 't' });
    state.client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
    expect([write(0, 'a', value), write(1, 'b', value), write(1, 'c', value)]).toEqual([undefined, undefined, 'LIMIT_EXCEEDED']);
  });

  it('is refused while the disk is full, unless it only removes [QNT-KST-009]', () => {
    const { state, world, disk } = stateWorld({ log: RESERVE });
    state.write({ key: 'a', value: '1' });
    disk.freeBytes = 10;
    world.advance(20_000);
    expect(state.write({ key: 'b', value: '2' }).code).toBe('DISK_FULL');
    expect(state.write({ key: 'a' }).code).toBeUndefined();
    expect(state.scan().entries).toEqual([]);
  });

  it('gives the first error of the decode order [QNT-KST-020]', () => {
    const { state } = stateWorld({ limits: { stateQueueBytesMax: 500 } });
    const write = (header: { topic: string; queue?: number }, payload: readonly Uint8Array[]) =>
      state.client.call('STATE_WRITE', header, payload).code;
    const large = { key: 'a', value: 'x'.repeat(500) };
    expect(write({ topic: 'unknown', queue: 9 }, [])).toBe('TOPIC_NOT_FOUND');
    expect(write({ topic: 't', queue: 9 }, [])).toBe('QUEUE_NOT_FOUND');
    expect(write({ topic: 't' }, payloadOf([{ ...large, expected: 7 }, large]))).toBe('INVALID_ARGUMENT');
    expect(write({ topic: 't' }, payloadOf([{ ...large, expected: 7 }]))).toBe('VERSION_CONFLICT');
    expect(write({ topic: 't' }, payloadOf([large]))).toBe('LIMIT_EXCEEDED');
  });

  it('is not served on a connection without the feature [QNT-KST-001]', () => {
    const { world } = stateWorld();
    const plain = world.client();
    expect(plain.call('STATE_WRITE', place, payloadOf([{ key: 'a', value: '' }])).code).toBe('UNSUPPORTED_FEATURE');
    expect(plain.call('STATE_GET', place, keysOf(['a'])).code).toBe('UNSUPPORTED_FEATURE');
    expect(plain.call('STATE_SCAN', place).code).toBe('UNSUPPORTED_FEATURE');
    expect(plain.closed).toBe(false);
  });
});

describe('STATE_GET', () => {
  it('answers for every key in its order, and for the first of them where they do not fit [QNT-KST-011]', () => {
    const { state } = stateWorld();
    const half = new Uint8Array(LIMITS.STATE_VALUE_BYTES_MAX);
    for (const key of ['a', 'b', 'c']) state.write({ key, value: half });
    const answer = state.client.call('STATE_GET', place, keysOf(['b', 'x', 'a', 'c']));
    expect(shown(answer.payload).map((entry) => entry.slice(0, 2))).toEqual(['b=', 'x-']);
    expect(state.client.call('STATE_GET', place, payloadOf([{ key: 'a', value: '1' }])).code).toBe('INVALID_ARGUMENT');
    expect(state.client.call('STATE_GET', place, []).code).toBe('INVALID_ARGUMENT');
  });

  it('refuses an entry that the client takes no frame for [QNT-KST-019]', () => {
    const { state, world } = stateWorld();
    state.write({ key: 'a', value: new Uint8Array(20_000) });
    const small = connect(world, 17_000);
    expect(small.client.call('STATE_GET', place, keysOf(['b', 'a'])).code).toBeUndefined();
    expect(small.client.call('STATE_GET', place, keysOf(['a'])).code).toBe('LIMIT_EXCEEDED');
    expect(small.client.call('STATE_SCAN', place).code).toBe('LIMIT_EXCEEDED');
    expect(small.client.call('STATE_SCAN', { ...place, changes: true }).code).toBe('LIMIT_EXCEEDED');
  });
});

describe('STATE_SCAN', () => {
  it('tells the keys of a prefix in the order of their bytes, and whether there are more [QNT-KST-013]', () => {
    const { state } = stateWorld();
    // By UTF-16 units U+1F600 would come before U+FFFD.
    const keys = ['p/\u{1f600}', 'p/\ufffd', 'p/a', 'p', 'p/', 'q', 'o/z', 'p/a/b'];
    state.write(...keys.map((key) => ({ key, value: '' })));
    const names = (entries: readonly string[]): string[] => entries.map((entry) => entry.split('=')[0] as string);
    expect(names(state.scan('p/').entries)).toEqual(['p/', 'p/a', 'p/a/b', 'p/\ufffd', 'p/\u{1f600}']);
    const page = state.scan('p/', { limit: 2 });
    expect([names(page.entries), page.more]).toEqual([['p/', 'p/a'], true]);
    const rest = state.scan('p/', { after: 'p/a', limit: 3 });
    expect([names(rest.entries), rest.more]).toEqual([['p/a/b', 'p/\ufffd', 'p/\u{1f600}'], false]);
    expect(names(state.scan('', { after: 'p/\ufffe' }).entries)).toEqual(['p/\u{1f600}', 'q']);
    expect(state.scan('z').entries).toEqual([]);
  });

  it('refuses fields that do not go together [QNT-KST-017]', () => {
    const { state } = stateWorld();
    const scan = (header: object) => state.client.call('STATE_SCAN', { ...place, ...header }).code;
    expect(scan({ since: 1 })).toBe('INVALID_ARGUMENT');
    expect(scan({ waitMs: 1 })).toBe('INVALID_ARGUMENT');
    expect(scan({ changes: true, limit: 1 })).toBe('INVALID_ARGUMENT');
    expect(scan({ changes: true, after: utf8('a') })).toBe('INVALID_ARGUMENT');
    expect(scan({ changes: true, waitMs: LIMITS.PULL_WAIT_MS_MAX + 1 })).toBe('INVALID_ARGUMENT');
    expect(scan({ topic: 'unknown', since: 1 })).toBe('TOPIC_NOT_FOUND');
    expect(scan({ queue: 7 })).toBe('QUEUE_NOT_FOUND');
  });

  it('tells what has changed since a version, each key once as it is now, removals too [QNT-KST-015]', () => {
    const { state } = stateWorld();
    const first = state.write({ key: 'a', value: '1' }, { key: 'b', value: '1' });
    const second = state.write({ key: 'a', value: '2' });
    const third = state.write({ key: 'b' });
    const fourth = state.write({ key: 'x', value: '1' });
    expect(state.changes(0).entries).toEqual([`a=2@${second.version}`, `b-@${third.version}`, `x=1@${fourth.version}`]);
    expect(state.changes(first.version, 'b')).toEqual({
      entries: [`b-@${third.version}`],
      more: false,
      version: fourth.version,
      reset: false,
    });
    expect(state.changes(fourth.version).entries).toEqual([]);
  });

  it('tells whole writes where not all fit, and up to which version [QNT-KST-015]', () => {
    const { state } = stateWorld();
    const large = new Uint8Array(900_000);
    const first = state.write({ key: 'a', value: large }, { key: 'b', value: large });
    const second = state.write({ key: 'c', value: large }, { key: 'd', value: large });
    const page = state.changes(0);
    expect(page.entries.map((entry) => entry[0])).toEqual(['a', 'b']);
    expect([page.version, page.more]).toEqual([first.version, true]);
    const rest = state.changes(page.version);
    expect([rest.entries.length, rest.version, rest.more]).toEqual([2, second.version, false]);
  });

  it('says reset where the changes are not remembered, and never before [QNT-KST-014]', () => {
    const { state } = stateWorld();
    const many = Array.from({ length: LIMITS.STATE_CHANGES_MAX }, (_, i) => ({ key: `k${i}`, value: '' }));
    const { version } = state.write({ key: 'a', value: '1' });
    for (let i = 0; i < LIMITS.STATE_CHANGES_REMEMBERED / many.length; i++) state.write(...many);
    expect(state.changes(version).reset).toBe(false);
    const { version: last } = state.write({ key: 'a', value: '2' });
    expect(state.changes(version)).toEqual({ entries: [], more: false, version: last, reset: true });
    expect(state.changes(0).reset).toBe(true);
    expect(state.changes(last + 1).reset).toBe(true);
    expect(state.changes(last).reset).toBe(false);
  });

  it('waits for a change of its prefix, and is answered at the end of its time [QNT-KST-016]', () => {
    const { state, world } = stateWorld();
    const { version } = state.write({ key: 'a', value: '1' });
    const { client } = state;
    const header = { ...place, prefix: utf8('b'), changes: true, since: version, waitMs: 5_000 };
    const first = client.send('STATE_SCAN', header);
    const second = client.send('STATE_SCAN', { ...header, prefix: utf8('c') });
    const other = state.write({ key: 'a', value: '2' });
    expect(client.answer('STATE_SCAN', first)).toBeUndefined();
    const wanted = state.write({ key: 'b1', value: '3' });
    expect(shown(client.answer('STATE_SCAN', first)?.payload as Uint8Array)).toEqual([`b1=3@${wanted.version}`]);
    expect(client.answer('STATE_SCAN', second)).toBeUndefined();
    world.advance(5_000);
    expect(client.answer('STATE_SCAN', second)?.header).toEqual({ version: wanted.version, more: false, reset: false });
    expect(other.version).toBeLessThan(wanted.version);
  });

  it('that waits ends when the broker stops, and with the topic [QNT-KST-016, QNT-KST-018]', () => {
    const { state, world } = stateWorld();
    const { client } = state;
    const gone = client.send('STATE_SCAN', { ...place, changes: true, waitMs: 5_000 });
    state.client.call('TOPIC_REMOVE', { topic: 't' });
    expect(client.answer('STATE_SCAN', gone)?.code).toBe('TOPIC_NOT_FOUND');
    client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    const waits = client.send('STATE_SCAN', { ...place, changes: true, waitMs: 5_000 });
    world.broker.stop(world.nowMs);
    world.perform();
    expect(client.answer('STATE_SCAN', waits)?.header).toEqual({ version: 0, more: false, reset: false });
  });

  it('of a blocked connection is answered when it reads again, with what there is then [QNT-KST-016]', () => {
    const { state, world } = stateWorld();
    const writer = connect(world);
    const { client } = state;
    const asked = client.send('STATE_SCAN', { ...place, changes: true, waitMs: 5_000 });
    world.input({ kind: 'blocked', connection: client.connection });
    writer.write({ key: 'a', value: '1' });
    const { version } = writer.write({ key: 'a', value: '2' });
    expect(client.answer('STATE_SCAN', asked)).toBeUndefined();
    world.input({ kind: 'drained', connection: client.connection });
    expect(shown(client.answer('STATE_SCAN', asked)?.payload as Uint8Array)).toEqual([`a=2@${version}`]);
  });

  it('is forgotten with its connection', () => {
    const { state, world } = stateWorld();
    const writer = connect(world);
    state.client.send('STATE_SCAN', { ...place, changes: true, waitMs: 5_000 });
    state.client.close();
    expect(writer.write({ key: 'a', value: '1' }).code).toBeUndefined();
    world.advance(6_000);
    expect(state.client.frames.at(-1)?.type).not.toBe(0x0703);
  });
});

describe('a removed topic', () => {
  it('takes its keyed state with it, and its versions do not come again [QNT-KST-018, QNT-KST-007]', () => {
    const { state, disk } = stateWorld();
    const { version } = state.write({ key: 'a', value: '1' });
    state.client.call('TOPIC_REMOVE', { topic: 't' });
    expect(state.client.call('STATE_GET', place, keysOf(['a'])).code).toBe('TOPIC_NOT_FOUND');
    state.client.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    expect(state.scan()).toEqual({ entries: [], more: false, version: 0 });
    const again = state.write({ key: 'a', value: '2' });
    expect(again.version).toBeGreaterThan(version);
    disk.powerCut(1);
    expect(connect(runningBroker({}, disk)).get('a')).toEqual([`a=2@${again.version}`]);
  });
});
