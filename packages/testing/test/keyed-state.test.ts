import { type Message, QanatError, type StateChanges } from '@qanat/client';
import { startCluster } from '@qanat/testing';
import { describe, expect, it } from 'vitest';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

async function withTopic() {
  const cluster = await startCluster({ time: 'virtual', brokers: 2 });
  const client = await cluster.connect();
  await cluster.until(client.admin.createTopic('devices', { queues: 2 }));
  return { cluster, client, state: client.keyedState('devices') };
}

describe('the keyed state of a client', () => {
  it('writes all or nothing, and tells which version is in the way [QNT-KST-003, QNT-KST-006]', async () => {
    const { cluster, state } = await withTopic();
    const queue = await cluster.until(state.queueOf('device-1'));
    const first = await cluster.until(state.write(queue, [{ key: 's/1', value: bytes('a'), expectedVersion: 0 }]));
    const refused = await cluster.until(
      state
        .write(queue, [
          { key: 's/2', value: bytes('b') },
          { key: 's/1', value: undefined, expectedVersion: 0 },
        ])
        .catch((error: unknown) => error),
    );
    expect(QanatError.is(refused, 'VERSION_CONFLICT') && refused.outcome).toBe('rejected');
    const second = await cluster.until(state.write(queue, [{ key: 's/2', value: bytes('ü'), expectedVersion: 0 }]));
    expect(second).toBeGreaterThan(first);
    const [found, missing, other] = await cluster.until(state.get(queue, ['s/1', 's/3', 's/2']));
    expect([found?.version, text(found?.value), missing, text(other?.value)]).toEqual([first, 'a', undefined, 'ü']);
    const scanned = await cluster.until(state.scan(queue, { prefix: 's/', limit: 1 }));
    expect([scanned.entries.map(({ key }) => key), scanned.more, scanned.version]).toEqual([['s/1'], true, second]);
    const rest = await cluster.until(state.scan(queue, { prefix: 's/', after: 's/1' }));
    expect([rest.entries.map(({ key }) => key), rest.more]).toEqual([['s/2'], false]);
    await cluster.stop();
  });

  it('finds the queue of a text where a message with that key goes [QNT-SND-024]', async () => {
    const { cluster, client, state } = await withTopic();
    const queues = await cluster.until(state.queues());
    expect(queues.map(({ broker, queue }) => `${broker}/${queue}`)).toEqual([
      'broker-a/0',
      'broker-a/1',
      'broker-b/0',
      'broker-b/1',
    ]);
    const producer = client.producer();
    for (const key of ['one', 'two', 'three', 'four', 'five']) {
      const { broker, queue } = await cluster.until(producer.send('devices', { key, body: '' }));
      expect(await cluster.until(state.queueOf(key))).toEqual({ topic: 'devices', broker, queue });
    }
    const missing = await cluster.until(
      client
        .keyedState('nowhere')
        .queues()
        .catch((error: unknown) => error),
    );
    expect(QanatError.is(missing, 'TOPIC_NOT_FOUND')).toBe(true);
    await cluster.stop();
  });

  it('gets more keys than one request takes [QNT-KST-012]', async () => {
    const { cluster, state } = await withTopic();
    const queue = await cluster.until(state.queueOf('x'));
    const keys = Array.from({ length: 1_500 }, (_, i) => `k/${i}`);
    const large = new Uint8Array(900_000);
    await cluster.until(
      state.write(
        queue,
        keys.slice(0, 1_000).map((key) => ({ key, value: bytes(key) })),
      ),
    );
    for (const key of keys.slice(0, 4)) await cluster.until(state.write(queue, [{ key, value: large }]));
    const found = await cluster.until(state.get(queue, keys));
    expect(found.map((one) => one?.value.length ?? -1)).toEqual(
      keys.map((key, i) => (i < 4 ? large.length : i < 1_000 ? key.length : -1)),
    );
    await cluster.stop();
  });

  it('refuses a key or a value that no broker takes before it is sent', async () => {
    const { cluster, state } = await withTopic();
    const queue = await cluster.until(state.queueOf('x'));
    for (const change of [
      { key: '', value: bytes('') },
      { key: 'k'.repeat(513), value: undefined },
      { key: 'k', value: new Uint8Array(1_048_577) },
    ]) {
      const error = await cluster.until(state.write(queue, [change]).catch((why: unknown) => why));
      expect(QanatError.is(error, 'INVALID_ARGUMENT') && error.outcome).toBe('not-sent');
    }
    await cluster.stop();
  });

  it('waits for a broker that is away, and says unknown of a write that it may have taken [QNT-KST-032]', async () => {
    const { cluster, state } = await withTopic();
    const queue = (await cluster.until(state.queues()))[0];
    if (queue === undefined) throw new Error('no queue');
    await cluster.until(state.write(queue, [{ key: 'a', value: bytes('1') }]));
    cluster.killBroker(queue.broker);
    const waits = state.get(queue, ['a'], { timeoutMs: 60_000 });
    await cluster.advance(5_000);
    await cluster.startBroker(queue.broker);
    expect(text((await cluster.until(waits))[0]?.value)).toBe('1');
    const late = state.write(queue, [{ key: 'a', value: bytes('2') }], { timeoutMs: 60_000 }).catch((error: unknown) => error);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    cluster.killBroker(queue.broker);
    const error = await cluster.until(late);
    expect(QanatError.is(error) && error.outcome).toBe('unknown');
    await cluster.stop();
  });
});

describe('a watch', () => {
  it('tells changes in order, through a restart of the broker, until its signal [QNT-KST-015, QNT-KST-016]', async () => {
    const { cluster, state } = await withTopic();
    const queue = await cluster.until(state.queueOf('x'));
    const since = await cluster.until(state.write(queue, [{ key: 'w/0', value: bytes('0') }]));
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const change of state.watch(queue, { prefix: 'w/', since, signal: stop.signal })) {
        if (change.kind === 'reset') throw new Error('reset');
        for (const { key, value } of change.entries) seen.push(`${key}=${text(value)}`);
      }
    })().catch((error: unknown) => error);
    await cluster.until(state.write(queue, [{ key: 'w/1', value: bytes('1') }]));
    await cluster.until(state.write(queue, [{ key: 'v/1', value: bytes('1') }]));
    await cluster.advance(40_000);
    cluster.killBroker(queue.broker);
    await cluster.advance(3_000);
    await cluster.startBroker(queue.broker);
    await cluster.until(state.write(queue, [{ key: 'w/1', value: undefined }], { timeoutMs: 60_000 }));
    await cluster.advance(5_000);
    expect(seen).toEqual(['w/1=1', 'w/1=undefined']);
    stop.abort(new Error('enough'));
    expect(String(await cluster.until(watching))).toContain('enough');
    await cluster.stop();
  });

  it('ends with reset where the changes are forgotten [QNT-KST-014]', async () => {
    const { cluster, state } = await withTopic();
    const queue = await cluster.until(state.queueOf('x'));
    const since = await cluster.until(state.write(queue, [{ key: 'a', value: bytes('') }]));
    const many = Array.from({ length: 1_024 }, (_, i) => ({ key: `k${i}`, value: bytes('') }));
    for (let i = 0; i < 5; i++) await cluster.until(state.write(queue, many));
    const steps: StateChanges[] = [];
    const watching = (async () => {
      for await (const step of state.watch(queue, { prefix: '', since })) steps.push(step);
    })();
    await cluster.until(watching);
    expect(steps).toEqual([{ kind: 'reset' }]);
    await cluster.stop();
  });
});

describe('a send with a dedup id', () => {
  it('stores once over producers, restarts and time, until the key is removed [QNT-KST-024, QNT-KST-026]', async () => {
    const { cluster, client, state } = await withTopic();
    const message = { key: 'device-1', body: 'x' };
    const first = await cluster.until(client.producer().send('devices', message, { dedupId: 'd/device-1/7' }));
    expect(first.duplicate).toBe(false);
    const producer = client.producer();
    cluster.killBroker(first.broker);
    await cluster.startBroker(first.broker);
    const [again, plain, third] = await cluster.until(
      Promise.all([
        producer.send('devices', message, { dedupId: 'd/device-1/7' }),
        producer.send('devices', message),
        producer.send('devices', message, { dedupId: 'd/device-1/7' }),
      ]),
    );
    expect([again, third].map((receipt) => [receipt?.offset, receipt?.duplicate])).toEqual([
      [first.offset, true],
      [first.offset, true],
    ]);
    expect(plain?.offset).toBe((first.offset ?? 0) + 1);
    await cluster.until(state.write(first, [{ key: 'd/device-1/7', value: undefined }]));
    const next = await cluster.until(producer.send('devices', message, { dedupId: 'd/device-1/7' }));
    expect([next.offset, next.duplicate]).toEqual([(first.offset ?? 0) + 2, false]);
    await cluster.stop();
  });

  it('is refused at once without a queue to hold in, or an acknowledgement [QNT-KST-030]', async () => {
    const { cluster, client } = await withTopic();
    const sent = async (options: { dedupId: string }, key?: string, ack: 'none' | 'committed' = 'committed') =>
      client
        .producer({ ack })
        .send('devices', { body: '', ...(key === undefined ? {} : { key }) }, options)
        .catch((error: unknown) => error);
    for (const error of [
      await sent({ dedupId: 'd' }),
      await sent({ dedupId: '' }, 'k'),
      await sent({ dedupId: 'd' }, 'k', 'none'),
    ])
      expect(QanatError.is(error, 'INVALID_ARGUMENT') && error.outcome).toBe('not-sent');
    await cluster.stop();
  });
});

describe('a broker of an earlier version', () => {
  it('gets no dedup id, and refuses keyed state [QNT-KST-029, QNT-CON-007]', async () => {
    const cluster = await startCluster({ time: 'virtual', broker: { session: { minor: 1 } } });
    const client = await cluster.connect();
    await cluster.until(client.admin.createTopic('devices'));
    const options = { key: 'k', body: '' };
    const sent = client.producer().send('devices', options, { dedupId: 'd' });
    const error = await cluster.until(sent.catch((why: unknown) => why));
    expect(QanatError.is(error, 'UNSUPPORTED_FEATURE') && error.outcome).toBe('not-sent');
    expect((await cluster.until(client.producer().send('devices', options))).offset).toBe(0);
    const state = client.keyedState('devices');
    const queue = await cluster.until(state.queueOf('k'));
    const refused = await cluster.until(state.get(queue, ['k']).catch((why: unknown) => why));
    expect(QanatError.is(refused, 'UNSUPPORTED_FEATURE')).toBe(true);
    await cluster.stop();
  });
});

describe('a fetch', () => {
  it('reads one queue from an offset on, and tells its bounds [QNT-PUL-001]', async () => {
    const { cluster, client } = await withTopic();
    const producer = client.producer();
    const bodies = ['a', 'b', 'c'];
    const receipts = await cluster.until(Promise.all(bodies.map((body) => producer.send('devices', { key: 'k', body }))));
    const queue = receipts[0];
    if (queue === undefined) throw new Error('no receipt');
    const reader = client.pullConsumer();
    const found = await cluster.until(reader.fetch(queue, 1));
    expect(found.messages.map((message: Message) => [message.offset, text(message.body)])).toEqual([
      [1, 'b'],
      [2, 'c'],
    ]);
    expect([found.nextOffset, found.highWatermark, found.oldestOffset]).toEqual([3, 3, 0]);
    expect(await cluster.until(reader.fetch(queue, 3))).toMatchObject({ messages: [], nextOffset: 3, highWatermark: 3 });
    const waits = reader.fetch(queue, 3, { waitMs: 5_000 });
    const others = reader.fetch(queue, 3, { waitMs: 5_000 });
    await cluster.advance(1_000);
    await cluster.until(producer.send('devices', { key: 'k', body: 'd' }));
    for (const one of [waits, others]) expect((await cluster.until(one)).messages.map(({ offset }) => offset)).toEqual([3]);
    const above = await cluster.until(reader.fetch(queue, 9).catch((error: unknown) => error));
    expect(QanatError.is(above, 'OFFSET_OUT_OF_RANGE')).toBe(true);
    await cluster.stop();
  });
});
