import { type Delivery, LeaseState, parseFilter, passes } from '@qanat/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { World } from './world.ts';

const TAGS = [undefined, 'a', 'b', 'c'] as const;
const QUEUES = 3;

const batch = fc.record({
  queue: fc.nat(QUEUES - 1),
  tags: fc.array(fc.constantFrom(...TAGS), { minLength: 1, maxLength: 12 }),
  compress: fc.boolean(),
});

/** What a handler does with a delivery: after so long it succeeds or fails. */
const outcome = fc.record({
  afterMs: fc.constantFrom(0, 0, 0, 1, 40, 700),
  fails: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('store' as const), batch }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 5, 100, 1_000, 4_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconnect' as const), awayMs: fc.constantFrom(0, 500, 12_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), queue: fc.nat(QUEUES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), queue: fc.nat(QUEUES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), queue: fc.nat(QUEUES - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resume' as const) }) },
);

const options = fc.record({
  filter: fc.constantFrom('*', 'a', 'a||b', 'c'),
  concurrency: fc.constantFrom(undefined, 1, 2, 5),
  ordered: fc.boolean(),
  recordsMax: fc.constantFrom(undefined, 1, 5, 100),
  prefetchBytes: fc.constantFrom(200, 2_000, 8_000_000),
});

describe('a consumer under random batches, filters, outcomes, lost connections and hand-overs', () => {
  test('handles every matching offset, each queue in order, and never commits beyond what is handled [QNT-OFS-014, QNT-PUL-030]', () => {
    const whole = fc.property(
      options,
      fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }),
      fc.infiniteStream(outcome),
      ({ filter, recordsMax, ...rest }, steps, outcomes) => {
        const world = new World();
        const { host } = world;
        const inOrder = rest.ordered || rest.concurrency === undefined || rest.concurrency === 1;
        const handled = new Map<string, Set<number>>(Array.from({ length: QUEUES }, (_, queue) => [`t/${queue}`, new Set()]));
        const matching = new Map<string, number[]>(Array.from({ length: QUEUES }, (_, queue) => [`t/${queue}`, []]));
        const running = new Map<string, number>();
        let faults = false;
        let checkedCommits = 0;
        world.onDelivery = (delivery: Delivery) => {
          const key = `t/${delivery.queue.queue}`;
          running.set(key, (running.get(key) ?? 0) + 1);
          if (inOrder) expect(running.get(key)).toBe(1);
          for (const message of delivery.messages) {
            // What comes for the first time comes in the order of the offsets.
            const seen = handled.get(key) as Set<number>;
            if (inOrder && !seen.has(message.offset)) {
              for (const offset of matching.get(key) as number[])
                if (offset < message.offset && delivery.messages[0] === message) expect(seen.has(offset)).toBe(true);
            }
            if (!faults && inOrder && delivery.attempt === 1) expect(seen.has(message.offset)).toBe(false);
          }
          const { afterMs, fails } = outcomes.next().value;
          const end = (): void => {
            running.set(key, (running.get(key) ?? 0) - 1);
            if (!fails) for (const message of delivery.messages) handled.get(key)?.add(message.offset);
            delivery.done(fails ? new Error('no') : undefined);
          };
          if (afterMs === 0) end();
          else host.engine.timers.at(host.engine.nowMs() + afterMs, end);
        };
        const subscriptions = [{ topic: 't', filter }];
        const batches = recordsMax === undefined ? {} : { batch: { recordsMax } };
        const concurrency = rest.concurrency === undefined ? {} : { concurrency: rest.concurrency };
        const { consumer, broker } = world.joined(
          { subscriptions, ordered: rest.ordered, prefetchBytes: rest.prefetchBytes, ...batches, ...concurrency },
          QUEUES,
        );
        const check = (): void => {
          for (; checkedCommits < broker.commits.length; checkedCommits++) {
            const { key, offset } = broker.commits[checkedCommits] as { key: string; offset: number };
            for (const must of matching.get(key) as number[]) if (must < offset) expect(handled.get(key)?.has(must)).toBe(true);
          }
        };
        let epoch = 1_000;
        /** Leases that are free go to our member again, from what is committed: as another member's turn would. */
        const regrant = (): void => {
          for (let queue = 0; queue < QUEUES; queue++) {
            if (broker.leases.some((lease) => lease.queue === queue)) continue;
            broker.assign([...broker.leases, broker.lease('t', queue, ++epoch, broker.committed.get(`t/${queue}`) ?? 0)]);
          }
        };
        for (const item of steps) {
          switch (item.kind) {
            case 'store': {
              const key = `t/${item.batch.queue}`;
              const base = broker.queue('t', item.batch.queue).next;
              item.batch.tags.forEach((tag, i) => {
                if (passes(parseFilter(filter), tag)) matching.get(key)?.push(base + i);
              });
              broker.store(
                't',
                item.batch.queue,
                item.batch.tags.map((tag) => ({ tag })),
                undefined,
                item.batch.compress,
              );
              break;
            }
            case 'wait':
              host.advance(item.ms);
              break;
            case 'reconnect':
              host.disconnect('b1');
              broker.forget();
              host.advance(item.awayMs);
              host.connect('b1');
              break;
            case 'restart':
              // Leases are restored as held, the member is not known before its next heartbeat.
              host.disconnect('b1');
              broker.forget();
              broker.knowsMember = false;
              broker.generation += 100;
              host.connect('b1');
              break;
            case 'release':
              broker.assign(
                broker.leases.map((lease) => (lease.queue === item.queue ? { ...lease, state: LeaseState.RELEASING } : lease)),
              );
              break;
            case 'revoke':
              faults = true;
              broker.assign(broker.leases.filter((lease) => lease.queue !== item.queue));
              break;
            case 'pause':
              consumer.pause({ topic: 't', broker: 'b1', queue: item.queue });
              break;
            case 'resume':
              consumer.resume();
              break;
          }
          host.advance(3);
          regrant();
          check();
        }
        consumer.resume();
        for (
          let i = 0;
          i < 600 && ![...handled].every(([key, seen]) => (matching.get(key) as number[]).every((offset) => seen.has(offset)));
          i++
        ) {
          host.advance(200);
          regrant();
          check();
        }
        for (const [key, seen] of handled) expect([...seen].toSorted((a, b) => a - b)).toEqual(matching.get(key));
        host.advance(35_000);
        regrant();
        host.advance(3_000);
        check();
        expect(consumer.heldBytes).toBe(0);
        let closed = false;
        consumer.close({}, () => {
          closed = true;
        });
        host.advance(33_000);
        expect(closed).toBe(true);
        for (let queue = 0; queue < QUEUES; queue++) {
          const { next } = broker.queue('t', queue);
          if (next > 0) expect(broker.committed.get(`t/${queue}`)).toBe(next);
        }
      },
    );
    fc.assert(whole, { numRuns: 300 });
  });
});
