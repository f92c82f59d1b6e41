import { QanatError } from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backlogEntries, Gathering } from '../../src/cluster/backlog.ts';
import { decodeIndex, encodeIndex } from '../../src/cluster/index-record.ts';
import { PLACES_MAX, POINTERS_PER_ENTRY_MAX, RETAINED_BYTES_MAX, SESSION_RECORD_BYTES_MAX } from '../../src/cluster/limits.ts';
import { decodePointers, encodePointers, indexedEntries } from '../../src/cluster/pointers.ts';
import { QueueTable } from '../../src/cluster/queue-table.ts';
import { decodeRetained, encodeRetained } from '../../src/cluster/retained-record.ts';
import { decodeSession, encodeSession, type SessionRecord, withoutUndefined } from '../../src/cluster/session-record.ts';
import { clientKey, pointersKey, retainedKey, sessionKey } from '../../src/cluster/state-keys.ts';
import { StoredMessage } from '../../src/cluster/stored-publication.ts';

const offset = fc.nat({ max: 2 ** 40 });
const offsets = fc.uniqueArray(offset, { maxLength: 50, size: 'max' }).map((list) => list.toSorted((a, b) => a - b));
const textArb = fc.string({ maxLength: 20, size: 'max' });
const bytes = fc.uint8Array({ maxLength: 40, size: 'max' });
const some = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arb, { nil: undefined });
const pairs = fc.array(fc.tuple(textArb, textArb), { minLength: 1, maxLength: 4, size: 'max' });
const carried = {
  payloadFormatIndicator: some(fc.constantFrom(0 as const, 1 as const)),
  contentType: some(textArb),
  responseTopic: some(textArb),
  correlationData: some(bytes),
  userProperties: some(pairs),
};
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const cursor = fc.array(fc.tuple(textArb, offset), { maxLength: 5, size: 'max' }).map((list) => new Map(list));

const record: fc.Arbitrary<SessionRecord> = fc.record({
  clientId: textArb,
  claim: offset,
  owner: some(textArb),
  offlineSinceMs: offset,
  expiryInterval: fc.nat({ max: 0xffff_ffff }),
  principal: textArb,
  subscriptions: fc.array(
    fc.record({
      filter: textArb,
      qos,
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
      retainHandling: qos,
      subscriptionIdentifier: some(fc.integer({ min: 1, max: 268_435_455 })),
    }),
    { maxLength: 5, size: 'max' },
  ),
  cursor,
  pointersFrom: offset,
  checkpointsFrom: offset,
  sentUntilMs: offset,
  inbound: some(textArb),
  will: some(
    fc.record({
      topic: textArb,
      payload: bytes,
      qos,
      retain: fc.boolean(),
      properties: fc
        .record({ ...carried, willDelayInterval: some(offset), messageExpiryInterval: some(offset) })
        .map(withoutUndefined),
    }),
  ),
  willDueMs: offset,
});

/** What every kind of entry has to bear: the same comes back, and bytes that were cut or are of another format are refused. */
function bears<T>(arb: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T): void {
  fc.assert(
    fc.property(arb, (value) => {
      expect(decode(encode(value))).toEqual(value);
    }),
  );
  fc.assert(
    fc.property(arb, fc.nat(), (value, cut) => {
      const whole = encode(value);
      const part = whole.slice(0, cut % whole.length);
      expect(() => decode(part)).toThrow(QanatError);
      expect(() => decode(Uint8Array.from([99, ...whole.slice(1)]))).toThrow(/format 99/);
    }),
  );
}

describe('what a bridge stores comes back, and what is damaged is refused', () => {
  test('session records', () => bears(record, encodeSession, decodeSession));

  test('pointers', () => {
    const scan = some(fc.record({ from: offset, to: fc.oneof(offset, fc.constant(Number.POSITIVE_INFINITY)) }));
    bears(fc.record({ queue: textArb, claim: offset, offsets, scan }), encodePointers, decodePointers);
  });

  test('positions of an index', () => {
    bears(fc.record({ queue: textArb, position: offset, seen: cursor }), encodeIndex, decodeIndex);
  });

  test('retained messages', () => {
    const queues = new QueueTable();
    const queue = queues.numberOf({ topic: 'mqtt', broker: 'broker-a', queue: 3 });
    const properties = some(fc.record({ ...carried, expiresAtMs: some(offset) }).map(withoutUndefined));
    const message = fc
      .record({ topic: textArb, qos, retain: fc.constant(true), payload: bytes, clientId: some(textArb), properties })
      .chain((publication) => fc.tuple(fc.constant(publication), offset, offset))
      .map(([publication, at, timeMs]) => new StoredMessage(publication, publication.payload, queue, at, timeMs));
    bears(
      message,
      (value) => encodeRetained(value, queues),
      (stored) => decodeRetained(stored, queues) as StoredMessage,
    );
  });
});

test('pointers that are one behind the other take a byte each', () => {
  const list = Array.from({ length: 1_000 }, (_, i) => 1_000_000 + i * 20);
  const value = encodePointers({ queue: 'mqtt/a/0', claim: 1, offsets: list, scan: undefined });
  expect(value.length).toBeLessThan(1_030);
});

test('of an indexed span every place is in some entry, and a dense one costs one entry', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 20_000 }), { maxLength: 400, size: 'max' }), (list) => {
      const sorted = list.toSorted((a, b) => a - b);
      const found = new Set<number>();
      for (const { value } of indexedEntries('c', 1, 'mqtt/a/0', sorted, 30_000)) {
        const { offsets: some, scan } = decodePointers(value);
        for (const place of some) found.add(place);
        for (let at = scan?.from ?? 0; at < (scan?.to ?? 0); at++) found.add(at);
      }
      expect(sorted.every((place) => found.has(place))).toBe(true);
    }),
  );
  const dense = Array.from({ length: 10_000 }, (_, i) => i);
  expect(indexedEntries('c', 1, 'mqtt/a/0', dense, 30_000)).toHaveLength(1);
});

test('a backlog that was saved is the backlog that comes back', () => {
  const queues = new QueueTable();
  for (let queue = 0; queue < 3; queue++) queues.numberOf({ topic: 'mqtt', broker: 'broker-a', queue });
  const place = fc.record({ queue: fc.nat({ max: 2 }), offset: fc.nat({ max: 1_000 }) });
  const key = ({ queue, offset }: { queue: number; offset: number }): number => queue * 10_000 + offset;
  fc.assert(
    fc.property(fc.uniqueArray(place, { maxLength: 60, size: 'max', selector: key }), (unordered) => {
      const places = unordered.toSorted((a, b) => key(a) - key(b));
      const gathering = new Gathering();
      const entries = backlogEntries('c', 1, { places, scanFrom: [], maybeSent: [], exchanges: [] }, queues);
      for (const value of entries.values()) {
        const pointers = decodePointers(value);
        gathering.addPointers(queues.numberOfName(pointers.queue), pointers);
      }
      expect(gathering.end([], [], []).places).toEqual(places);
    }),
  );
});

test('beyond PLACES_MAX a queue is scanned, from the first place that is not listed', () => {
  const gathering = new Gathering();
  for (let offset = 0; offset < PLACES_MAX + 10; offset++) gathering.add(0, offset);
  gathering.add(1, 5);
  const { places, scanFrom } = gathering.end([], [], []);
  expect(places).toHaveLength(PLACES_MAX);
  expect(scanFrom).toEqual([
    { queue: 0, offset: PLACES_MAX },
    { queue: 1, offset: 5 },
  ]);
});

test('pointers beyond POINTERS_PER_ENTRY_MAX make another entry', () => {
  const sparse = Array.from({ length: POINTERS_PER_ENTRY_MAX + 1 }, (_, i) => i * 3);
  const entries = indexedEntries('c', 1, 'mqtt/a/0', sparse, 100_000);
  expect(entries.map(({ value }) => decodePointers(value).offsets.length)).toEqual([POINTERS_PER_ENTRY_MAX, 1]);
});

test('keys: no session has a prefix of the keys of another one, and none is too long', () => {
  expect(clientKey('a/b')).not.toContain('/');
  fc.assert(
    fc.property(fc.string({ maxLength: 400, size: 'max', unit: 'grapheme' }), fc.string({ maxLength: 10 }), (one, other) => {
      const keys = [sessionKey(one), pointersKey(one, 2 ** 50, 'mqtt/broker-a/0', 2 ** 50, 2 ** 50), retainedKey(one)];
      for (const stored of keys) expect(Buffer.byteLength(stored)).toBeLessThanOrEqual(512);
      if (one !== other) expect(clientKey(one)).not.toBe(clientKey(other));
    }),
  );
  expect(clientKey('#00')).not.toBe('#00');
  expect(clientKey('x'.repeat(60_000))).toMatch(/^#[0-9a-f]{32}$/);
});

test('a record beyond SESSION_RECORD_BYTES_MAX, or a retained message beyond RETAINED_BYTES_MAX, is refused', () => {
  const [sample] = fc.sample(record, 1);
  const payload = new Uint8Array(600_000);
  const will = { topic: 't', payload, qos: 0 as const, retain: false };
  expect(payload.length).toBeGreaterThan(SESSION_RECORD_BYTES_MAX);
  expect(() => encodeSession({ ...(sample as SessionRecord), will })).toThrow(QanatError);
  const queues = new QueueTable();
  const queue = queues.numberOf({ topic: 'mqtt', broker: 'broker-a', queue: 3 });
  const large = { topic: 't', qos: 1 as const, retain: true, payload: new Uint8Array(RETAINED_BYTES_MAX) };
  const message = new StoredMessage({ ...large, clientId: undefined, properties: undefined }, large.payload, queue, 0, 0);
  expect(() => encodeRetained(message, queues)).toThrow(QanatError);
});
