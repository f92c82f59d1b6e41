// What all brokers and clients together may fill at a NameServer (docs/limits.md).
import { describe, expect, it } from 'vitest';
import { EngineContext, LIMITS, QanatError, Random, type ServerSession } from '../../src/index.ts';
import { RouteTable, SHARES_MAX } from '../../src/name-server/route-table.ts';
import { RouteWatches, WATCHES_MAX } from '../../src/name-server/route-watches.ts';

const session = () => ({ remote: 'test' }) as ServerSession;

function codeOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (!QanatError.is(error)) throw error;
    return error.code;
  }
  return undefined;
}

describe('SHARES_MAX', () => {
  const most = LIMITS.TOPICS_PER_BROKER_MAX;
  const topics = Array.from({ length: most }, (_, i) => ({ topic: `t${i}`, queues: 1 }));

  it('is reached by brokers with many topics each, then refused, and what is given up makes room', () => {
    const table = new RouteTable(
      new EngineContext(new Random(1)),
      { expiryMs: 1, lostMs: 1, awayMs: 1 },
      LIMITS.BROKERS_MAX,
      () => {},
    );
    const register = (name: string, count: number) =>
      codeOf(() =>
        table.register(session(), [
          {
            broker: name,
            cluster: '',
            storeId: new Uint8Array(16),
            term: 1,
            revision: 1,
            endpoints: [],
            topics: topics.slice(0, count),
            createsTopics: false,
          } as never,
        ]),
      );
    const brokers = SHARES_MAX / most;
    for (let i = 0; i < brokers; i++) expect(register(`b${i}`, most)).toBeUndefined();
    expect(register('one-more', 1)).toBe('LIMIT_EXCEEDED');
    expect(table.brokersOf('t0')).toHaveLength(brokers);
    expect(register('b0', most)).toBeUndefined();
    expect(register('b0', most - 1)).toBeUndefined();
    expect(register('one-more', 1)).toBeUndefined();
    expect(register('another', 1)).toBe('LIMIT_EXCEEDED');
  });
});

describe('WATCHES_MAX', () => {
  it('is reached, then refused as a whole, and a connection that ends makes room', () => {
    expect(WATCHES_MAX).toBeGreaterThan(LIMITS.WATCHED_TOPICS_MAX);
    const watches = new RouteWatches(5);
    const [first, second] = [session(), session()];
    expect(codeOf(() => watches.add(first, ['a', 'b', 'b', 'a']))).toBeUndefined();
    expect(codeOf(() => watches.add(second, ['a', 'b', 'c']))).toBeUndefined();
    expect(codeOf(() => watches.add(second, ['c', 'd']))).toBe('LIMIT_EXCEEDED');
    watches.changed('d');
    expect(watches.takeChanged().size).toBe(0);
    expect(codeOf(() => watches.add(second, ['c']))).toBeUndefined();
    watches.remove(first);
    expect(codeOf(() => watches.add(second, ['d', 'e']))).toBeUndefined();
    expect(codeOf(() => watches.add(first, ['d']))).toBe('LIMIT_EXCEEDED');
  });
});
