import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QueueState } from '../../src/broker/keyed-state/queue-state.ts';
import type { Chunk } from '../../src/broker/keyed-state/sorted-entries.ts';
import { bareQueue, StateSection } from '../../src/broker/keyed-state/state-section.ts';
import { SnapshotWalk } from '../../src/broker/snapshot-walk.ts';
import { type KeyedStateInit, readStateEntries, StateEntryFlag, utf8 } from '../../src/index.ts';
import { batchOf, messagesOf } from '../broker/batches.ts';
import { type BrokerWorld, runningBroker } from '../broker/broker-world.ts';
import { FakeDisk } from '../log/fake-disk.ts';
import { connect, type Put, payloadOf, place, type StateClient, stateWorld } from './state-world.ts';

const OPTIONS = { log: { segmentBytes: 3_000, snapshotBytes: 2_000 } };
const NOTHING = new Uint8Array(0);
const [ONE, TWO] = [new Uint8Array(1), new Uint8Array(2)];
const keyAt = (at: number): string => `k${String(at).padStart(6, '0')}`;
const KEYS = Array.from({ length: 12 }, (_, i) => `k${i}`);

type Step =
  | { readonly do: 'write'; readonly changes: readonly Put[] }
  | { readonly do: 'send'; readonly id: number }
  | { readonly do: 'disk'; readonly steps: number }
  | { readonly do: 'fail'; readonly what: 'append' | 'short' }
  | { readonly do: 'restart'; readonly cut: boolean; readonly seed: number }
  | { readonly do: 'stop' };

const change = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.string({ unit: fc.constant('v'), maxLength: 120, size: 'max' }), { nil: undefined }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      changes: fc.uniqueArray(change, { selector: ({ key }) => key, minLength: 1, maxLength: 6 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), id: fc.nat(5) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('disk' as const), steps: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), what: fc.constantFrom('append' as const, 'short') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('restart' as const), cut: fc.boolean(), seed: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const) }) },
);

/** What one write or send may have made of the state. */
interface Sent {
  readonly name: 'STATE_WRITE' | 'SEND';
  readonly changes: readonly (readonly [string, string | undefined])[];
  readonly correlation: number;
  readonly world: BrokerWorld;
  readonly state: StateClient;
}

/** A queue under writes and sends, and every state that it may be in. */
class Queue {
  readonly disk = new FakeDisk();
  world: BrokerWorld;
  state: StateClient;
  /** What was acknowledged last, and everything behind it that may be in effect. */
  certain = new Map<string, string>();
  open: Sent[] = [];
  version = 0;
  readonly acknowledgedIds = new Set<string>();

  constructor() {
    const made = stateWorld(OPTIONS, this.disk);
    this.world = made.world;
    this.state = made.state;
  }

  run(step: Step): void {
    if (step.do === 'write') {
      const correlation = this.state.client.send('STATE_WRITE', place, payloadOf(step.changes));
      this.#sent(
        'STATE_WRITE',
        correlation,
        step.changes.map(({ key, value }) => [key, value as string | undefined]),
      );
    } else if (step.do === 'send') {
      const dedupId = `d/${step.id}`;
      const correlation = this.state.client.send('SEND', { ...place, dedupId }, [batchOf([dedupId])]);
      this.#sent('SEND', correlation, []);
    } else if (step.do === 'disk') this.disk.pump(step.steps);
    else if (step.do === 'fail') this.disk.failNext(step.what);
    else this.#restart(step);
    this.#hear();
  }

  #sent(name: Sent['name'], correlation: number, changes: Sent['changes']): void {
    this.open.push({ name, changes, correlation, world: this.world, state: this.state });
  }

  /** Writes are in effect in their order: an answer decides what came before it, too. */
  #hear(): void {
    for (const one of [...this.open]) {
      const answer = one.state.client.answer(one.name, one.correlation);
      if (answer === undefined) continue;
      this.open.splice(this.open.indexOf(one), 1);
      if (answer.code !== undefined) {
        expect(answer.code).toBe('STORAGE_REJECTED');
        continue;
      }
      for (const [key, value] of one.changes) this.#apply(this.certain, key, value);
      if (one.name === 'STATE_WRITE') {
        const { version } = answer.header as { version: number };
        expect(version).toBeGreaterThan(this.version);
        this.version = version;
      }
    }
  }

  #apply(map: Map<string, string>, key: string, value: string | undefined): void {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }

  #restart(step: Extract<Step, { do: 'restart' | 'stop' }>): void {
    if (step.do === 'stop') {
      this.world.broker.stop(this.world.nowMs);
      this.world.perform();
      this.disk.pump();
      this.#hear();
    }
    if (step.do === 'restart' && step.cut) this.disk.powerCut(step.seed);
    else this.disk.kill();
    this.world = runningBroker(OPTIONS, this.disk);
    this.state = connect(this.world);
    this.check();
  }

  /** The state is what was acknowledged and some prefix of what was not, whole; sends are stored once. */
  check(): void {
    this.disk.pump();
    this.#hear();
    const found = new Map(this.state.scan('k').entries.map((entry) => entry.split('@')[0]?.split('=') as [string, string]));
    const candidates = [new Map(this.certain)];
    for (const { changes } of this.open) {
      const next = new Map(candidates.at(-1));
      for (const [key, value] of changes) this.#apply(next, key, value);
      candidates.push(next);
    }
    const plain = (map: ReadonlyMap<string, string>): string => JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
    expect(candidates.map(plain)).toContain(plain(found));
    this.certain = found;
    this.open = [];
    const { payload } = this.state.client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0 }] }] });
    const stored = messagesOf(payload);
    const ids = stored.map((message) => message.split(':')[1]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(this.state.scan('d/').entries.map((entry) => entry.split('=')[0])).toEqual(ids.toSorted());
    const { version } = this.state.scan();
    expect(version).toBeGreaterThanOrEqual(this.version);
    this.version = version;
  }
}

describe('keyed state', () => {
  it('is what was acknowledged and whole writes behind it, whatever fails; sends with an id are stored once [QNT-KST-003, QNT-KST-005, QNT-KST-007, QNT-KST-023, QNT-KST-026]', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const queue = new Queue();
        for (const one of steps) queue.run(one);
        queue.check();
      }),
      { numRuns: 150 },
    );
  });

  it('is in a snapshot as it was when that was begun, while keys come and go and chunks are cut [QNT-LOG-007]', () => {
    const run = fc.record({ start: fc.nat(4_000), stride: fc.constantFrom(1, 5, 20), remove: fc.boolean(), slices: fc.nat(3) });
    fc.assert(
      fc.property(fc.nat(3_000), fc.array(run, { maxLength: 30, size: 'max' }), (first, runs) => {
        const queue = new QueueState(7, 3);
        const nothing = { keys: () => [], capture: () => undefined, pieces: () => [], weigh: () => 0, slice: () => ({}) };
        let version = 0;
        const write = (keys: readonly string[], value: Uint8Array | undefined, touch: (chunk: Chunk) => void): void => {
          const flags = value === undefined ? StateEntryFlag.REMOVED : 0;
          const entries = keys.map((key) => ({ key: utf8(key), flags, version: 0, value: value ?? NOTHING }));
          queue.apply(++version, entries, touch);
        };
        write(
          Array.from({ length: first }, (_, i) => keyAt(2 * i)),
          ONE,
          () => {},
        );
        const before = [...queue.entries.from('')];
        const parts = [
          bareQueue(7, 3, version),
          ...queue.entries.chunks().map((chunk) => ({ ...bareQueue(7, 3, version), chunk })),
        ];
        const sections = { topics: nothing, groups: nothing, producers: nothing, keyedStates: new StateSection(parts) };
        const walk = new SnapshotWalk({ head: {}, ...sections } as never, () => {});
        const slices = walk[Symbol.iterator]();
        const said: KeyedStateInit[] = [];
        const take = (): boolean => {
          const { done, value } = slices.next();
          if (done !== true) said.push(...(value.keyedStates ?? []));
          return done !== true;
        };
        for (const { start, stride, remove, slices: count } of runs) {
          for (let i = 0; i < count; i++) take();
          const keys = Array.from({ length: 200 }, (_, i) => keyAt(start + i * stride));
          write(keys, remove ? undefined : TWO, (chunk) => walk.touch({ chunk }));
        }
        while (take());
        const restored = new QueueState(7, 3);
        for (const state of said) restored.restore(state.version ?? 0, readStateEntries(state.entries ?? NOTHING));
        expect([...restored.entries.from('')]).toEqual(before);
        expect(restored.version).toBe(1);
      }),
      { numRuns: 40 },
    );
  });
});
