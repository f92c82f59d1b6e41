// Goal: a NameServer tells what is on record only when it is durable, and takes nothing below what it has.
import { codecOfRequest, Feature, type GroupRecordInit, LIMITS, NameServer, type QanatError, Random } from '@qanat/core';
import { DiskFaults, MemoryStorage, VirtualClock, VirtualNetwork, VirtualNode } from '@qanat/simulator';
import { describe, expect, it } from 'vitest';
import { SessionClient } from '../session-client.ts';

const record = (more: GroupRecordInit = {}): GroupRecordInit => ({
  storeId: new Uint8Array(16).fill(1),
  term: 1,
  master: 0,
  version: 1,
  inSync: [{ replica: 0, incarnation: 2 ** 47 + 1 }],
  ...more,
});
const PUT = codecOfRequest('RECORD_PUT');
const RECORDS = { minor: 3, features: [Feature.FEATURE_REPLICATION] };

/** A NameServer on a disk; without one it keeps no records. */
function world(disk?: MemoryStorage, clock = new VirtualClock(), brokersMax?: number, minor?: number) {
  const network = new VirtualNetwork(clock);
  const limits = { ...(brokersMax === undefined ? {} : { brokersMax }), ...(minor === undefined ? {} : { session: { minor } }) };
  const keepsRecords = disk !== undefined;
  const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), keepsRecords, ...limits });
  const storage = disk === undefined ? {} : { storage: disk };
  const node = new VirtualNode(engine, { name: 'ns', clock, transport: network.transport('ns'), ...storage });
  node.start();
  node.listen('ns:7600', () => {});
  clock.run(clock.nowMs() + 1);
  let clients = 0;
  const client = (): SessionClient => new SessionClient(clock, network, `host-${++clients}`, 'ns:7600', RECORDS);
  const own = client();
  const put = (text: GroupRecordInit, broker = 'b', from = own): QanatError | undefined =>
    from.request('RECORD_PUT', { broker, record: text }).error;
  const get = (broker = 'b', from = own) => from.request('RECORD_GET', { broker }).response.header?.record;
  return { clock, engine, node, client, own, put, get };
}

const onDisk = (brokersMax?: number, minor?: number) => {
  const clock = new VirtualClock();
  return world(new MemoryStorage(clock), clock, brokersMax, minor);
};

describe('records of broker groups', () => {
  it('are taken with a higher version of the same master or of a higher term, or the same once more [QNT-REG-032]', () => {
    const { put, get } = onDisk();
    expect(get()).toBeUndefined();
    for (const [term, version] of [[1, 1], [1, 3], [1, 3], [2, 4], [7, 5]] as const) // biome-ignore format: pairs
      expect(put(record({ term, version }))).toBeUndefined();
    for (const [term, version] of [[6, 9], [8, 5], [8, 1], [7, 4], [1, 1]] as const) // biome-ignore format: pairs
      expect(put(record({ term, version }))?.code).toBe('TERM_FENCED');
    for (const version of [5, 6])
      expect(put(record({ term: 7, version, master: 1 }))?.code, `version ${version}`).toBe('TERM_FENCED');
    expect(get()).toMatchObject({ term: 7, version: 5, master: 0, inSync: [{ replica: 0, incarnation: 2 ** 47 + 1 }] });
    expect(get('another')).toBeUndefined();
  });

  it('survive a power cut once they are confirmed, and are not told before [QNT-REG-033]', () => {
    const clock = new VirtualClock();
    const disk = new MemoryStorage(clock, { syncMs: 50 });
    const { own, client, get, put } = world(disk, clock);
    const reader = client();
    put(record());
    own.call((nowMs) => {
      own.engine.context.enter(nowMs);
      own.engine.session.request(
        'RECORD_PUT',
        { broker: 'b', record: record({ version: 2 }) },
        { timeoutMs: 9_000, codec: PUT },
        () => {},
      );
    });
    clock.run(clock.nowMs() + 10);
    expect(get('b', reader)?.version).toBe(1);
    clock.run(clock.nowMs() + 100);
    expect(get('b', reader)?.version).toBe(2);
    const { get: getAgain, put: putAgain } = world(disk.crash(), clock);
    expect(getAgain()?.version).toBe(2);
    expect(putAgain(record())?.code).toBe('TERM_FENCED');
  });

  it('are refused with STORAGE_FAILED when the file cannot be written, and what was held still holds [QNT-REG-033]', () => {
    const clock = new VirtualClock();
    const faults = new DiskFaults(new Random(3));
    const { put, get } = world(new MemoryStorage(clock, { faults }), clock);
    put(record());
    faults.fail('replace', 1);
    const failed = put(record({ version: 2 }));
    expect(failed).toMatchObject({ code: 'STORAGE_FAILED', outcome: 'unknown' });
    expect(get()?.version).toBe(1);
    expect(put(record({ version: 2 }))).toBeUndefined();
    expect(get()?.version).toBe(2);
  });

  it('that come during a write are the next one, each answered by what becomes of it [QNT-REG-033]', () => {
    const clock = new VirtualClock();
    const { own, get } = world(new MemoryStorage(clock, { syncMs: 20 }), clock);
    const codes: string[] = [];
    const send = (text: GroupRecordInit): void =>
      own.call((nowMs) => {
        own.engine.context.enter(nowMs);
        const options = { timeoutMs: 9_000, codec: PUT };
        own.engine.session.request('RECORD_PUT', { broker: 'b', record: text }, options, (error) =>
          codes.push(`${text.version} ${error?.code ?? 'ok'}`),
        );
      });
    for (const version of [1, 1, 2, 3, 2, 3]) send(record({ version }));
    clock.run(clock.nowMs() + 200);
    expect(codes.sort()).toEqual(['1 ok', '1 ok', '2 TERM_FENCED', '2 ok', '3 ok', '3 ok']);
    expect(get()?.version).toBe(3);
  });

  it('are refused without broker name, store id or term, and changed by none of that [QNT-REG-034]', () => {
    const { own, put, get } = onDisk();
    put(record());
    expect(own.request('RECORD_PUT', { broker: 'b' }).error?.code).toBe('INVALID_ARGUMENT');
    expect(put(record({ term: 0 }))?.code).toBe('INVALID_ARGUMENT');
    expect(put(record({ term: 2, storeId: new Uint8Array(0) }))?.code).toBe('INVALID_ARGUMENT');
    expect(put(record(), '')?.code).toBe('INVALID_ARGUMENT');
    expect(put(record(), '-')?.code).toBe('INVALID_NAME');
    expect(own.request('RECORD_GET', { broker: '' }).error?.code).toBe('INVALID_ARGUMENT');
    expect(get()?.term).toBe(1);
  });

  it('are of BROKERS_MAX groups at most [QNT-REG-034]', () => {
    const { put } = onDisk(2);
    expect(put(record(), 'b1')).toBeUndefined();
    expect(put(record(), 'b2')).toBeUndefined();
    expect(put(record(), 'b3')?.code).toBe('LIMIT_EXCEEDED');
    expect(put(record({ term: 2, version: 2 }), 'b1')).toBeUndefined();
    expect(LIMITS.BROKERS_MAX).toBeGreaterThan(2);
  });

  it('are kept by a NameServer with a store alone, which offers the feature [QNT-REG-031]', () => {
    for (const keepsNone of [world(), onDisk(undefined, 2)]) {
      expect(keepsNone.put(record())?.code).toBe('UNSUPPORTED_FEATURE');
      expect(keepsNone.own.engine.session.hello?.features).toEqual([]);
    }
    const { own, put } = onDisk();
    expect(put(record())).toBeUndefined();
    expect(own.engine.session.hello?.features).toEqual([Feature.FEATURE_REPLICATION]);
  });
});

describe('the file of records', () => {
  const damaged = (change: (bytes: Uint8Array) => Uint8Array): QanatError | undefined => {
    const clock = new VirtualClock();
    const disk = new MemoryStorage(clock);
    world(disk, clock).put(record());
    let bytes = new Uint8Array(0);
    disk.read('group-records', 0, 10_000, (_error, read) => {
      bytes = new Uint8Array(read);
    });
    clock.run(clock.nowMs() + 10);
    const again = new VirtualClock();
    const next = new MemoryStorage(again);
    next.replace('group-records', change(bytes), () => {});
    again.run(10);
    return world(next, again).node.failure;
  };

  it('keeps the NameServer from starting when it is damaged, and says what to do', () => {
    expect(damaged((bytes) => bytes)).toBeUndefined();
    for (const at of [0, 4, 9, 20]) {
      const failure = damaged((bytes) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)));
      expect(failure).toMatchObject({ code: 'CORRUPT_LOG' });
      expect(failure?.hint).toMatch(/restore the file/);
    }
    expect(damaged((bytes) => bytes.subarray(0, bytes.length - 1))?.code).toBe('CORRUPT_LOG');
    expect(damaged(() => new Uint8Array(0))?.code).toBe('CORRUPT_LOG');
  });

  it('is closed before the NameServer has stopped', () => {
    const clock = new VirtualClock();
    const disk = new MemoryStorage(clock);
    const { node, put } = world(disk, clock);
    put(record());
    node.call((engine, nowMs) => engine.stop(nowMs));
    clock.run(clock.nowMs() + 10_000);
    expect(node.ended).toBe(true);
    expect(world(disk.reopen(), clock).get()?.version).toBe(1);
  });
});
