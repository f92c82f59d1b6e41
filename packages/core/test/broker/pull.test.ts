import { describe, expect, it } from 'vitest';
import { codeNumber, LIMITS, Position } from '../../src/index.ts';
import { batchOf, messagesOf } from './batches.ts';
import { type BrokerWorld, runningBroker, type TestClient, WALL_MS } from './broker-world.ts';

function withTopic(options: Parameters<typeof runningBroker>[0] = {}): { world: BrokerWorld; client: TestClient } {
  const world = runningBroker(options);
  const client = world.client();
  client.call('TOPIC_CREATE', { topic: 't', queues: 3 });
  return { world, client };
}

const at = (queue: number, offset: number) => ({ topic: 't', queues: [{ queue, offset }] });
const put = (client: TestClient, queue: number, bodies: readonly string[], tag?: string, bytes = 0): void => {
  expect(client.call('SEND', { topic: 't', queue }, [batchOf(bodies, { tag, bytes })]).code).toBeUndefined();
};

describe('PULL', () => {
  it('answers for the queues that have something, each with its next offset and marks [QNT-PUL-001, QNT-PUL-013]', () => {
    const { client } = withTopic();
    put(client, 0, ['a', 'b']);
    put(client, 2, ['c']);
    const answer = client.call('PULL', { topics: [{ topic: 't', queues: [0, 1, 2].map((queue) => ({ queue, offset: 0 })) }] });
    expect(
      answer.header.results.map(({ queue, nextOffset, highWatermark, oldestOffset }) => [
        queue,
        nextOffset,
        highWatermark,
        oldestOffset,
      ]),
    ).toEqual([
      [0, 2, 2, 0],
      [2, 1, 1, 0],
    ]);
    expect(messagesOf(answer.payload)).toEqual(['0:a', '1:b', '0:c']);
  });

  it('gives the whole batch that contains the offset [QNT-PUL-006, QNT-PUL-012]', () => {
    const { client } = withTopic();
    put(client, 0, ['a', 'b']);
    put(client, 0, ['c']);
    const answer = client.call('PULL', { topics: [at(0, 1)] });
    expect(messagesOf(answer.payload)).toEqual(['0:a', '1:b', '2:c']);
    expect(answer.header.results[0]?.nextOffset).toBe(3);
  });

  it('waits, and is woken by a commit in one of its queues and by no other [QNT-PUL-002]', () => {
    const { world, client } = withTopic();
    const poll = client.send('PULL', { waitMs: 10_000, topics: [at(0, 0), at(1, 0)] });
    put(client, 2, ['x']);
    expect(client.answer('PULL', poll)).toBeUndefined();
    const producer = world.client();
    put(producer, 1, ['a']);
    const answer = client.answer('PULL', poll);
    expect(answer?.header.results.map(({ queue }) => queue)).toEqual([1]);
    expect(messagesOf(answer?.payload as Uint8Array)).toEqual(['0:a']);
  });

  it('is answered empty when its time is over [QNT-PUL-002, QNT-PUL-003]', () => {
    const { world, client } = withTopic();
    const poll = client.send('PULL', { waitMs: 500, topics: [at(0, 0)] });
    world.advance(499);
    expect(client.answer('PULL', poll)).toBeUndefined();
    world.advance(1);
    expect(client.answer('PULL', poll)?.header.results).toEqual([]);
  });

  it('keeps the time of every poll of a connection, in whatever order they end', () => {
    const { world, client } = withTopic();
    const polls = [3_000, 1_000, 2_000].map((waitMs, i) => client.send('PULL', { poll: i, waitMs, topics: [at(i, 0)] }));
    const ended = () => polls.map((poll) => client.answer('PULL', poll) !== undefined);
    world.advance(1_000);
    expect(ended()).toEqual([false, true, false]);
    world.advance(1_000);
    expect(ended()).toEqual([false, true, true]);
    world.advance(1_000);
    expect(ended()).toEqual([true, true, true]);
  });

  it('ends a waiting PULL with the same number at once [QNT-PUL-005]', () => {
    const { client } = withTopic();
    const first = client.send('PULL', { poll: 7, waitMs: 10_000, topics: [at(0, 0)] });
    const other = client.send('PULL', { poll: 8, waitMs: 10_000, topics: [at(0, 0)] });
    client.send('PULL', { poll: 7, waitMs: 10_000, topics: [at(0, 0)] });
    expect(client.answer('PULL', first)?.header.results).toEqual([]);
    expect(client.answer('PULL', other)).toBeUndefined();
  });

  it('ends no waiting PULL by one that is refused [QNT-PUL-005, QNT-PUL-027]', () => {
    const { client } = withTopic();
    const first = client.send('PULL', { poll: 7, waitMs: 10_000, topics: [at(0, 0)] });
    expect(client.call('PULL', { poll: 7, topics: [{ ...at(0, 0), filter: '||' }] }).code).toBe('INVALID_ARGUMENT');
    expect(client.answer('PULL', first)).toBeUndefined();
  });

  it('tells errors queue by queue, at once [QNT-PUL-001, QNT-ERR-011]', () => {
    const { client } = withTopic();
    put(client, 0, ['a']);
    const answer = client.call('PULL', {
      waitMs: 10_000,
      topics: [at(0, 0), at(1, 5), at(9, 0), { topic: 'nowhere', queues: [{ queue: 0, offset: 0 }] }],
    });
    expect(new Map(answer.header.results.map(({ topic, queue, code }) => [`${topic}/${queue}`, code]))).toEqual(
      new Map([
        ['t/0', 0],
        ['t/1', codeNumber('OFFSET_OUT_OF_RANGE')],
        ['t/9', codeNumber('QUEUE_NOT_FOUND')],
        ['nowhere/0', codeNumber('TOPIC_NOT_FOUND')],
      ]),
    );
    expect(answer.header.results.find(({ queue }) => queue === 1)?.nextOffset).toBe(0);
  });

  it('sends the first batch whatever its length, then keeps to max_bytes, and serves the queues in turn [QNT-PUL-008, QNT-PUL-015]', () => {
    const { client } = withTopic();
    for (const queue of [0, 1, 2]) for (const name of ['a', 'b']) put(client, queue, [name], undefined, 1_000);
    const offsets = [0, 0, 0];
    const served: number[] = [];
    for (let i = 0; i < 6; i++) {
      const answer = client.call('PULL', {
        maxBytes: 100,
        topics: [{ topic: 't', queues: offsets.map((offset, queue) => ({ queue, offset })) }],
      });
      expect(messagesOf(answer.payload)).toHaveLength(1);
      for (const { queue, nextOffset } of answer.header.results) {
        served.push(queue);
        offsets[queue] = nextOffset;
      }
    }
    expect(offsets).toEqual([2, 2, 2]);
    expect(new Set(served.slice(0, 3)).size).toBe(3);
  });

  it('keeps to the limit of a queue, at least one batch [QNT-PUL-009]', () => {
    const { client } = withTopic();
    for (const name of ['a', 'b', 'c']) put(client, 0, [name], undefined, 1_000);
    const pull = (maxBytes: number) =>
      messagesOf(client.call('PULL', { topics: [{ topic: 't', queues: [{ queue: 0, offset: 0, maxBytes }] }] }).payload).length;
    expect([pull(1), pull(2_500), pull(0)]).toEqual([1, 2, 3]);
  });

  it('keeps to the frame length of the client; a batch that can never fit is an error [QNT-PUL-010]', () => {
    const { world, client } = withTopic();
    for (let i = 0; i < 5; i++) put(client, 0, ['a'], undefined, 6_000);
    put(client, 1, ['a'], undefined, 20_000);
    // The shortest frames that a client may ask for.
    const small = world.client(LIMITS.FRAME_BEFORE_HELLO_BYTES_MAX);
    expect(messagesOf(small.call('PULL', { topics: [at(0, 0)] }).payload)).toHaveLength(2);
    const { results } = small.call('PULL', { topics: [at(1, 0)] }).header;
    expect(results).toMatchObject([{ code: codeNumber('BATCH_TOO_LARGE'), nextOffset: 0 }]);
  });

  it('holds answers back from a connection that does not read, until it is drained', () => {
    const { world, client } = withTopic();
    const poll = client.send('PULL', { waitMs: 10_000, topics: [at(0, 0)] });
    world.input({ kind: 'blocked', connection: client.connection });
    put(world.client(), 0, ['a']);
    expect(client.answer('PULL', poll)).toBeUndefined();
    world.input({ kind: 'drained', connection: client.connection });
    expect(messagesOf(client.answer('PULL', poll)?.payload as Uint8Array)).toEqual(['0:a']);
  });

  it('tells a connection that does not read of its messages, though its time is over: there are some [QNT-PUL-001]', () => {
    const { world, client } = withTopic();
    put(world.client(), 0, ['a']);
    world.input({ kind: 'blocked', connection: client.connection });
    const polls = [0, 1_000].map((waitMs, poll) => client.send('PULL', { poll, waitMs, topics: [at(0, 0)] }));
    world.advance(2_000);
    world.input({ kind: 'drained', connection: client.connection });
    expect(polls.map((poll) => messagesOf(client.answer('PULL', poll)?.payload as Uint8Array))).toEqual([['0:a'], ['0:a']]);
  });

  it('gives a connection at most a few answers before it hears how they are taken', () => {
    const { world, client } = withTopic();
    for (let i = 0; i < 4; i++) put(client, 0, ['a'], undefined, 3_500_000);
    const reader = world.client();
    const polls: number[] = [];
    // Six requests in one burst; after each answer with data the connection is full.
    for (let i = 0; i < 6; i++) polls.push(queued(world, reader, i));
    const sends = () => world.broker.drain().filter(({ kind }) => kind === 'send').length;
    expect([sends(), sends(), sends(), sends()]).toEqual([2, 2, 2, 0]);
    expect(polls).toHaveLength(6);
  });

  it('forgets the polls of a connection that is gone', () => {
    const { world, client } = withTopic();
    client.send('PULL', { waitMs: 10_000, topics: [at(0, 0)] });
    client.close();
    put(world.client(), 0, ['a']);
    world.advance(20_000);
    expect(world.fatal).toBeUndefined();
  });

  it('is answered when its topic is removed, and a new topic of the name starts at zero [QNT-ADM-006, QNT-ADM-007]', () => {
    const { world, client } = withTopic();
    put(client, 0, ['a']);
    const poll = client.send('PULL', { waitMs: 10_000, topics: [at(0, 1)] });
    const admin = world.client();
    admin.call('TOPIC_REMOVE', { topic: 't' });
    expect(client.answer('PULL', poll)?.header.results).toMatchObject([{ code: codeNumber('TOPIC_NOT_FOUND') }]);
    admin.call('TOPIC_CREATE', { topic: 't', queues: 1 });
    expect(client.call('PULL', { topics: [at(0, 0)] }).header.results).toEqual([]);
  });

  it('refuses a longer wait than the limit [QNT-PUL-004, QNT-PUL-027]', () => {
    const { client } = withTopic();
    expect(client.call('PULL', { waitMs: LIMITS.PULL_WAIT_MS_MAX + 1, topics: [at(0, 0)] }).code).toBe('INVALID_ARGUMENT');
    expect(client.call('PULL', { topics: [{ ...at(0, 0), filter: 'a || ' }] }).code).toBe('INVALID_ARGUMENT');
  });
});

/** Gives the broker a PULL without performing what it asks for. */
function queued(world: BrokerWorld, reader: TestClient, number: number): number {
  const perform = world.perform;
  world.perform = () => {};
  const correlation = reader.send('PULL', { poll: number, topics: [at(0, 0)] });
  world.perform = perform;
  return correlation;
}

describe('a filtered PULL', () => {
  const filtered = (offset: number, filter: string) => ({ topic: 't', filter, queues: [{ queue: 0, offset }] });

  it('gives the whole batches that have a hit, and its progress [QNT-PUL-023, QNT-PUL-024]', () => {
    const { client } = withTopic();
    put(client, 0, ['a'], 'red');
    put(client, 0, ['b'], 'blue');
    put(client, 0, ['c'], 'red');
    put(client, 0, ['d'], 'blue');
    put(client, 0, ['e']);
    const answer = client.call('PULL', { topics: [filtered(0, 'red || green')] });
    expect(messagesOf(answer.payload)).toEqual(['0:a', '2:c']);
    expect(answer.header.results[0]?.nextOffset).toBe(5);
    const none = client.call('PULL', { topics: [filtered(0, 'green')] });
    expect(none.header.results).toMatchObject([{ nextOffset: 5, bytes: 0 }]);
  });

  it('keeps to the limit of its queue', () => {
    const { client } = withTopic();
    for (const body of ['a', 'b', 'c']) put(client, 0, [body], 'red', 1_000);
    const queues = [{ queue: 0, offset: 0, maxBytes: 2_500 }];
    const answer = client.call('PULL', { topics: [{ topic: 't', filter: 'red', queues }] });
    expect(answer.header.results).toMatchObject([{ nextOffset: 2 }]);
    expect(messagesOf(answer.payload)).toHaveLength(2);
  });

  it('goes on waiting when what comes does not pass, and tells its progress in the end [QNT-PUL-026]', () => {
    const { world, client } = withTopic();
    const poll = client.send('PULL', { waitMs: 1_000, topics: [filtered(0, 'red')] });
    const producer = world.client();
    put(producer, 0, ['a'], 'blue');
    expect(client.answer('PULL', poll)).toBeUndefined();
    world.advance(1_000);
    expect(client.answer('PULL', poll)?.header.results).toMatchObject([{ nextOffset: 1, bytes: 0 }]);
    const second = client.send('PULL', { waitMs: 1_000, topics: [filtered(1, 'red')] });
    put(producer, 0, ['b'], 'blue');
    put(producer, 0, ['c'], 'red');
    expect(messagesOf(client.answer('PULL', second)?.payload as Uint8Array)).toEqual(['2:c']);
  });

  it('looks at a limited number of bytes, then answers with its progress [QNT-PUL-025]', () => {
    const { client } = withTopic();
    for (let i = 0; i < 4; i++) put(client, 0, ['a'], 'blue', 4_000_000);
    put(client, 0, ['z'], 'red');
    const answer = client.call('PULL', { waitMs: 10_000, topics: [filtered(0, 'red')] });
    const next = answer.header.results[0]?.nextOffset as number;
    expect(next).toBe(2);
    expect(answer.payload).toHaveLength(0);
    expect(messagesOf(client.call('PULL', { topics: [filtered(next, 'red')] }).payload)).toEqual(['4:z']);
  });
});

describe('OFFSET_LOOKUP', () => {
  it('finds the first, the last and an offset by time [QNT-OFS-010, QNT-OFS-011]', () => {
    const { world, client } = withTopic();
    put(client, 0, ['a', 'b']);
    world.advance(1_000);
    put(client, 0, ['c']);
    const lookUp = (position: Position, timeMs = 0) =>
      client.call('OFFSET_LOOKUP', { queues: [{ topic: 't', queue: 0, position, timeMs }] });
    const offset = (position: Position, timeMs = 0) => lookUp(position, timeMs).header.offsets[0]?.offset;
    expect([offset(Position.FIRST), offset(Position.LAST)]).toEqual([0, 3]);
    const startMs = WALL_MS + 1_000;
    expect([startMs, startMs + 1, startMs + 1_000, startMs + 1_001].map((timeMs) => offset(Position.AT_TIME, timeMs))).toEqual([
      0, 2, 2, 3,
    ]);
    expect(lookUp(Position.AT_OFFSET).code).toBe('INVALID_ARGUMENT');
  });

  it('answers in the order asked for, with a code for each [QNT-OFS-010, QNT-OFS-012, QNT-ERR-011]', () => {
    const { client } = withTopic();
    const queues = [
      { topic: 'x', queue: 0 },
      { topic: 't', queue: 7 },
      { topic: 't', queue: 0 },
    ];
    const codes = client.call('OFFSET_LOOKUP', { queues }).header.offsets.map(({ code }) => code);
    expect(codes).toEqual([codeNumber('TOPIC_NOT_FOUND'), codeNumber('QUEUE_NOT_FOUND'), 0]);
  });
});
