import { expect, test } from 'vitest';
import { decodeSnapshotFile } from '../../../src/broker/log/snapshot-store.ts';
import { portablePlatform } from '../../../src/index.ts';
import { MASTER, ReplicaWorld, SLAVE } from './replica-world.ts';

const broker = MASTER;

function agedMaster(): ReplicaWorld {
  const world = new ReplicaWorld();
  world.startMaster();
  world.ageMaster();
  return world;
}

test('QNT-RPL-060 QNT-RPL-061 the newest snapshot is read in pieces, and every answer tells where the log begins', () => {
  const world = agedMaster();
  const client = world.client(MASTER);
  const pieces: Uint8Array[] = [];
  let [snapshot, size, read] = [0, 1, 0];
  while (read < size) {
    const { error, response } = client.request('SNAPSHOT_READ', { broker, snapshot, offset: read, maxBytes: 30 });
    expect(error).toBeUndefined();
    expect(response.payload.length).toBe(Math.min(30, response.header.size - read));
    expect(response.header.oldest).toBe(world.oldestOf(MASTER));
    ({ snapshot, size } = response.header);
    pieces.push(response.payload);
    read += response.payload.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  expect(pieces.length).toBeGreaterThan(1);
  expect(decodeSnapshotFile(portablePlatform, bytes)?.position).toBe(snapshot);
  const newest = world.disk(MASTER).names.filter((name) => name.startsWith('snap/'));
  expect(Number(/\d+/.exec(newest.at(-1) as string)?.[0])).toBe(snapshot);
});

test('QNT-RPL-060 a master without a snapshot says so, with a size of 0', () => {
  const world = new ReplicaWorld();
  world.startMaster();
  const { response } = world.client(MASTER).request('SNAPSHOT_READ', { broker });
  expect(response.header).toMatchObject({ snapshot: 0, size: 0, oldest: 0, chain: 0 });
});

test('QNT-RPL-062 a snapshot that is gone, or a byte behind its end, is refused with INVALID_ARGUMENT', () => {
  const client = agedMaster().client(MASTER);
  expect(client.request('SNAPSHOT_READ', { broker, snapshot: 64 }).error?.code).toBe('INVALID_ARGUMENT');
  const { snapshot, size } = client.request('SNAPSHOT_READ', { broker }).response.header;
  expect(client.request('SNAPSHOT_READ', { broker, snapshot, offset: size }).error?.code).toBe('INVALID_ARGUMENT');
});

test('QNT-RPL-063 a snapshot is for slaves of this broker, and from its master only', () => {
  const world = new ReplicaWorld();
  world.startMaster();
  expect(world.client(MASTER).request('SNAPSHOT_READ', { broker: 'other' }).error?.code).toBe('WRONG_BROKER');
  world.startSlave();
  world.cluster.runUntil(() => world.same, 60_000);
  expect(world.client(SLAVE).request('SNAPSHOT_READ', { broker }).error?.code).toBe('NOT_MASTER');
});

test('QNT-RPL-064 one piece at a time is read for a connection', () => {
  const world = agedMaster();
  const client = world.client(MASTER);
  world.cluster.run(100);
  const asked = [client.ask('SNAPSHOT_READ', { broker }), client.ask('SNAPSHOT_READ', { broker })];
  world.cluster.run(100);
  expect(asked.map(({ answer }) => answer?.error?.code).sort()).toEqual(['LIMIT_EXCEEDED', undefined]);
});
