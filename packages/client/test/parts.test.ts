// What an application sees of a client whose parts are loaded when they are first used.
import { startCluster, type TestCluster } from '@qanat/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OffsetStore, PushConsumer, QanatClient } from '../src/index.ts';
import { Part } from '../src/part.ts';
import { ADMINISTRATION, CONSUMERS, loadParts } from '../src/parts.ts';

const OFFLINE = expect.objectContaining({
  code: 'CONNECTION_FAILED',
  retryable: true,
  outcome: 'not-sent',
  hint: expect.stringContaining('load the page again'),
});

describe('a part', () => {
  it('is loaded once, by whoever needs it first', async () => {
    const fetch = vi.fn(async () => ({ what: 'it is' }));
    const part = new Part('tests', fetch);
    expect(fetch).not.toHaveBeenCalled();
    expect(await Promise.all([part.load(), part.load()])).toEqual([{ what: 'it is' }, { what: 'it is' }]);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('is there when what it needs beside it is there too', async () => {
    let fetched = false;
    const part = new Part('tests', async () => 'it is');
    part.loadBeside(async () => {
      await Promise.resolve();
      fetched = true;
    });
    await part.load();
    expect(fetched).toBe(true);
  });

  it('that cannot be loaded says what to do, and is tried again by the next who needs it', async () => {
    const fetch = vi.fn(async () => 'it is');
    fetch.mockRejectedValueOnce(new TypeError('Failed to fetch'));
    const part = new Part('tests', fetch);
    const both = await Promise.allSettled([part.load(), part.load()]);
    expect(both).toEqual(Array(2).fill({ status: 'rejected', reason: OFFLINE }));
    await expect(part.load()).resolves.toBe('it is');
    expect(fetch).toHaveBeenCalledTimes(2);
  });
});

describe('a client whose parts are being loaded', () => {
  let cluster: TestCluster;
  let client: QanatClient;
  let arrive: () => Promise<void>;
  let fail: (error: unknown) => void;
  let consumer: PushConsumer;

  /** Holds up the next load of consumers until `arrive` or `fail`. */
  function holdUp(): void {
    const load = CONSUMERS.load.bind(CONSUMERS);
    const held = new Promise<void>((resolve, reject) => {
      arrive = () => {
        resolve();
        return cluster.advance(100);
      };
      fail = reject;
    });
    vi.spyOn(CONSUMERS, 'load').mockImplementationOnce(() => held.then(load));
  }

  const send = async (...bodies: readonly string[]): Promise<void> => {
    const producer = client.producer();
    for (const body of bodies) await cluster.until(producer.send('orders', { body }));
  };

  beforeEach(async () => {
    cluster = await startCluster({ time: 'virtual', brokers: 1, broker: { defaultQueues: 1 } });
    client = await cluster.connect();
    await send('first', 'second');
    holdUp();
    consumer = client.pushConsumer({ group: 'g', topics: 'orders', from: 'first' });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await cluster.stop();
  });

  it('consumes when they are there', async () => {
    const got = vi.fn();
    void consumer.run(got);
    await cluster.advance(5_000);
    expect(got).not.toHaveBeenCalled();
    await arrive();
    await cluster.advance(5_000);
    expect(got).toHaveBeenCalledTimes(2);
  });

  it('runs a consumer once, whether it has begun or not', async () => {
    void consumer.run(() => {});
    await expect(consumer.run(() => {})).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('hands out nothing to a consumer that was paused meanwhile, until it is resumed', async () => {
    const got = vi.fn();
    void consumer.run(got);
    consumer.pause();
    await arrive();
    await cluster.advance(5_000);
    expect(got).not.toHaveBeenCalled();
    consumer.resume();
    await cluster.advance(5_000);
    expect(got).toHaveBeenCalledTimes(2);
  });

  it('does not begin a consumer that was closed meanwhile', async () => {
    const run = consumer.run(() => expect.unreachable());
    await cluster.until(consumer.close());
    await cluster.until(run);
    await arrive();
    await cluster.advance(5_000);
    await expect(cluster.until(client.admin.describeGroup('g'))).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
  });

  it('does not begin a consumer whose signal was aborted meanwhile', async () => {
    const abort = new AbortController();
    const run = consumer.run(() => expect.unreachable(), { signal: abort.signal });
    abort.abort();
    await cluster.until(run);
    await arrive();
  });

  it('can be closed meanwhile: consumers of every kind end', async () => {
    const run = consumer.run(() => expect.unreachable());
    await cluster.until(client.close());
    await cluster.until(run);
    await arrive();
    holdUp();
    const reading = expect(client.pullConsumer().read('orders').next()).rejects.toMatchObject({ code: 'CLOSED' });
    await arrive();
    await cluster.until(reading);
  });

  it('rejects a run, and an iteration, whose part cannot be loaded, and says what to do', async () => {
    const offline = new Part('consumers', () => Promise.reject(new TypeError('Failed to fetch')));
    const run = consumer.run(() => expect.unreachable());
    fail(await offline.load().catch((error: unknown) => error));
    await expect(cluster.until(run)).rejects.toEqual(OFFLINE);
    vi.spyOn(CONSUMERS, 'load').mockImplementationOnce(() => offline.load() as never);
    await expect(cluster.until(client.pullConsumer().read('orders').next())).rejects.toEqual(OFFLINE);
    vi.spyOn(ADMINISTRATION, 'load').mockImplementationOnce(() => offline.load() as never);
    await expect(cluster.until(client.admin.listTopics())).rejects.toEqual(OFFLINE);
    expect((await cluster.until(client.admin.listTopics())).length).toBe(1);
  });

  it('saves where a broadcasting consumer was, not that it is nowhere', async () => {
    const saved: ReadonlyMap<string, number>[] = [];
    const before = new Map([['orders/broker-a/0', 1]]);
    const store: OffsetStore = { load: async () => before, save: async (positions) => void saved.push(positions) };
    const broadcasting = client.broadcastingConsumer({ topics: 'orders', store });
    const run = broadcasting.run(() => expect.unreachable());
    await cluster.advance(10);
    await cluster.until(broadcasting.close());
    await cluster.until(run);
    expect(saved).toEqual([before]);
    await arrive();
  });

  it('aborts an administrative call meanwhile', async () => {
    const never = new Promise<never>(() => {});
    vi.spyOn(ADMINISTRATION, 'load').mockImplementationOnce(() => never);
    const abort = new AbortController();
    const call = client.admin.listTopics({ signal: abort.signal });
    abort.abort();
    await expect(cluster.until(call)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

it('all parts can be loaded beforehand', async () => {
  const spies = [vi.spyOn(ADMINISTRATION, 'load'), vi.spyOn(CONSUMERS, 'load')];
  await loadParts();
  for (const spy of spies) expect(spy).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
});
