import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateSection } from '../../src/broker/keyed-state/state-section.ts';
import type { SnapshotSection } from '../../src/broker/snapshot-section.ts';
import { SnapshotWalk } from '../../src/broker/snapshot-walk.ts';
import { GroupKind, Snapshot, type SnapshotInit } from '../../src/index.ts';
import { batchOf } from './batches.ts';
import { runningBroker } from './broker-world.ts';

interface Thing {
  readonly key: number;
  readonly values: readonly number[];
}

/** Things that change; a snapshot says of topics their ids, of groups and producers the same in other fields. */
function sectionOf(things: Map<number, Thing>, slice: (items: readonly Thing[]) => SnapshotInit): SnapshotSection<number, Thing> {
  return {
    keys: () => [...things.keys()],
    capture: (key) => things.get(key),
    pieces: ({ key, values }) => values.map((value) => ({ key, values: [value] })),
    weigh: ({ values }) => values.length,
    slice,
  };
}

const thing = fc.record({ key: fc.nat(30), values: fc.array(fc.nat(), { minLength: 1, maxLength: 3_000 }) });
const change = fc.record({ key: fc.nat(40), remove: fc.boolean(), value: fc.nat() });

describe('a snapshot that is taken in slices', () => {
  it('says what there was at its beginning, whatever is changed, added and removed between the slices', () => {
    fc.assert(
      fc.property(
        fc.array(thing, { maxLength: 12 }),
        fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 20 }),
        (first, rounds) => {
          const things = new Map(first.map((one) => [one.key, one]));
          const before = [...things.values()].map(({ key, values }) => [key, values]);
          const section = sectionOf(things, (items) => ({
            topics: items.map(({ key, values }) => ({ topicId: key, queues: values.map((nextOffset) => ({ nextOffset })) })),
          }));
          const nothing = sectionOf(new Map(), () => ({}));
          let ended = 0;
          const walk = new SnapshotWalk(
            {
              head: { term: 7 },
              topics: section,
              groups: nothing as never,
              producers: nothing,
              keyedStates: new StateSection([]),
            },
            () => {
              ended++;
            },
          );
          const said = new Map<number, number[]>();
          const slices = walk[Symbol.iterator]();
          for (let round = 0; ; round++) {
            const { done, value } = slices.next();
            if (done === true) break;
            for (const { topicId = 0, queues = [] } of (value as SnapshotInit).topics ?? [])
              said.set(topicId, [...(said.get(topicId) ?? []), ...queues.map(({ nextOffset = 0 }) => nextOffset)]);
            for (const { key, remove, value: changed } of rounds[round] ?? []) {
              walk.touch({ topicId: key });
              if (remove) things.delete(key);
              else things.set(key, { key, values: [changed] });
            }
          }
          expect([...said]).toEqual(before);
          expect(ended).toBe(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of many topics, groups and producers takes many turns; what comes meanwhile stands behind it', () => {
    const world = runningBroker({ log: { snapshotBytes: 400_000 } });
    const client = world.client();
    const queues = 4;
    const topics = 3_000;
    for (let i = 0; i < topics; i++) client.call('TOPIC_CREATE', { topic: `topic-${i}`, queues });
    const commit = (offset: number) => {
      for (let from = 0; from < topics; from += 500) {
        const offsets = Array.from({ length: 500 }, (_, i) => ({ topic: `topic-${from + i}`, queue: 0, offset }));
        client.call('OFFSET_COMMIT', { group: 'g', kind: GroupKind.FREE, offsets });
      }
    };
    commit(0);
    const snapshots = () => [...world.disk.files.keys()].filter((name) => name.startsWith('snap/'));
    const had = snapshots().length;
    let sent = 0;
    const send = (i: number) => {
      const topic = `topic-${i % topics}`;
      expect(client.call('SEND', { topic, queue: i % queues }, [batchOf(['x'], { bytes: 100 })]).code).toBeUndefined();
      sent++;
    };
    // Until a snapshot is asked for; then between each of its slices something changes.
    for (let i = 0; snapshots().length === had && i < 20_000; i++) {
      send(i * 7);
      if (i % 7 === 6) world.advance(1);
    }
    const newest = snapshots().sort().at(-1) as string;
    const snapshot = Snapshot.decode(world.disk.files.get(newest)?.cache.subarray(4) ?? new Uint8Array(0));
    expect(snapshot.position).toBeLessThan(world.disk.files.get('log/00000000000000000000.seg')?.cache.length ?? 0);
    const stored = snapshot.topics.reduce(
      (sum, { queues: all }) => sum + all.reduce((n, { nextOffset }) => n + nextOffset, 0),
      0,
    );
    // Every message before its position, and none behind it.
    const log = world.disk.files.get('log/00000000000000000000.seg')?.cache ?? new Uint8Array(0);
    const view = new DataView(log.buffer, log.byteOffset + 64);
    let batches = 0;
    for (let at = 0; at < snapshot.position; at += view.getUint32(at)) if (view.getUint8(at + 9) === 1) batches++;
    expect(stored).toBe(batches);
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(sent);
    const again = runningBroker({}, world.disk).client();
    const total = Array.from({ length: topics }, (_, i) => again.call('TOPIC_DESCRIBE', { topic: `topic-${i}` }).headers)
      .flat()
      .flatMap(({ queues: all }) => all ?? [])
      .reduce((sum, { highWatermark }) => sum + highWatermark, 0);
    expect(total).toBe(sent);
    const fetched = again.call('OFFSET_FETCH', {
      group: 'g',
      queues: Array.from({ length: 500 }, (_, i) => ({ topic: `topic-${i * 5}`, queue: 0 })),
    });
    expect(fetched.header.offsets.every(({ committed, offset }) => committed && offset === 0)).toBe(true);
  }, 60_000);
});
