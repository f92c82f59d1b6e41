import { EngineContext, portablePlatform, QanatError, Random } from '@qanat/core';
import { expect, test } from 'vitest';
import type { LogBeginning } from '../../../src/broker/log/begin-log.ts';
import { SnapshotFetch } from '../../../src/broker/replication/snapshot-fetch.ts';
import { writeUint32At } from '../../../src/wire/bytes.ts';
import { Snapshot } from '../../../src/wire/gen/messages.ts';

const STORE = new Uint8Array(16).fill(7);

function snapshotFile(position: number, storeId = STORE): Uint8Array<ArrayBuffer> {
  const body = Snapshot.encode({ position, chain: 5, term: 3, storeId });
  const bytes = new Uint8Array(4 + body.length);
  writeUint32At(bytes, 0, portablePlatform.crc32(body, 0));
  bytes.set(body, 4);
  return bytes;
}

/** A fetch whose master is the test. */
function fetchWorld() {
  const context = new EngineContext(new Random(1));
  const asked: { header: object; done: (error: QanatError | undefined, response: unknown) => void }[] = [];
  const found: LogBeginning[] = [];
  let suspected = 0;
  const fetch = new SnapshotFetch({
    host: context,
    platform: portablePlatform,
    broker: 'b',
    storeId: STORE,
    link: (_address, events) => ({
      session: { request: (_name, header, _options, done) => void asked.push({ header, done: done as never }) },
      connect: () => events.onOpen(),
      close: () => {},
      suspect: () => void suspected++,
    }),
    done: (beginning) => void found.push(beginning),
  });
  fetch.follow('m:1');
  let nowMs = 0;
  return {
    fetch,
    asked,
    found,
    suspected: () => suspected,
    answer: (header: object, payload = new Uint8Array(0)) =>
      asked.at(-1)?.done(undefined, { header: { snapshot: 0, size: 0, oldest: 0, chain: 0, ...header }, payload }),
    fail: (error: QanatError) => asked.at(-1)?.done(error, undefined),
    wait: () => {
      nowMs += 1_000;
      context.enter(nowMs);
      context.timers.tick(nowMs);
    },
  };
}

test('a snapshot is fetched piece after piece; where the log begins is what the last answer says', () => {
  const world = fetchWorld();
  const bytes = snapshotFile(900);
  const head = { snapshot: 900, size: bytes.length };
  world.answer({ ...head, oldest: 100, chain: 1 }, bytes.slice(0, 10));
  expect(world.asked.at(-1)?.header).toEqual({ broker: 'b', snapshot: 900, offset: 10 });
  expect(world.found).toEqual([]);
  world.answer({ ...head, oldest: 200, chain: 2 }, bytes.slice(10));
  expect(world.found).toEqual([{ storeId: STORE, oldest: 200, chain: 2, snapshot: { position: 900, term: 3, bytes } }]);
});

test('without a lost beginning no snapshot is needed', () => {
  const world = fetchWorld();
  world.answer({ snapshot: 900, size: 50, oldest: 0 }, new Uint8Array(50));
  expect(world.found).toEqual([{ storeId: STORE, oldest: 0, chain: 0, snapshot: undefined }]);
});

test('a snapshot that went away meanwhile is begun again with the newest', () => {
  const world = fetchWorld();
  const bytes = snapshotFile(900);
  world.answer({ snapshot: 900, size: bytes.length, oldest: 100 }, bytes.slice(0, 10));
  world.fail(new QanatError('INVALID_ARGUMENT', 'gone'));
  world.wait();
  expect(world.asked).toHaveLength(3);
  expect(world.asked.at(-1)?.header).toEqual({ broker: 'b', snapshot: 0, offset: 0 });
});

test.each([
  ['is damaged', 100, snapshotFile(900).fill(1, 6, 8)],
  ['is of another store', 100, snapshotFile(900, new Uint8Array(16))],
  ['is before the oldest entry', 901, snapshotFile(900)],
])('a snapshot that %s is not taken', (_, oldest, bytes) => {
  const world = fetchWorld();
  world.answer({ snapshot: 900, size: bytes.length, oldest }, bytes);
  expect(world.found).toEqual([]);
  world.wait();
  expect(world.asked).toHaveLength(2);
});

test('a master that does not answer gets a new connection', () => {
  const world = fetchWorld();
  world.fail(new QanatError('TIMEOUT', 'late'));
  expect(world.suspected()).toBe(1);
});
