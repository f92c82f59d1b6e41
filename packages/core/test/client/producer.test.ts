import { describe, expect, it } from 'vitest';
import { type ErrorCode, QanatError } from '../../src/errors.ts';
import { queueHash, queueOfKey } from '../../src/model/queue-by-key.ts';
import { testPlatform } from '../platform.ts';
import { Cluster, type Result, record } from './cluster.ts';
import type { Meddle } from './fake-broker.ts';

const range = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
/** Refuses every SEND. */
const failing =
  (code: ErrorCode): Meddle =>
  (send) => {
    send.fail(new QanatError(code, 'no'));
    return true;
  };
const settled = (results: readonly Result[]): boolean => results.every(({ done }) => done === 1);

describe('a send', () => {
  it('gives the place of the message', () => {
    const cluster = new Cluster();
    const result = cluster.send('hello');
    cluster.world.run(50);
    expect(result.receipt).toEqual({
      topic: 'orders',
      broker: 'a',
      queue: 0,
      baseOffset: 0,
      storeTimeMs: 1234,
      duplicate: false,
    });
    expect(cluster.a.log('orders', 0)).toEqual(['hello']);
  });

  it('shares a batch with the others of its moment, each with an offset of its own', () => {
    const cluster = new Cluster();
    const results = cluster.sendAll(range(5));
    cluster.world.run(50);
    expect(cluster.a.sends).toEqual(['orders/0@0+5']);
    expect(results.map(({ receipt }) => receipt?.baseOffset)).toEqual([0, 1, 2, 3, 4]);
  });

  it('leaves at once when nothing is on the way to its broker, else gathers until an answer comes', () => {
    const cluster = new Cluster();
    cluster.send('warm');
    cluster.world.run(50);
    cluster.send('one');
    cluster.world.run(0.1);
    cluster.send('two');
    cluster.world.run(0.1);
    cluster.send('three');
    cluster.world.run(0.7);
    expect(cluster.a.sends).toEqual(['orders/0@0+1', 'orders/0@1+1']);
    cluster.world.run(1);
    expect(cluster.a.sends).toEqual(['orders/0@0+1', 'orders/0@1+1', 'orders/0@2+2']);
  });

  it('gathers for lingerMs where that is set', () => {
    const cluster = new Cluster({ producer: { lingerMs: 20 } });
    cluster.send('warm');
    cluster.world.run(100);
    cluster.send('one');
    cluster.world.run(10);
    cluster.send('two');
    cluster.world.run(9);
    expect(cluster.a.sends.length).toBe(1);
    cluster.world.run(2);
    expect(cluster.a.sends).toEqual(['orders/0@0+1', 'orders/0@1+2']);
  });

  it('waits for the longest of the times that refusals ask for, whichever came first [QNT-ERR-006]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    let times = 0;
    cluster.a.meddle = (send) => {
      if (++times > 2) return false;
      send.fail(new QanatError(times === 1 ? 'BROKER_BUSY' : 'NOT_READY', 'later', { retryAfterMs: times === 1 ? 20 : 3_000 }));
      return true;
    };
    const results = cluster.sendAll(range(2), (text) => ({ key: text }));
    cluster.world.run(2_900);
    expect(cluster.a.sends.length).toBe(2);
    cluster.world.run(300);
    expect(settled(results)).toBe(true);
  });

  it('goes on when a refusal is over, though another message gathered meanwhile and woke it before [QNT-ERR-006]', () => {
    const cluster = new Cluster({ producer: { lingerMs: 20 } });
    let refused = false;
    cluster.a.meddle = (send) => {
      if (refused) return false;
      refused = true;
      send.fail(new QanatError('NOT_READY', 'soon', { retryAfterMs: 500 }));
      return true;
    };
    const first = cluster.send('one');
    cluster.world.run(100);
    expect(refused).toBe(true);
    const second = cluster.send('two');
    cluster.world.run(700);
    expect([first.done, second.done]).toEqual([1, 1]);
    expect(cluster.a.log('orders', 0)).toEqual(['one', 'two']);
  });

  it('gathers for lingerMs in each queue by itself, whatever other batches began a little earlier', () => {
    const cluster = new Cluster({ producer: { lingerMs: 20 }, queues: 2 });
    cluster.send('warm');
    cluster.world.run(100);
    cluster.send('one');
    cluster.world.run(3);
    cluster.send('two', { key: 'k' });
    cluster.world.run(25);
    expect(cluster.a.sends.length).toBe(3);
  });

  it('leaves when lingerMs have gone by, whichever way the sum of the times is rounded', () => {
    for (let i = 0; i < 50; i++) {
      const cluster = new Cluster({ producer: { lingerMs: 50 } });
      // A difference rounds otherwise than the sum only where the sum has a larger exponent, here from 131,072 ms on.
      cluster.world.run(129_900);
      cluster.send('warm');
      cluster.world.run(130.1 + i * 0.3 + 1 / (i + 3));
      expect(cluster.world.nowMs).toBeLessThan(131_072);
      const result = cluster.send('one');
      cluster.world.run(60);
      expect(result.done).toBe(1);
    }
  });

  it('goes in pipelined batches, at most inFlightBatches to one broker', () => {
    const cluster = new Cluster({ producer: { batchRecords: 2, inFlightBatches: 3 } });
    cluster.a.storeMs = 100;
    const results = cluster.sendAll(range(10));
    cluster.world.run(50);
    expect(cluster.a.sends).toEqual(['orders/0@0+2', 'orders/0@2+2', 'orders/0@4+2']);
    cluster.world.until(() => settled(results));
    expect(cluster.a.log('orders', 0)).toEqual(range(10));
  });

  it('without a key fills one batch, then the next queue, in turn over brokers and queues [QNT-SND-026]', () => {
    const cluster = new Cluster({ brokers: 2, queues: 2, producer: { batchRecords: 3 } });
    const warm = ['a', 'b'].map((broker) => cluster.send('warm', {}, { queue: { broker, queue: 0 } }));
    cluster.world.until(() => settled(warm));
    expect(cluster.brokers.map(({ sends }) => sends.length)).toEqual([1, 1]);
    const results = cluster.sendAll(range(12));
    cluster.world.until(() => settled(results));
    const used = results.map(({ receipt }) => `${receipt?.queue}${receipt?.broker}`);
    expect(used).toEqual(['0a', '0b', '1a', '1b'].flatMap((queue) => [queue, queue, queue]));
  });

  it('with a key goes to the queue of its key, in order [QNT-SND-024]', () => {
    const cluster = new Cluster({ brokers: 2, queues: 3 });
    const results = cluster.sendAll(range(200), (text) => ({ key: `k${Number(text.slice(1)) % 20}` }));
    cluster.world.until(() => settled(results));
    const hashes = ['a', 'b'].flatMap((broker) => [0, 1, 2].map((queue) => queueHash(testPlatform, broker, queue)));
    for (const { text, receipt } of results) {
      const key = `k${Number(text.slice(1)) % 20}`;
      const at = queueOfKey(testPlatform.crc32(new TextEncoder().encode(key), 0), hashes);
      expect(receipt).toMatchObject({ broker: at < 3 ? 'a' : 'b', queue: at % 3 });
    }
    for (const broker of cluster.brokers) {
      for (const log of broker.logs.values()) {
        expect(log).toEqual([...log].sort((x, y) => Number(x.slice(1)) - Number(y.slice(1))));
      }
    }
  });

  it('to a chosen queue goes there, and fails when there is none [QNT-SND-027]', () => {
    const cluster = new Cluster({ brokers: 2, queues: 2 });
    const there = cluster.send('x', {}, { queue: { broker: 'b', queue: 1 } });
    const nowhere = cluster.send('y', {}, { queue: { broker: 'b', queue: 7 } });
    cluster.world.run(50);
    expect(there.receipt).toMatchObject({ broker: 'b', queue: 1 });
    expect(nowhere.error).toMatchObject({ code: 'QUEUE_NOT_FOUND', outcome: 'not-sent' });
  });

  it('with ack none is done when it is handed on, and asks for no producer id', () => {
    const cluster = new Cluster({ producer: { ack: 'none' } });
    const results = cluster.sendAll(range(3));
    cluster.world.run(20);
    expect(cluster.a.inits).toBe(0);
    expect(cluster.a.log('orders', 0)).toEqual(range(3));
    expect(results[0]?.receipt).toMatchObject({ baseOffset: undefined, storeTimeMs: 0 });
  });

  it('is refused with QUEUE_FULL beyond the buffer, and told when there is room again', () => {
    let writable = 0;
    const cluster = new Cluster({ producer: { bufferBytes: 1_000, onWritable: () => writable++ } });
    const results = cluster.sendAll(range(50));
    const refused = results.filter(({ error }) => error?.code === 'QUEUE_FULL');
    expect(refused.length).toBeGreaterThan(10);
    expect(refused[0]?.error?.outcome).toBe('not-sent');
    expect(writable).toBe(0);
    cluster.world.until(() => settled(results));
    cluster.world.run(1);
    expect(writable).toBe(1);
    expect(cluster.producer.bufferedBytes).toBe(0);
  });

  it('refuses a bad message alone, not those that would have shared its batch [QNT-NAM-004, QNT-NAM-005]', () => {
    const cluster = new Cluster();
    const [good, bad, worse] = cluster.sendAll(['good', 'bad', 'worse'], (text) =>
      text === 'bad' ? { key: 'k'.repeat(256) } : text === 'worse' ? { tag: '*' } : {},
    );
    cluster.world.run(50);
    expect(good?.error).toBeUndefined();
    expect(bad?.error).toMatchObject({ code: 'INVALID_BATCH', outcome: 'not-sent' });
    expect(worse?.error).toMatchObject({ code: 'INVALID_BATCH', outcome: 'not-sent' });
  });
});

describe('a sendBatch', () => {
  it('is one batch in one queue, the next one in the next queue', () => {
    const cluster = new Cluster({ queues: 2 });
    const first = cluster.sendBatch(range(1000).map((text) => record(text)));
    const second = cluster.sendBatch(range(10).map((text) => record(text)));
    cluster.world.run(50);
    expect(cluster.a.sends).toEqual(['orders/0@0+1000', 'orders/1@0+10']);
    expect(first.receipts).toEqual([
      { topic: 'orders', broker: 'a', queue: 0, baseOffset: 0, storeTimeMs: 1234, duplicate: false, count: 1000 },
    ]);
    expect(second.receipts?.[0]).toMatchObject({ queue: 1, count: 10 });
  });

  it('is cut where it is too long', () => {
    const cluster = new Cluster();
    const many = cluster.sendBatch(range(5000).map((text) => record(text)));
    const large = cluster.sendBatch([1, 2, 3].map(() => ({ body: new Uint8Array(2_000_000) })));
    cluster.world.run(100);
    expect(many.receipts?.map(({ count }) => count)).toEqual([4096, 904]);
    expect(large.receipts?.map(({ count }) => count)).toEqual([2, 1]);
  });

  it('with a key goes to the queue of the key; messages with keys of their own go to theirs', () => {
    const cluster = new Cluster({ brokers: 2, queues: 4 });
    const one = cluster.sendBatch(
      range(10).map((text) => record(text)),
      { key: 'k' },
    );
    const own = cluster.sendBatch(range(40).map((text, i) => record(text, { key: `k${i % 7}` })));
    cluster.world.run(100);
    expect(one.receipts?.length).toBe(1);
    expect(own.receipts?.reduce((sum, { count }) => sum + count, 0)).toBe(40);
    const queues = new Set(own.receipts?.map(({ broker, queue }) => `${broker}/${queue}`));
    expect(queues.size).toBe(own.receipts?.length);
  });
});

describe('after an attempt of unknown outcome', () => {
  it('the same numbers go to the same queue on the new connection, which takes the producer id over, and a duplicate is an ack [QNT-SND-009, QNT-SND-010, QNT-SND-028, QNT-SND-030]', () => {
    const cluster = new Cluster({ brokers: 2 });
    cluster.a.meddle = (send, broker) => {
      broker.store(send, true);
      broker.meddle = undefined;
      cluster.world.later(1, () => cluster.world.cut(broker));
      return true;
    };
    const result = cluster.send('once', {}, { queue: { broker: 'a', queue: 0 } });
    const after = cluster.send('then', {}, { queue: { broker: 'a', queue: 0 } });
    cluster.world.until(() => settled([result, after]));
    expect(result.receipt).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(cluster.a.log('orders', 0)).toEqual(['once', 'then']);
    expect(cluster.a.inits).toBe(2);
  });

  it('batches are sent again in order, before new ones [QNT-SND-030]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    cluster.send('warm');
    cluster.world.run(50);
    let lost = 0;
    cluster.a.meddle = () => ++lost > 0;
    const results = cluster.sendAll(range(5));
    cluster.world.run(5);
    expect(lost).toBe(5);
    cluster.a.meddle = undefined;
    cluster.world.cut(cluster.a);
    const more = cluster.sendAll(range(5, 'n'));
    cluster.world.until(() => settled([...results, ...more]));
    expect(cluster.a.log('orders', 0)).toEqual(['warm', ...range(5), ...range(5, 'n')]);
  });

  it('a slow broker gets the same batch again on the same connection after one attempt [QNT-SND-009, QNT-SND-010]', () => {
    const cluster = new Cluster();
    cluster.a.meddle = (send, broker) => {
      broker.store(send, true);
      broker.meddle = undefined;
      return true;
    };
    const result = cluster.send('once');
    cluster.world.run(3_300);
    expect(result.receipt).toMatchObject({ baseOffset: 0, duplicate: true });
    expect(cluster.a.inits).toBe(1);
    expect(cluster.world.events.filter(({ kind }) => kind === 'disconnected')).toEqual([]);
  });

  it('a message that nobody acknowledged until its deadline is unknown, and stays at its queue [QNT-SND-010, QNT-SND-011]', () => {
    const cluster = new Cluster({ brokers: 2 });
    cluster.a.meddle = () => true;
    const result = cluster.send('lost', { key: 'k' }, { queue: { broker: 'a', queue: 0 } });
    cluster.world.run(29_900);
    expect(result.done).toBe(0);
    expect(cluster.a.sends.length).toBeGreaterThan(5);
    expect(new Set(cluster.a.sends).size).toBe(1);
    cluster.world.run(300);
    expect(result.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(cluster.b.sends).toEqual([]);
    cluster.world.run(4_000);
    expect(cluster.producer.bufferedBytes).toBe(0);
  });

  it('class 6 is tried again at the same queue under the same number [QNT-SND-009, QNT-SND-010]', () => {
    const cluster = new Cluster({ queues: 2 });
    let times = 0;
    cluster.a.meddle = (send) => {
      if (++times > 2) return false;
      send.fail(new QanatError('STORAGE_FAILED', 'sync failed'));
      return true;
    };
    const result = cluster.send('x');
    cluster.world.until(() => result.done === 1);
    expect(new Set(cluster.a.sends).size).toBe(1);
    expect(result.error).toBeUndefined();
  });

  it('what is refused then is not believed to be rejected [QNT-SND-008, QNT-SND-011]', () => {
    const cluster = new Cluster({ brokers: 2 });
    let times = 0;
    cluster.a.meddle = (send) => {
      if (++times > 1) send.fail(new QanatError('BROKER_BUSY', 'full'));
      return true;
    };
    const result = cluster.send('x', {}, { timeoutMs: 5_000 });
    cluster.world.until(() => result.done === 1);
    expect(result.error).toMatchObject({ outcome: 'unknown' });
    expect(cluster.b.sends).toEqual([]);
  });
});

describe('a batch that may be stored', () => {
  /** The broker stores the first send and loses the answer, then refuses `refusals` repetitions for good. */
  function refusing(code: 'TOPIC_NOT_FOUND' | 'INVALID_BATCH' | 'FORBIDDEN', refusals: number) {
    const cluster = new Cluster({ brokers: 2, queues: 2 });
    let times = 0;
    cluster.a.meddle = (send, broker) => {
      if (send.header.queue !== 0 || ++times > refusals + 1) return false;
      if (times === 1) {
        broker.store(send, true);
        cluster.world.later(1, () => cluster.world.cut(broker));
      } else send.fail(new QanatError(code, 'no'));
      return true;
    };
    return cluster;
  }
  const place = { queue: { broker: 'a', queue: 0 } };

  it.each(['TOPIC_NOT_FOUND', 'INVALID_BATCH', 'FORBIDDEN'] as const)(
    'is not ended by a refusal of its repetition: %s [QNT-SND-011, QNT-SND-036]',
    (code) => {
      const cluster = refusing(code, 3);
      const result = cluster.send('x', {}, place);
      cluster.world.until(() => result.done === 1);
      expect(result.error).toBeUndefined();
      expect(result.receipt).toMatchObject({ baseOffset: 0, duplicate: true });
      expect(cluster.a.sends).toEqual(Array(5).fill('orders/0@0+1'));
    },
  );

  it('is unknown at its deadline when its repetition is refused until then, and holds up no other queue [QNT-SND-011]', () => {
    const cluster = refusing('FORBIDDEN', 1_000);
    const result = cluster.send('x', {}, { ...place, timeoutMs: 10_000 });
    cluster.world.run(5_000);
    const other = cluster.send('y', {}, { queue: { broker: 'a', queue: 1 } });
    cluster.world.run(50);
    expect(other).toMatchObject({ done: 1, error: undefined });
    cluster.world.run(4_900);
    expect(result.done).toBe(0);
    cluster.world.run(100);
    expect(result.error?.outcome).toBe('unknown');
    cluster.world.run(1_000);
    expect(cluster.producer.bufferedBytes).toBe(0);
    expect(cluster.a.sends.length).toBeLessThan(30);
    const next = cluster.send('z', {}, { queue: { broker: 'b', queue: 0 } });
    cluster.world.run(50);
    expect(next.error).toBeUndefined();
  });
});

describe('when a broker does not take messages', () => {
  it.each(['BROKER_BUSY', 'DISK_FULL', 'NOT_MASTER', 'SHUTTING_DOWN'] as const)(
    'what it rejects with %s goes to another one [QNT-SND-034]',
    (code) => {
      const cluster = new Cluster({ brokers: 2, producer: { batchRecords: 1 } });
      cluster.a.meddle = failing(code);
      const results = cluster.sendAll(range(20));
      cluster.world.until(() => settled(results));
      expect(results.every(({ receipt }) => receipt?.broker === 'b')).toBe(true);
      expect(cluster.b.log('orders', 0).sort()).toEqual(range(20).sort());
      expect(cluster.a.sends.length).toBeLessThan(10);
    },
  );

  it('messages with keys wait there, in order, until their deadline [QNT-SND-025]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    cluster.a.meddle = failing('BROKER_BUSY');
    const results = cluster.sendAll(range(8), () => ({ key: 'k' }));
    const short = cluster.send('short', { key: 'k' }, { timeoutMs: 500 });
    cluster.world.run(1_000);
    expect(results.every(({ done }) => done === 0)).toBe(true);
    expect(short.error).toMatchObject({ outcome: 'not-sent' });
    cluster.a.meddle = undefined;
    cluster.world.until(() => settled(results));
    expect(cluster.a.log('orders', 0)).toEqual(range(8));
  });

  it('a rejected call that never got through is rejected, not unknown [QNT-SND-008]', () => {
    const cluster = new Cluster();
    cluster.a.meddle = failing('DISK_FULL');
    const result = cluster.send('x', { key: 'k' }, { timeoutMs: 2_000 });
    cluster.world.until(() => result.done === 1);
    expect(result.error).toMatchObject({ code: 'DISK_FULL', outcome: 'rejected' });
  });

  it('as is one without a key, which may go to any queue [QNT-SND-008]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    cluster.a.meddle = failing('DISK_FULL');
    const first = cluster.send('x', {}, { timeoutMs: 2_000 });
    cluster.world.until(() => first.done === 1);
    expect(first.error).toMatchObject({ code: 'DISK_FULL', outcome: 'rejected' });
  });

  it('what it refuses for good fails at once', () => {
    const cluster = new Cluster({ brokers: 2 });
    for (const broker of cluster.brokers) broker.meddle = failing('BATCH_TOO_LARGE');
    const result = cluster.send('x');
    cluster.world.run(50);
    expect(result.error).toMatchObject({ code: 'BATCH_TOO_LARGE', outcome: 'rejected' });
  });

  it('messages without keys leave one that hangs at once, what was sent to it stays', () => {
    const cluster = new Cluster({ brokers: 2, producer: { batchRecords: 1 } });
    const warm = cluster.sendAll(range(4, 'w'));
    cluster.world.until(() => settled(warm));
    cluster.a.state = 'hung';
    const results = cluster.sendAll(range(50));
    cluster.world.run(4_000);
    const stuck = results.filter(({ done }) => done === 0);
    expect(stuck.length).toBe(5);
    cluster.a.resume(cluster.world.nowMs);
    cluster.world.until(() => settled(results));
    expect(results.every(({ error }) => error === undefined)).toBe(true);
    const stored = [...cluster.a.log('orders', 0), ...cluster.b.log('orders', 0)].filter((text) => text.startsWith('m'));
    expect(stored.sort()).toEqual(range(50).sort());
  });

  it('messages without keys go to brokers that are not away in the route, and to those that can be reached [QNT-RTE-020]', () => {
    const cluster = new Cluster({ brokers: 3, producer: { batchRecords: 1 } });
    cluster.nameServer.broker('a', 'a:7610', { away: true });
    cluster.b.state = 'down';
    const results = cluster.sendAll(range(10));
    cluster.world.run(200);
    expect(results.every(({ receipt }) => receipt?.broker === 'c')).toBe(true);
  });

  it('messages for an away broker by key wait for it, and go when it is back [QNT-SND-025]', () => {
    const cluster = new Cluster();
    cluster.a.state = 'down';
    cluster.nameServer.broker('a', 'a:7610', { away: true });
    const result = cluster.send('x', { key: 'k' });
    cluster.world.run(10_000);
    expect(result.done).toBe(0);
    cluster.a.state = 'up';
    cluster.nameServer.broker('a', 'a:7610');
    cluster.nameServer.push('orders');
    cluster.world.run(50);
    expect(result.receipt).toMatchObject({ broker: 'a' });
  });

  it('after GOAWAY pending sends end on the old connection, and new ones go elsewhere [QNT-CON-020, QNT-CON-021]', () => {
    const cluster = new Cluster({ brokers: 2, producer: { batchRecords: 1 } });
    const warm = cluster.sendAll(range(4, 'w'));
    cluster.world.until(() => settled(warm));
    cluster.a.storeMs = 100;
    const results = cluster.sendAll(range(2));
    cluster.world.run(10);
    cluster.a.goAway();
    cluster.world.run(1);
    const more = cluster.sendAll(range(10, 'n'));
    cluster.world.run(50);
    expect(more.every(({ receipt }) => receipt?.broker === 'b')).toBe(true);
    cluster.world.until(() => settled(results));
    expect(results.every(({ error }) => error === undefined)).toBe(true);
    expect(cluster.a.inits).toBe(1);
  });
});

describe('the numbers', () => {
  it('close up after a batch in the middle was refused for good: the broker tells of a gap, the rest is numbered anew [QNT-SND-033]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    let count = 0;
    cluster.a.meddle = (send) => {
      if (++count !== 2) return false;
      send.fail(new QanatError('INVALID_BATCH', 'no'));
      return true;
    };
    const results = cluster.sendAll(range(6), () => ({ key: 'k' }));
    cluster.world.until(() => settled(results));
    expect(results[1]?.error?.code).toBe('INVALID_BATCH');
    expect(cluster.a.log('orders', 0)).toEqual(['m0', 'm2', 'm3', 'm4', 'm5']);
  });

  it('close up after a batch in the middle became unknown at its deadline [QNT-SND-033]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    let dropping = true;
    cluster.a.meddle = () => dropping;
    const short = cluster.send('short', { key: 'k' }, { timeoutMs: 2_000 });
    const results = cluster.sendAll(range(3), () => ({ key: 'k' }));
    cluster.world.until(() => short.done === 1);
    expect(short.error?.outcome).toBe('unknown');
    dropping = false;
    cluster.world.until(() => settled(results));
    expect(cluster.a.log('orders', 0)).toEqual(range(3));
  });

  it('begin anew under another producer id when the broker forgot it; what may be stored is unknown then [QNT-SND-031]', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1 } });
    let count = 0;
    cluster.a.meddle = (send, broker) => {
      if (++count !== 2) return false;
      broker.store(send, true);
      broker.forgetProducers();
      cluster.world.later(1, () => cluster.world.cut(broker));
      return true;
    };
    const results = cluster.sendAll(range(3), () => ({ key: 'k' }));
    cluster.world.until(() => settled(results));
    expect(results.map(({ error }) => error?.outcome)).toContain('unknown');
    const more = cluster.sendAll(range(3, 'n'), () => ({ key: 'k' }));
    cluster.world.until(() => settled(more));
    expect(more.every(({ error }) => error === undefined)).toBe(true);
    expect(new Set(cluster.a.log('orders', 0)).size).toBe(cluster.a.log('orders', 0).length);
  });

  it('PRODUCER_FENCED closes the producer [QNT-SND-032]', () => {
    const cluster = new Cluster();
    cluster.a.meddle = failing('PRODUCER_FENCED');
    const result = cluster.send('x');
    cluster.world.run(50);
    expect(result.error?.code).toBe('PRODUCER_FENCED');
    expect(cluster.send('y').error?.code).toBe('PRODUCER_FENCED');
    expect(cluster.producer.closed).toBe(true);
  });
});

describe('a topic that is missing', () => {
  it('is created at every broker that creates topics on demand [QNT-RTE-023]', () => {
    const cluster = new Cluster({ brokers: 3 });
    cluster.nameServer.broker('a', 'a:7610', { createsTopics: true });
    cluster.nameServer.broker('b', 'b:7610', { createsTopics: true });
    for (const broker of cluster.brokers) {
      broker.onCreate = (topic) =>
        cluster.world.later(20, () => {
          cluster.nameServer.topics.set(topic, { ...cluster.nameServer.topics.get(topic), [broker.name]: 4 });
          cluster.nameServer.push(topic);
        });
    }
    const result = cluster.send('x', {}, {}, 'fresh');
    cluster.world.run(1_000);
    expect(result.error).toBeUndefined();
    expect(result.receipt?.topic).toBe('fresh');
    expect(cluster.brokers.map((broker) => broker.creations)).toEqual([['fresh'], ['fresh'], []]);
  });

  /** Three brokers create the topic; the NameServer hears of each a second after the one before. */
  function createdOneByOne(told: readonly string[]) {
    const cluster = new Cluster({ brokers: 3 });
    for (const { name, address } of cluster.brokers) cluster.nameServer.broker(name, address, { createsTopics: true });
    for (const broker of cluster.brokers) {
      broker.onCreate = (topic) => {
        const at = told.indexOf(broker.name);
        const tell = (): void => {
          cluster.nameServer.topics.set(topic, { ...cluster.nameServer.topics.get(topic), [broker.name]: 2 });
          cluster.nameServer.push(topic);
        };
        if (at >= 0) cluster.world.later(1_000 * at + 20, tell);
      };
    }
    return cluster;
  }

  const places = (cluster: Cluster, topic: string): Map<string, readonly string[]> =>
    new Map(
      cluster.brokers.flatMap((broker) =>
        [0, 1].map((queue) => [`${broker.name}/${queue}`, broker.log(topic, queue)] as [string, readonly string[]]),
      ),
    );

  it('gets nothing before all brokers that created it are in its route: no key moves [QNT-SND-024, QNT-RTE-023]', () => {
    const cluster = createdOneByOne(['c', 'a', 'b']);
    const keys = range(12, 'k');
    const sendAll = (text: string) => keys.map((key) => cluster.send(`${key}${text}`, { key }, {}, 'fresh'));
    const results = [...sendAll('.1'), cluster.send('any', {}, {}, 'fresh')];
    cluster.world.run(1_500);
    results.push(...sendAll('.2'));
    cluster.world.run(400);
    expect(cluster.brokers.flatMap(({ sends }) => sends)).toEqual([]);
    cluster.world.run(1_000);
    results.push(...sendAll('.3'));
    cluster.world.until(() => settled(results));
    expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
    const logs = [...places(cluster, 'fresh').values()];
    for (const key of keys) {
      const homes = logs.filter((log) => log.some((text) => text.startsWith(`${key}.`)));
      expect(homes.map((log) => log.filter((text) => text.startsWith(`${key}.`)))).toEqual([[1, 2, 3].map((n) => `${key}.${n}`)]);
    }
    expect(logs.filter((log) => log.length > 0).length).toBeGreaterThan(2);
  });

  it('is used as it is when a broker that created it does not appear for ten seconds', () => {
    const cluster = createdOneByOne(['a', 'b']);
    const result = cluster.send('x', { key: 'k' }, {}, 'fresh');
    cluster.world.run(9_900);
    expect(result.done).toBe(0);
    cluster.world.run(200);
    expect(result.error).toBeUndefined();
    expect(result.done).toBe(1);
  });

  it('is used when its route shows it, though no broker said that it has created it', () => {
    const cluster = createdOneByOne([]);
    cluster.nameServer.topics.delete('fresh');
    for (const broker of cluster.brokers) {
      broker.admin = (request) => {
        if (request.name !== 'TOPIC_CREATE') return false;
        cluster.nameServer.topics.set('fresh', { a: 1 });
        cluster.nameServer.push('fresh');
        request.fail(new QanatError('STORAGE_FAILED', 'who knows'));
        return true;
      };
    }
    const result = cluster.send('x', { key: 'k' }, {}, 'fresh');
    cluster.world.run(100);
    expect(result).toMatchObject({ error: undefined, receipt: { topic: 'fresh', broker: 'a' } });
  });

  it('fails the send with the name that was probably meant', () => {
    const cluster = new Cluster();
    const results = ['oders', 'order', 'ORDERS', 'ord', 'quite-another'].map((topic) => cluster.send('x', {}, {}, topic));
    const keyed = cluster.send('x', { key: 'k' }, {}, 'oders');
    const started = cluster.world.nowMs;
    cluster.world.until(() => settled([...results, keyed]));
    expect(cluster.world.nowMs - started).toBeLessThan(100);
    for (const { error } of [...results, keyed]) expect(error).toMatchObject({ code: 'TOPIC_NOT_FOUND', outcome: 'not-sent' });
    for (const { error } of results.slice(0, 4)) expect(error?.hint).toBe('Did you mean "orders"?');
    expect(results[4]?.error?.hint).not.toContain('Did you mean');
    expect(cluster.producer.bufferedBytes).toBe(0);
  });

  it('is looked for again by a later send', () => {
    const cluster = new Cluster();
    const early = cluster.send('x', {}, {}, 'late');
    cluster.world.run(100);
    expect(early.error?.code).toBe('TOPIC_NOT_FOUND');
    cluster.nameServer.topics.set('late', { a: 1 });
    cluster.world.run(1_000);
    const later = cluster.send('y', {}, {}, 'late');
    cluster.world.run(100);
    expect(later.error).toBeUndefined();
  });

  it('is no verdict while no NameServer can be reached: the send waits, and says so at its deadline [QNT-COR-011]', () => {
    const cluster = new Cluster();
    cluster.nameServer.state = 'down';
    cluster.world.cut(cluster.nameServer);
    const result = cluster.send('x', {}, { timeoutMs: 5_000 });
    const group = cluster.sendBatch([record('x', { key: 'k' })], { timeoutMs: 5_000 });
    cluster.world.run(5_100);
    expect(result.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    expect(result.error?.message).toContain('no NameServer');
    expect(group.error).toMatchObject({ code: 'TIMEOUT', outcome: 'not-sent' });
    expect(cluster.producer.bufferedBytes).toBe(0);
  });
});

describe('the end', () => {
  it('close of a producer sends what has gathered, and waits for it', () => {
    const cluster = new Cluster({ producer: { lingerMs: 10_000 } });
    const results = cluster.sendAll(range(3));
    let closed = 0;
    cluster.world.call(() => cluster.producer.close(() => closed++));
    const late = cluster.send('late');
    expect(late.error).toMatchObject({ code: 'CLOSED', outcome: 'not-sent' });
    expect(closed).toBe(0);
    cluster.world.run(100);
    expect(closed).toBe(1);
    expect(results.every(({ error, done }) => error === undefined && done === 1)).toBe(true);
  });

  it('close of the client fails what is pending, says which may be stored, and stops when the connections are closed', () => {
    const cluster = new Cluster({ producer: { batchRecords: 1, inFlightBatches: 1 } });
    cluster.a.meddle = () => true;
    const results = cluster.sendAll(range(2));
    cluster.world.run(50);
    cluster.world.call((client) => client.close());
    expect(results.map(({ error }) => [error?.code, error?.outcome])).toEqual([
      ['CLOSED', 'unknown'],
      ['CLOSED', 'not-sent'],
    ]);
    cluster.world.run(10);
    expect(cluster.world.stopped).toBe(true);
    expect(cluster.world.client.nextDeadlineMs()).toBeUndefined();
    expect(() => cluster.world.client.producer()).toThrow('closed');
  });
});
