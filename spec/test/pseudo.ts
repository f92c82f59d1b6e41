// The pseudo-code of the specification, and what it is compared with: it is the oracle, the core's functions are under test.
import {
  ACTIONS,
  allocateAveragely,
  allocateByCircle,
  allocateSticky,
  EngineContext,
  GroupKind,
  HelloOk,
  mayDo,
  principalOf,
  queueHash,
  queueOfKey,
  Random,
  RESOURCE_KINDS,
  ROLES,
  Strategy,
  textChecksum,
  utf8,
} from '@qanat/core';
import { matches } from '@qanat/mqtt';
import fc from 'fast-check';
import { expect } from 'vitest';
import { Groups } from '../../packages/core/src/broker/groups/groups.ts';
import { LeaseTable } from '../../packages/core/src/broker/groups/lease-table.ts';
import { planCommit } from '../../packages/core/src/broker/groups/offsets.ts';
import { topicTarget } from '../../packages/core/src/broker/groups/target.ts';
import { LIMITS } from '../../packages/core/src/wire/gen/registry.ts';
import { stateWorld } from '../../packages/core/test/keyed-state/state-world.ts';
import { testPlatform } from '../../packages/core/test/platform.ts';
import { type SequenceStep, sequenceJudge } from './families.ts';
import { fencesOf, pages } from './fences.ts';
import { greet } from './session-player.ts';

type Any = (...args: never[]) => unknown;

/** Names that pseudo-code may use without saying what they are. */
const given = {
  crc32: (bytes: Uint8Array): number => testPlatform.crc32(bytes, 0),
  utf8,
  UNKNOWN_OFFSET: Number.MAX_SAFE_INTEGER,
  PRODUCER_BATCHES_REMEMBERED: LIMITS.PRODUCER_BATCHES_REMEMBERED,
};

/** The last function of a fence, and its name. Functions of other fences may be called. */
export function pseudoOf(body: string): { readonly name: string; readonly run: Any } {
  const name = [...body.matchAll(/^function (\w+)/gm)].at(-1)?.[1];
  if (name === undefined) throw new Error('pseudo-code begins with a function');
  const others = [...everyPseudo()].filter((other) => other !== body).join('\n');
  const run = new Function(...Object.keys(given), `'use strict';\n${others}\n${body}\nreturn ${name};`)(...Object.values(given));
  return { name, run: run as Any };
}

function* everyPseudo(): IterableIterator<string> {
  for (const file of pages()) for (const { info, body } of fencesOf(file)) if (info[0] === 'pseudo') yield body;
}

function pseudo(name: string): (...args: unknown[]) => unknown {
  for (const body of everyPseudo())
    if (pseudoOf(body).name === name) return pseudoOf(body).run as (...args: unknown[]) => unknown;
  throw new Error(`no pseudo-code ${name}`);
}

const check = (property: fc.IProperty<never>): void => fc.assert(property as fc.IProperty<unknown>, { numRuns: 300 });
const property = <T extends unknown[]>(
  ...args: [...{ [K in keyof T]: fc.Arbitrary<T[K]> }, (...values: T) => void]
): fc.IProperty<never> => (fc.property as (...all: unknown[]) => unknown)(...args) as fc.IProperty<never>;

const below = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const broker = fc.constantFrom('a', 'b', 'b-2', 'c', 'z');
const shares = fc.uniqueArray(fc.record({ broker, queues: fc.integer({ min: 1, max: 9 }) }), {
  selector: (share) => share.broker,
  minLength: 1,
});
const queuesOf = (list: readonly { broker: string; queues: number }[]): { broker: string; queue: number }[] =>
  [...list]
    .sort((a, b) => (a.broker < b.broker ? -1 : 1))
    .flatMap((share) => Array.from({ length: share.queues }, (_, queue) => ({ broker: share.broker, queue })));

const strategyAndHolders = fc.record({
  strategy: fc.constantFrom('AVERAGELY' as const, 'CIRCLE' as const, 'STICKY' as const),
  held: fc.array(fc.option(fc.constantFrom('m0', 'm1', 'm2', 'm5', 'gone'), { nil: undefined }), { maxLength: 9, size: 'max' }),
});

/** What each pseudo-code is compared with, by the name of its last function. */
export const pseudoProperties: Readonly<Record<string, () => void>> = {
  negotiate() {
    const run = pseudo('negotiate');
    const feature = fc.oneof(fc.constant(1), below(100));
    const hello = fc.record({
      minor: below(9),
      features: fc.array(feature),
      requiredFeatures: fc.array(feature, { maxLength: 1 }),
      idleMs: below(120_000),
    });
    check(
      property(hello, fc.integer({ min: 1, max: 90_000 }), below(3), fc.boolean(), (asked, idleMs, minor, asks) => {
        const features = asks ? [1] : [];
        const { error, header } = greet({ idleMs, minor, features }, asked);
        const answer = error === undefined ? HelloOk.decode(header as Uint8Array) : undefined;
        const result =
          answer === undefined ? { error } : { minor: answer.minor, features: answer.features, idleMs: answer.idleMs };
        expect(result).toEqual(run({ minor, features, idleMs }, asked));
      }),
    );
  },

  writeState() {
    const run = pseudo('writeState');
    const change = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      value: fc.option(fc.constantFrom('', 'x', 'yy'), { nil: undefined }),
      /** The version that the key has, another one, or none that is expected. */
      expects: fc.constantFrom('has', 'other', 'nothing', 'nothing'),
    });
    const write = fc.uniqueArray(change, { selector: ({ key }) => key, minLength: 1 });
    check(
      property(fc.array(write, { maxLength: 12, size: 'max' }), (writes) => {
        const { state } = stateWorld();
        const model = { entries: new Map<string, { version: number; value: string }>(), version: 0, next: 2 ** 32 };
        for (const changes of writes) {
          const asked = changes.map(({ key, value, expects }) => {
            const has = model.entries.get(key)?.version ?? 0;
            return { key, value, ...(expects === 'nothing' ? {} : { expected: expects === 'has' ? has : has + 1 }) };
          });
          const { code, version } = state.write(...asked);
          expect(code === undefined ? { version } : { error: code }).toEqual(run(model, asked));
          const entries = [...model.entries].sort(([a], [b]) => (a < b ? -1 : 1));
          expect(state.scan()).toEqual({
            entries: entries.map(([key, entry]) => `${key}=${entry.value}@${entry.version}`),
            more: false,
            version: model.version,
          });
        }
      }),
    );
  },

  selects() {
    const run = pseudo('selects');
    const level = fc.constantFrom('a', 'b', '', '$s');
    const topic = fc.array(level, { minLength: 1, maxLength: 4, size: 'max' }).map((levels) => levels.join('/'));
    const filter = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4, size: 'max' }), fc.constantFrom([], ['#']))
      .map(([levels, tail]) => [...levels, ...tail].join('/'))
      .filter((text) => text !== '');
    check(property(filter, topic, (wanted, name) => void expect(matches(wanted, name)).toBe(run(wanted, name))));
  },

  mayDo() {
    const run = pseudo('mayDo');
    const action = fc.constantFrom(...ACTIONS);
    const kind = fc.constantFrom(...RESOURCE_KINDS);
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 3 }).map((text) => `x${text}`);
    const grant = fc.record({ actions: fc.subarray([...ACTIONS], { minLength: 1 }), kind, name, star: fc.boolean() });
    const roles = fc.subarray([...ROLES], { minLength: 1 });
    check(
      property(roles, fc.array(grant, { maxLength: 5, size: 'max' }), action, kind, name, (has, grants, asked, of, called) => {
        const permissions = grants.map((one) => `${one.actions.join(',')} ${one.kind}:${one.name}${one.star ? '*' : ''}`);
        const principal = principalOf({ name: 'p', roles: has, permissions });
        expect(mayDo(principal, asked, of, called)).toBe(run({ roles: has, grants }, asked, of, called));
      }),
    );
  },

  allocate() {
    const run = pseudo('allocate');
    check(
      property(below(60), fc.integer({ min: 1, max: 70 }), (queueCount, memberCount) => {
        const queues = Array.from({ length: queueCount }, (_, i) => i);
        const members = Array.from({ length: memberCount }, (_, i) => `m${i}`);
        members.forEach((member, index) => {
          const { start, count } = allocateAveragely(queueCount, memberCount, index);
          expect(queues.slice(start, start + count)).toEqual(run(queues, members, member));
        });
      }),
    );
  },

  circle() {
    const run = pseudo('circle');
    check(
      property(below(60), fc.integer({ min: 1, max: 70 }), (queueCount, memberCount) => {
        const queues = Array.from({ length: queueCount }, (_, i) => i);
        const members = Array.from({ length: memberCount }, (_, i) => `m${i}`);
        members.forEach((member, index) => {
          expect(queues.filter((queue) => allocateByCircle(queue, memberCount) === index)).toEqual(run(queues, members, member));
        });
      }),
    );
  },

  stick() {
    const run = pseudo('stick');
    const member = fc.constantFrom('a', 'b', 'c', 'd');
    const holder = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'gone'), { nil: undefined });
    check(
      property(fc.array(fc.tuple(member, holder), { maxLength: 40, size: 'max' }), (queues) => {
        const owners = queues.map(([owner]) => owner).sort();
        const held = queues.map(([, holds]) => holds);
        const members = ['a', 'b', 'c', 'd'];
        expect(allocateSticky(owners, members, (queue) => held[queue])).toEqual(run(owners, members, held));
      }),
    );
  },

  target() {
    const run = pseudo('target');
    check(
      property(
        shares,
        below(12),
        fc.boolean(),
        below(9),
        strategyAndHolders,
        (list, memberCount, stale, staleQueues, division) => {
          const members = Array.from({ length: memberCount }, (_, i) => `m${i}`);
          const sorted = [...list].sort((a, b) => (a.broker < b.broker ? -1 : 1));
          const own = sorted[0] as { broker: string; queues: number };
          const seen = stale ? sorted.map((share) => (share === own ? { ...share, queues: staleQueues } : share)) : sorted;
          const { strategy, held } = division;
          const { owners, queues } = topicTarget(members, seen, own.broker, own.queues, {
            strategy: Strategy[strategy],
            holder: (queue) => held[queue],
          });
          expect(queues).toBe(queuesOf(list).length);
          const wanted = run(queuesOf(list), members, own.broker, strategy, held);
          expect(Array.from({ length: own.queues }, (_, queue) => owners[queue])).toEqual(wanted);
        },
      ),
    );
  },

  queueOfKey() {
    const run = pseudo('queueOfKey');
    check(
      property(
        shares,
        fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((key) => !/\p{Surrogate}/u.test(key)),
        (list, key) => {
          const queues = queuesOf(list);
          const hashes = queues.map((queue) => queueHash(testPlatform, queue.broker, queue.queue));
          expect(queues[queueOfKey(textChecksum(testPlatform, key), hashes)]).toEqual(run(key, queues));
        },
      ),
    );
  },

  acceptBatch() {
    const run = pseudo('acceptBatch');
    const batch = fc.record({
      back: fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 80 })),
      count: fc.integer({ min: 1, max: 3 }),
      checksum: below(1),
    });
    check(
      property(fc.array(batch, { maxLength: 200, size: 'max' }), (batches) => {
        const judge = sequenceJudge();
        const state = { next: 0, offset: 0, batches: [] as unknown[] };
        for (const { back, count, checksum } of batches) {
          const step: SequenceStep = { base: (state.next - back) >>> 0, count, checksum };
          expect(judge(step)).toEqual(run(state, step));
        }
      }),
    );
  },

  fence() {
    const run = pseudo('fence');
    const name = fc.constantFrom('m1', 'm2', 'm3');
    const lease = fc.option(fc.record({ member: name, epoch: fc.integer({ min: 1, max: 3 }) }), { nil: undefined });
    check(
      property(lease, fc.record({ member: name, epoch: below(3) }), (held, request) => {
        const groups = new Groups({ ...emptyHost, engine: new EngineContext(new Random(1)) } as never);
        const leases = held === undefined ? [] : [{ group: 'g', topicId: 1, queue: 0, label: '', startOffset: 0, ...held }];
        groups.restore([{ group: 'g', kind: GroupKind.ASSIGNED, subscription: undefined, offsets: [], leases }]);
        groups.start();
        const members = held === undefined ? [] : [held.member];
        const verdict = groups.pullError('g', request.member, 1, 0, request.epoch) ?? 'OK';
        expect(verdict).toBe(run({ members, lease: held }, request));
      }),
    );
  },

  commitOffset() {
    const run = pseudo('commitOffset');
    const lease = fc.option(fc.record({ member: fc.constantFrom('m1', 'm2'), epoch: fc.integer({ min: 1, max: 3 }) }), {
      nil: undefined,
    });
    const state = fc.record({
      kind: fc.constantFrom('ASSIGNED', 'FREE'),
      committed: fc.option(below(9), { nil: undefined }),
      oldest: below(5),
      size: below(5),
      lease,
    });
    const request = fc.record({ member: fc.constantFrom('m1', 'm2'), epoch: below(3), offset: below(11) });
    check(
      property(state, request, ({ size, ...queue }, { member, epoch, offset }) => {
        const bounds = { oldest: queue.oldest, highWatermark: queue.oldest + size };
        const table = new LeaseTable();
        if (queue.committed !== undefined) table.committed([{ topicId: 1, queue: 0, offset: queue.committed }], true);
        if (queue.lease !== undefined)
          table.granted({ group: 'g', topicId: 1, queue: 0, label: '', startOffset: 0, ...queue.lease });
        const host = { topic: () => ({ id: 1, queues: 1 }), bounds: () => bounds };
        const group = { name: 'g', kind: GroupKind[queue.kind as 'FREE'], table };
        const entry = { topic: 't', queue: 0, offset, leaseEpoch: epoch };
        const { failed, offsets } = planCommit(host as never, group, member, [entry], false);
        const verdict = failed.length > 0 ? codeName(failed[0]?.code) : offsets.length > 0 ? 'STORE' : 'IGNORE';
        expect(verdict).toBe(run({ ...queue, ...bounds }, { member, epoch, offset }));
      }),
    );
  },
};

/** A broker without topics, for groups that are asked about leases only. */
const emptyHost = {
  brokerName: 'b1',
  topic: () => undefined,
  topicName: () => 't',
  bounds: () => ({ oldest: 0, highWatermark: 0 }),
  offsetByTime: () => 0,
  shares: () => [],
  appendState: () => {},
  nextEpoch: () => 1,
  watchTopic: () => {},
  leasesEnded: () => {},
};

const codeName = (code: number | undefined): string =>
  code === 4009 ? 'OFFSET_OUT_OF_RANGE' : code === 8001 ? 'LEASE_FENCED' : String(code);
