import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QanatError } from '../../src/errors.ts';
import { Cluster, type Result } from './cluster.ts';
import type { FakeBroker, Meddle } from './fake-broker.ts';

/** What happens to one SEND at a broker. */
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'store' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: 'lose' as const }, { kind: 'store-silently' as const }) },
  { weight: 2, arbitrary: fc.constantFrom({ kind: 'cut-before' as const }, { kind: 'cut-after' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('refuse' as const),
      code: fc.constantFrom('BROKER_BUSY', 'STORAGE_REJECTED', 'NOT_MASTER', 'SHUTTING_DOWN', 'INVALID_BATCH', 'TOPIC_NOT_FOUND'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('fail-stored' as const, 'fail-lost' as const),
      code: fc.constantFrom('STORAGE_FAILED', 'OUTCOME_UNKNOWN'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('slow' as const), ms: fc.constantFrom(2, 60, 300, 2_500) }) },
);
type Fate = typeof fate extends fc.Arbitrary<infer F> ? F : never;

const send = fc.record({
  kind: fc.constant('send' as const),
  count: fc.integer({ min: 1, max: 6 }),
  key: fc.constantFrom(undefined, 'k1', 'k2', 'k3'),
  pinned: fc.constantFrom(undefined, undefined, undefined, 'a', 'b'),
  timeoutMs: fc.constantFrom(500, 2_500, 7_000, 30_000),
});
const event = fc.oneof(
  { weight: 6, arbitrary: send },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0.3, 1, 20, 400, 3_500) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('cut' as const, 'hang' as const, 'resume' as const, 'leave' as const, 'away' as const),
      broker: fc.constantFrom(0, 1),
    }),
  },
);

function meddleBy(cluster: Cluster, fates: readonly Fate[]): Meddle {
  let at = 0;
  return (request, broker) => {
    const next = fates[at++];
    if (next === undefined || next.kind === 'store') return false;
    const cut = (): void => cluster.world.later(0.1, () => cluster.world.cut(broker));
    switch (next.kind) {
      case 'slow':
        broker.store(request, false, next.ms);
        break;
      case 'store-silently':
      case 'fail-stored':
      case 'cut-after':
      case 'forget':
        broker.store(request, true);
        break;
      default:
    }
    if (next.kind === 'refuse' || next.kind === 'fail-lost' || next.kind === 'fail-stored')
      request.fail(new QanatError(next.code as 'BROKER_BUSY', 'by chance'));
    if (next.kind === 'cut-before' || next.kind === 'cut-after') cut();
    if (next.kind === 'forget') broker.forgetProducers();
    return true;
  };
}

function act(cluster: Cluster, what: { readonly kind: string; readonly broker: number }): void {
  const broker = cluster.brokers[what.broker] as FakeBroker;
  const { world, nameServer } = cluster;
  if (what.kind === 'cut') world.cut(broker);
  else if (what.kind === 'hang') broker.state = 'hung';
  else if (what.kind === 'resume') broker.resume(world.nowMs);
  else if (what.kind === 'leave' && broker.state === 'up') {
    broker.context.enter(world.nowMs);
    broker.goAway();
  } else if (what.kind === 'away') {
    nameServer.broker(broker.name, broker.address, { away: nameServer.brokers.get(broker.name)?.away !== true });
    nameServer.push('orders');
  }
}

interface Sent extends Result {
  readonly key: string | undefined;
  readonly number: number;
}

/** Where a message is, over all logs: `broker/queue/offset`. */
function places(cluster: Cluster): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const broker of cluster.brokers) {
    for (const [log, texts] of broker.logs)
      texts.forEach((text, i) => found.set(text, [...(found.get(text) ?? []), `${broker.name}/${log.split('/')[1]}/${i}`]));
  }
  return found;
}

function checkOutcomes(cluster: Cluster, sent: readonly Sent[]): void {
  const found = places(cluster);
  for (const { text, done, error, receipt } of sent) {
    const at = found.get(text) ?? [];
    expect(done, `${text} is settled once`).toBe(1);
    if (error === undefined) {
      expect(at.length, `${text} is stored once`).toBe(1);
      if (receipt?.baseOffset !== undefined)
        expect(at[0], `${text} is where its receipt says`).toBe(`${receipt.broker}/${receipt.queue}/${receipt.baseOffset}`);
    } else if (error.outcome === 'unknown')
      expect(at.length, `${text} of unknown outcome is stored once at most`).toBeLessThanOrEqual(1);
    else expect(at, `${text}, ${error.code} ${error.outcome}, is stored nowhere`).toEqual([]);
  }
}

/** Messages of one key, and those for one chosen queue, lie in the order in which they were sent. */
function checkOrder(cluster: Cluster, sent: readonly Sent[]): void {
  const byText = new Map(sent.map((one) => [one.text, one]));
  for (const broker of cluster.brokers) {
    for (const texts of broker.logs.values()) {
      const last = new Map<string, number>();
      for (const text of texts) {
        const { key, number } = byText.get(text) as Sent;
        if (key === undefined) continue;
        expect(number, `${text} comes after ${last.get(key)} of its key`).toBeGreaterThan(last.get(key) ?? -1);
        last.set(key, number);
      }
    }
  }
}

describe('sends under random answers, losses and stops', () => {
  it('are settled once, stored once when acked, nowhere when rejected, once at most when unknown, and in order by key [QNT-SND-008, QNT-SND-036]', () => {
    fc.assert(
      fc.property(
        fc.array(event, { size: 'max', maxLength: 40 }),
        fc.array(fate, { size: 'max', maxLength: 60 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.constantFrom(1, 2, 4096),
        (events, fates, seed, batchRecords) => {
          const cluster = new Cluster({ brokers: 2, queues: 2, seed, producer: { batchRecords } });
          const meddle = meddleBy(cluster, fates);
          for (const broker of cluster.brokers) broker.meddle = meddle;
          const sent: Sent[] = [];
          for (const one of events) {
            if (one.kind === 'wait') cluster.world.run(one.ms);
            else if (one.kind !== 'send') act(cluster, one);
            else {
              const { count, key, pinned, timeoutMs } = one;
              const queue = pinned === undefined ? {} : { queue: { broker: pinned, queue: 1 } };
              // A chosen queue keeps an order of its own.
              const order = pinned === undefined ? key : `pinned-${pinned}`;
              const own = Array.from(
                { length: count },
                (_, i): Sent => ({
                  text: `m${sent.length + i}`,
                  number: sent.length + i,
                  key: order,
                  error: undefined,
                  receipt: undefined,
                  done: 0,
                }),
              );
              sent.push(...own);
              cluster.world.call(() => {
                for (const result of own) cluster.sendIn(result, { key: key ?? '' }, { ...queue, timeoutMs }, 'orders');
              });
            }
          }
          for (const broker of cluster.brokers) {
            broker.meddle = undefined;
            broker.resume(cluster.world.nowMs);
            cluster.nameServer.broker(broker.name, broker.address);
          }
          cluster.nameServer.push('orders');
          cluster.world.run(45_000);
          checkOutcomes(cluster, sent);
          checkOrder(cluster, sent);
          expect(cluster.producer.bufferedBytes).toBe(0);
          const last = cluster.send('last', { key: 'k1' });
          cluster.world.run(500);
          expect(last.error, 'the producer still works').toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });
});
