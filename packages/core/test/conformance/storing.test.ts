// What a broker stores, and what it answers when it cannot (spec, chapters of errors, the record batch, send and the log).
import { describe, expect, it } from 'vitest';
import { ENTRY_AT, ENTRY_HEADER_BYTES, EntryCodec, EntryKind, readEntryHeader } from '../../src/broker/log/entry.ts';
import {
  AckLevel,
  BATCH_AT,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAME_NAMES,
  LIMITS,
  type LiveFrame,
  Position,
  portablePlatform,
  QanatError,
  readBatchHeader,
  verifyBatch,
  WIRE_ERRORS,
  writeUint16At,
  writeUint32At,
  writeUint53At,
} from '../../src/index.ts';
import { batchOf, messagesOf } from '../broker/batches.ts';
import { type BrokerWorld, runningBroker, type TestClient } from '../broker/broker-world.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { LogWorld, batchOf as storedBatchOf } from '../log/log-world.ts';

const SEGMENT = 'log/00000000000000000000.seg';
const SEGMENT_HEADER_BYTES = 64;

interface Setting {
  readonly world: BrokerWorld;
  readonly client: TestClient;
  readonly disk: FakeDisk;
}

function withTopic(options: Parameters<typeof runningBroker>[0] = {}, disk = new FakeDisk()): Setting {
  const world = runningBroker(options, disk);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 2 });
  return { world, client, disk };
}

const pull = (client: TestClient, offset = 0) =>
  client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset }] }] });

describe('the batch that a broker stores', () => {
  it('is served whole and byte for byte, but for the fields that the broker sets [QNT-BAT-002, QNT-BAT-003]', () => {
    const { client, disk } = withTopic();
    const batch = batchOf(['a', 'b'], { tag: 'red' });
    client.call('SEND', { topic: 't' }, [batch]);
    const { payload } = pull(client);
    expect(payload.subarray(0, 8)).toEqual(batch.subarray(0, 8));
    expect(payload.subarray(32)).toEqual(batch.subarray(32));
    expect(verifyBatch(portablePlatform, payload)).toBeUndefined();
    expect(pull(client, 1).payload).toEqual(payload);
    disk.kill();
    expect(pull(runningBroker({}, disk, 2).client()).payload).toEqual(payload);
  });

  it('has the broker’s own fields, whatever its producer wrote there [QNT-BAT-004]', () => {
    const { client } = withTopic();
    const batch = batchOf(['a']);
    writeUint53At(batch, BATCH_AT.baseOffset, 77);
    writeUint32At(batch, 16, 999);
    writeUint32At(batch, 20, 12345);
    writeUint53At(batch, 24, 1);
    expect(client.call('SEND', { topic: 't' }, [batch]).header.baseOffset).toBe(0);
    const header = readBatchHeader(pull(client).payload);
    expect(header).toMatchObject({ baseOffset: 0, term: 1 });
    expect(header.storeTimeMs).toBeGreaterThan(1_000);
    expect(verifyBatch(portablePlatform, pull(client).payload)).toBeUndefined();
  });

  it('is taken at 65,536 bytes whatever the broker is configured with [QNT-LIM-008]', () => {
    const overhead = batchOf(['a'], { bytes: 10 }).length - 10;
    expect(() => runningBroker({ limits: { batchBytesMax: 65_535 } })).toThrow(QanatError);
    const { client } = withTopic({ limits: { batchBytesMax: 65_536 } });
    // A long record has two lengths of three bytes instead of one.
    const longest = batchOf(['a'], { bytes: 65_536 - overhead - 4 });
    expect(longest).toHaveLength(65_536);
    expect(client.call('SEND', { topic: 't' }, [longest]).code).toBeUndefined();
  });
});

describe('a broker under a power cut', () => {
  it('that flushes async keeps a prefix of what it acknowledged in a queue, in order [QNT-SND-003]', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { client, disk } = withTopic({ flush: 'async', log: { segmentBytes: 2_000 } });
      const sent = Array.from({ length: 20 }, (_, i) => `m${i}`);
      for (const body of sent) expect(client.call('SEND', { topic: 't' }, [batchOf([body])]).code).toBeUndefined();
      disk.powerCut(seed);
      const after = runningBroker({ flush: 'async' }, disk, 2).client();
      const answer = pull(after);
      const kept = answer.code === undefined ? messagesOf(answer.payload) : [];
      expect(kept).toEqual(sent.slice(0, kept.length).map((body, i) => `${i}:${body}`));
    }
  });

  it('that flushes sync still has what it acknowledged [QNT-SND-002]', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { client, disk } = withTopic({ log: { segmentBytes: 2_000 } });
      const sent = Array.from({ length: 10 }, (_, i) => `m${i}`);
      for (const body of sent) client.call('SEND', { topic: 't' }, [batchOf([body])]);
      disk.powerCut(seed);
      const kept = messagesOf(pull(runningBroker({}, disk, 2).client()).payload);
      expect(kept).toEqual(sent.map((body, i) => `${i}:${body}`));
    }
  });
});

describe('a producer at a broker', () => {
  it('has its last 64 batches remembered through restarts, with and without a snapshot [QNT-SND-017]', () => {
    for (const snapshotBytes of [2_000, 2 ** 30]) {
      const { client, disk } = withTopic({ log: { snapshotBytes } });
      const { producerId } = client.call('INIT_PRODUCER', {}).header;
      const batch = (sequence: number) => [batchOf([`m${sequence}`], { producerId, sequence })];
      for (let i = 0; i < 70; i++) client.call('SEND', { topic: 't' }, batch(i));
      disk.kill();
      const after = runningBroker({}, disk, 2).client();
      after.call('INIT_PRODUCER', { producerId });
      for (let i = 70 - LIMITS.PRODUCER_BATCHES_REMEMBERED; i < 70; i++)
        expect(after.call('SEND', { topic: 't' }, batch(i)).header).toMatchObject({ baseOffset: i, duplicate: true });
      expect(after.call('SEND', { topic: 't' }, batch(70)).header).toMatchObject({ baseOffset: 70, duplicate: false });
    }
  });

  it('with a name and an id is served like one with the id, where the id bears the name [QNT-SND-042]', () => {
    const { world, client } = withTopic();
    const { producerId, epoch } = client.call('INIT_PRODUCER', { name: 'n' }).header;
    const plain = client.call('INIT_PRODUCER', {}).header.producerId;
    const other = world.client();
    expect(other.call('INIT_PRODUCER', { name: 'm', producerId, epoch }).code).toBe('INVALID_ARGUMENT');
    expect(other.call('INIT_PRODUCER', { name: 'n', producerId: plain }).code).toBe('INVALID_ARGUMENT');
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId, epoch })]).code).toBeUndefined();
    expect(other.call('INIT_PRODUCER', { name: 'n', producerId, epoch }).header).toEqual({ producerId, epoch });
    expect(other.call('SEND', { topic: 't' }, [batchOf(['a'], { producerId, epoch })]).header.duplicate).toBe(true);
    expect(client.call('SEND', { topic: 't' }, [batchOf(['b'], { producerId, epoch, sequence: 1 })]).code).toBe(
      'PRODUCER_FENCED',
    );
  });

  it('is not forgotten with a batch on its way [QNT-SND-023]', () => {
    const { world, client } = withTopic({ limits: { producersMax: 1 } });
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const batch = (sequence: number): Uint8Array[] => [batchOf([`m${sequence}`], { producerId, sequence })];
    const other = world.client();
    const sent = client.send('SEND', { topic: 't' }, batch(0));
    const init = other.send('INIT_PRODUCER', {});
    const next = client.send('SEND', { topic: 't' }, batch(1));
    world.pump();
    expect(other.answer('INIT_PRODUCER', init)?.code).toBeUndefined();
    expect(client.answer('SEND', sent)?.header.baseOffset).toBe(0);
    expect(client.answer('SEND', next)?.code).toBeUndefined();
    expect(messagesOf(pull(client).payload)).toEqual(['0:m0', '1:m1']);
  });

  it('has its batches stored in the order of arrival, and so has a connection without an id [QNT-SND-039, QNT-SND-040]', () => {
    const { world, client } = withTopic();
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const plain = world.client();
    const [first, second]: [string[], string[]] = [[], []];
    for (let i = 0; i < 30; i++) {
      client.send('SEND', { topic: 't' }, [batchOf([`p${i}`], { producerId, sequence: i })]);
      plain.send('SEND', { topic: 't' }, [batchOf([`q${i}`])]);
      first.push(`p${i}`);
      second.push(`q${i}`);
      if (i % 7 === 0) world.disk.step();
    }
    world.pump();
    const stored = messagesOf(pull(client).payload);
    expect(stored.map((message) => Number(message.split(':')[0]))).toEqual(Array.from({ length: 60 }, (_, i) => i));
    const bodies = stored.map((message) => message.split(':')[1] as string);
    expect(bodies.filter((body) => body.startsWith('p'))).toEqual(first);
    expect(bodies.filter((body) => body.startsWith('q'))).toEqual(second);
  });

  it('gets the first error of the decode order, whatever else is wrong [QNT-SND-037, QNT-BAT-019]', () => {
    const { world, client, disk } = withTopic();
    disk.freeBytes = 0;
    world.advance(20_000);
    const { producerId } = client.call('INIT_PRODUCER', {}).header;
    const none = AckLevel.ACK_NONE;
    const good = (more = {}): Uint8Array => batchOf(['a'], more);
    const bad = (): Uint8Array => {
      const batch = batchOf(['a'], { producerId: 999 });
      writeUint16At(batch, BATCH_AT.attributes, 0x20);
      return batch;
    };
    const steps: [string, object, Uint8Array][] = [
      ['INVALID_ARGUMENT', { topic: 'none', queue: 9, ack: none }, bad()],
      ['TOPIC_NOT_FOUND', { topic: 'none', queue: 9 }, bad()],
      ['QUEUE_NOT_FOUND', { topic: 't', queue: 9 }, bad()],
      ['INVALID_BATCH', { topic: 't' }, bad()],
      ['UNKNOWN_PRODUCER', { topic: 't' }, good({ producerId: 999, sequence: 5 })],
      ['SEQUENCE_GAP', { topic: 't' }, good({ producerId, sequence: 5 })],
      ['DISK_FULL', { topic: 't' }, good({ producerId })],
    ];
    for (const [code, header, batch] of steps) expect(client.call('SEND', header as never, [batch]).code).toBe(code);
    disk.freeBytes = 2 ** 40;
    world.advance(20_000);
    expect(client.call('SEND', { topic: 't' }, [good({ producerId })]).code).toBeUndefined();
    disk.freeBytes = 0;
    world.advance(20_000);
    expect(client.call('SEND', { topic: 't' }, [good({ producerId })]).header.duplicate).toBe(true);
  });
});

describe('a broker whose disk fails', () => {
  it('answers with class 6xxx exactly where the request may have taken effect [QNT-ERR-001]', () => {
    const outcome = (failure: 'append' | 'short' | 'sync', ask: (client: TestClient) => string | undefined) => {
      const { client, disk } = withTopic();
      disk.failNext(failure);
      const code = ask(client) as QanatError['code'];
      disk.kill();
      const after = runningBroker({}, disk, 2).client();
      const stored = after.call('TOPIC_LIST', {}).header.topics.length > 1 || pull(after).payload.length > 0;
      return { outcome: new QanatError(code, '').outcome, stored };
    };
    const asks = [
      (client: TestClient) => client.call('SEND', { topic: 't' }, [batchOf(['a'])]).code,
      (client: TestClient) => client.call('TOPIC_CREATE', { topic: 'u' }).code,
    ];
    for (const ask of asks) {
      for (const failure of ['append', 'short'] as const)
        expect(outcome(failure, ask)).toEqual({ outcome: 'rejected', stored: false });
      expect(outcome('sync', ask).outcome).toBe('unknown');
    }
  });

  it('answers STORAGE_FAILED to a PULL of what it cannot read, and never other bytes [QNT-PUL-018]', () => {
    const { world, client, disk } = withTopic({ log: { blockBytes: 1_024, cacheBytes: 4_096 } });
    for (let i = 0; i < 20; i++) client.call('SEND', { topic: 't' }, [batchOf([`m${i}`], { bytes: 1_000 })]);
    disk.failNext('read');
    const answer = pull(client);
    expect(answer.code).toBe('STORAGE_FAILED');
    expect(answer.payload).toHaveLength(0);
    expect(world.fatal).toBeUndefined();
    expect(messagesOf(pull(client).payload)[0]).toContain('0:m0');
  });

  it('serves what rotted on its disk under checksums that show it, if at all [QNT-LOG-016]', () => {
    const { client, disk } = withTopic({ log: { blockBytes: 1_024, cacheBytes: 4_096 } });
    for (let i = 0; i < 20; i++) client.call('SEND', { topic: 't' }, [batchOf([`m${i}`], { bytes: 1_000 })]);
    disk.flip(SEGMENT, 900);
    const answer = pull(client);
    const first = readBatchHeader(answer.payload);
    const honest =
      answer.code === 'STORAGE_FAILED' || verifyBatch(portablePlatform, answer.payload.subarray(0, first.length)) !== undefined;
    expect(honest).toBe(true);
  });

  it('goes on to take commits while it refuses messages because its disk is full [QNT-SND-038, QNT-LOG-015]', () => {
    const { world, client, disk } = withTopic();
    client.call('SEND', { topic: 't' }, [batchOf(['a', 'b'])]);
    disk.freeBytes = 0;
    world.advance(20_000);
    expect(client.call('SEND', { topic: 't' }, [batchOf(['c'])]).code).toBe('DISK_FULL');
    const commit = client.call('OFFSET_COMMIT', { group: 'g', offsets: [{ topic: 't', queue: 0, offset: 2 }] });
    expect(commit.header.results).toEqual([]);
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    const fetched = after.call('OFFSET_FETCH', { group: 'g', queues: [{ topic: 't', queue: 0 }] }).header.offsets;
    expect(fetched).toMatchObject([{ committed: true, offset: 2 }]);
  });
});

describe('what a broker says to people', () => {
  const SECRETS = ['s3cret-body', 's3cret-key', 's3cret-property'];

  it('names what was wrong, in every refusal [QNT-ERR-007, QNT-ERR-009]', () => {
    const { client } = withTopic();
    const refusals: [string, () => { readonly info: { readonly code: number; readonly message: string } | undefined }][] = [
      ['wait_ms', () => client.call('PULL', { waitMs: 30_001, topics: [{ topic: 't', queues: [{ queue: 0 }] }] })],
      ['filter', () => client.call('PULL', { topics: [{ topic: 't', filter: '|| a', queues: [{ queue: 0 }] }] })],
      ['QUEUES_PER_TOPIC_MAX', () => client.call('TOPIC_CREATE', { topic: 'u', queues: 1_025 })],
      ['TopicCreate.topic', () => client.call('TOPIC_CREATE', {})],
      ['none', () => client.call('TOPIC_DESCRIBE', { topic: 'none' })],
      ['queue', () => client.call('SEND', { topic: 't', queue: 7 }, [batchOf(['a'])])],
      ['7', () => client.call('INIT_PRODUCER', { producerId: 7 })],
      ['group', () => client.call('GROUP_DESCRIBE', { group: 'no-such' })],
      ['AT_TIME', () => client.call('OFFSET_LOOKUP', { queues: [{ topic: 't', position: Position.AT_OFFSET }] })],
    ];
    for (const [word, refuse] of refusals) {
      const { info } = refuse();
      expect(info?.code, word).toBeGreaterThan(1_000);
      expect(info?.message.toLowerCase()).toContain(word.toLowerCase());
    }
  });

  it('holds no payload, key or property value, neither in errors nor in its log of events [QNT-ERR-008, QNT-SEC-006]', () => {
    const disk = new FakeDisk();
    const { world, client } = withTopic({}, disk);
    const text = new TextEncoder();
    const [body, key, value] = SECRETS as [string, string, string];
    const batch = (): Uint8Array => batchOf([`${body} ${key} ${value}`]);
    const cut = (length: number): Uint8Array => batch().subarray(0, length);
    const flipped = batch();
    flipped[40] = 0xff;
    for (const payload of [batch(), cut(70), cut(10), flipped, text.encode(body)]) client.call('SEND', { topic: 't' }, [payload]);
    client.call('SEND', { topic: 'none' }, [batch()]);
    disk.failNext('append');
    client.call('SEND', { topic: 't' }, [batch()]);
    client.sendBytes([new Uint8Array([0, 0, 0, 20, 2, 2, 0, 0, 0, 0, 3, 9, 0, 0, 0, 8]), text.encode(body.slice(0, 8))]);
    const spoken = JSON.stringify([
      world.others.filter(({ kind }) => kind === 'log'),
      client.frames.map((frame) => Buffer.from(frame.control).toString('latin1')),
    ]);
    expect(client.frames.filter(({ flags }) => flags & Flag.ERROR).length).toBeGreaterThan(4);
    for (const secret of SECRETS) expect(spoken).not.toContain(secret.slice(0, 8));
  });

  it('names no file by what a peer says [QNT-SEC-004]', () => {
    const disk = new FakeDisk();
    const world = runningBroker({ log: { snapshotBytes: 1, segmentBytes: 1_000 } }, disk);
    const client = world.client();
    for (const topic of ['evil..name', '_-.', 'con', 'LOCK', 'log']) {
      client.call('TOPIC_CREATE', { topic, queues: 1 });
      client.call('SEND', { topic }, [batchOf(['a'], { bytes: 400 })]);
      client.call('INIT_PRODUCER', { name: topic });
      client.call('OFFSET_COMMIT', { group: topic, offsets: [{ topic, queue: 0, offset: 1 }] });
    }
    expect(disk.files.size).toBeGreaterThan(2);
    const names = disk.requests.map((request) => ('name' in request ? request.name : ''));
    for (const name of names) expect(name).toMatch(/^$|^(log|snap|index)\/\d{20}\.(seg|snap|idx)$|^[a-z/]+$/);
    for (const name of names) expect(name).not.toMatch(/evil|con|LOCK/);
  });
});

describe('the log on the disk', () => {
  it('holds entries of the layout, with positions and chains that go on from the one before [QNT-LOG-002]', () => {
    const { client, disk } = withTopic({ log: { segmentBytes: 2 ** 20 } });
    for (let i = 0; i < 5; i++) client.call('SEND', { topic: 't', queue: i % 2 }, [batchOf([`m${i}`])]);
    const bytes = disk.files.get(SEGMENT)?.cache as Uint8Array;
    const codec = new EntryCodec(portablePlatform);
    const kinds: number[] = [];
    let [chain, synced] = [0, 0];
    for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; ) {
      const position = at - SEGMENT_HEADER_BYTES;
      const header = readEntryHeader(bytes, at);
      expect(header).toMatchObject({ version: 1, flags: 0, term: 1, position, previousChain: chain });
      expect(codec.headerHolds(bytes, at, position)).toBe(true);
      expect(codec.bodyHolds(bytes, at, header)).toBe(true);
      expect(header.syncedPosition).toBeGreaterThanOrEqual(synced);
      expect(header.syncedPosition).toBeLessThanOrEqual(position);
      [chain, synced] = [header.chain, header.syncedPosition];
      kinds.push(header.kind);
      at += header.length;
    }
    expect(kinds.filter((kind) => kind === EntryKind.BATCH)).toHaveLength(5);
    expect(kinds[0]).toBe(EntryKind.STATE);
  });

  it('is refused with an entry of a version, kind or flags that are not known, whole as it is [QNT-LOG-013]', () => {
    for (const [at, value] of [
      [ENTRY_AT.version, 2],
      [ENTRY_AT.kind, 3],
      [ENTRY_AT.flags, 1],
    ] as const) {
      const world = new LogWorld();
      expect(world.open()).toBeUndefined();
      for (let i = 0; i < 3; i++) world.send(1, 0, storedBatchOf(i, 1, 10));
      world.commit();
      const last = SEGMENT_HEADER_BYTES + 2 * (ENTRY_HEADER_BYTES + 74);
      const file = world.disk.files.get(SEGMENT) as { cache: Uint8Array; disk: Uint8Array };
      for (const bytes of [file.cache, file.disk]) {
        bytes[last + at] = value;
        // A later version seals its entries: the header is whole, and only says what this one does not know.
        const checked = Buffer.concat([bytes.subarray(last, last + 4), bytes.subarray(last + 8, last + 64)]);
        writeUint32At(bytes, last + ENTRY_AT.headerChecksum, portablePlatform.crc32(checked, 0));
      }
      const before = world.disk.contents();
      expect(new LogWorld({}, world.disk).open()?.code).toBe('CORRUPT_LOG');
      expect(world.disk.contents()).toEqual(before);
    }
  });

  it('has lost no part: this version removes none [QNT-LOG-008]', () => {
    const { client, disk } = withTopic({ log: { segmentBytes: 1_000, snapshotBytes: 500 } });
    for (let i = 0; i < 30; i++) client.call('SEND', { topic: 't' }, [batchOf([`m${i}`], { bytes: 200 })]);
    const removed = disk.requests.filter((request) => request.op === 'unlink' && request.name.startsWith('log/'));
    expect(removed).toEqual([]);
    for (const name of [...disk.files.keys()].filter((file) => file.startsWith('snap/'))) disk.files.delete(name);
    disk.kill();
    const after = runningBroker({}, disk, 2).client();
    const lookup = {
      queues: [
        { topic: 't', queue: 0, position: Position.LAST },
        { topic: 't', queue: 0, position: Position.FIRST },
      ],
    };
    expect(after.call('OFFSET_LOOKUP', lookup).header.offsets.map(({ offset }) => offset)).toEqual([30, 0]);
    expect(messagesOf(pull(after).payload)[0]).toContain('0:m0');
  });
});

describe('the numbers that a broker sends', () => {
  it('are assigned ones: frame types, flags and error codes [QNT-RGY-006, QNT-ERR-009]', () => {
    const { world, client } = withTopic();
    const ask = <N extends LiveFrame>(name: N, header: object): void => void client.call(name, header as never);
    client.call('SEND', { topic: 't' }, [batchOf(['a'])]);
    client.call('SEND', { topic: 't', queue: 9 }, [batchOf(['a'])]);
    ask('CLIENT_HEARTBEAT', { group: 'g', member: 'm', subscription: { topics: [{ topic: 't' }] } });
    world.advance(1_000);
    ask('OFFSET_COMMIT', { group: 'g', member: 'm', offsets: [{ topic: 't', queue: 0, offset: 1 }] });
    for (const name of ['RELEASE', 'LEAVE', 'GROUP_DESCRIBE', 'GROUP_RESET'] as const) {
      ask(name, { group: 'no-such', member: 'm' });
      ask(name, { group: 'g', member: 'm' });
    }
    for (const name of ['TOPIC_LIST', 'GROUP_LIST', 'INIT_PRODUCER', 'ROUTE_QUERY'] as const) ask(name, {});
    for (const name of ['TOPIC_DESCRIBE', 'TOPIC_ALTER', 'TOPIC_REMOVE'] as const) ask(name, { topic: 't', queues: 2 });
    client.sendBytes(encodeFrame(0x3a5a, 0, 9_001, new Uint8Array(0)));
    world.broker.stop(world.nowMs);
    world.perform();
    const errors = new Set<number>(Object.values(WIRE_ERRORS).map(({ number }) => number));
    expect(client.frames.length).toBeGreaterThan(20);
    for (const { type, flags, control } of client.frames) {
      expect(FRAME_NAMES.has(type) || type === 0x3a5a).toBe(true);
      expect(flags & ~0x1f).toBe(0);
      const code = flags & Flag.ERROR ? ErrorInfo.decode(control).code : 5_002;
      expect(code).not.toBe(0);
      expect(errors).toContain(code);
    }
  });
});
