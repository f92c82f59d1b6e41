// What the connections of one server share (docs/limits.md): each limit is reached, then passed by one.
import { describe, expect, it } from 'vitest';
import {
  BEGUN_BYTES_MAX,
  BEGUN_COUNTED_BYTES_MIN,
  BegunFrames,
  BURST_ANSWER_BYTES_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  codeOfWireNumber,
  DEFAULT_SESSION_OPTIONS,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAMES,
  type Frame,
  FrameSplitter,
  FrameType,
  GoAway,
  GREETING_MAX,
  GREETING_PER_ADDRESS_MAX,
  JOINED_BYTES_MAX,
  LIMITS,
  type LiveFrame,
  NameServer,
  type NameServerOptions,
  type QanatError,
  Random,
  REFUSED_MAX,
  type RequestInit,
  requestCodec,
  UNREAD_BYTES_TOTAL_MAX,
} from '../../src/index.ts';

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A NameServer and its connections; nothing is drained between two calls but where a test says so. */
class World {
  readonly engine: NameServer;
  readonly frames = new Map<number, Frame[]>();
  readonly dropped: number[] = [];
  #next = 2;
  #correlation = -1;
  #nowMs = 1;

  constructor(options: Partial<NameServerOptions> = {}) {
    this.engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs: 0, ...options });
  }

  accept(remote = 'host:1'): number {
    const connection = this.#next;
    this.#next += 2;
    this.engine.handle({ kind: 'accepted', connection, remote, listener: 'default' }, this.#nowMs);
    return connection;
  }

  open(remote?: string): number {
    const connection = this.accept(remote);
    this.send(connection, 'HELLO', {});
    return connection;
  }

  close(connection: number): void {
    this.engine.handle({ kind: 'closed', connection, error: undefined }, this.#nowMs);
  }

  send<N extends LiveFrame>(connection: number, name: N, header: RequestInit<N> | Uint8Array, flags = 0, again = false): number {
    if (!again) this.#correlation += 2;
    const control = header instanceof Uint8Array ? header : requestCodec(name).encode(header);
    const frame = joined(encodeFrame(FRAMES[name].type, flags, this.#correlation, control));
    this.engine.handle({ kind: 'frame', connection, frame }, this.#nowMs);
    return this.#correlation;
  }

  drain(): this {
    for (const output of this.engine.drain()) {
      if (output.kind === 'abort') this.dropped.push(output.connection);
      if (output.kind !== 'send') continue;
      const list = this.frames.get(output.connection) ?? [];
      list.push(decodeFrame(joined(output.parts)));
      this.frames.set(output.connection, list);
    }
    return this;
  }

  /** The code of the GOAWAY that a connection was sent. */
  goAway(connection: number): string | undefined {
    const frame = this.drain()
      .frames.get(connection)
      ?.find(({ type }) => type === FrameType.GOAWAY);
    return frame === undefined ? undefined : codeOfWireNumber(GoAway.decode(frame.control).code);
  }

  /** 'ok', or the code of the error. */
  answer(connection: number, correlation: number): string | undefined {
    const answers = this.drain().frames.get(connection) ?? [];
    const frame = answers.find((one) => one.correlation === correlation && one.flags & Flag.RESPONSE);
    if (frame === undefined) return undefined;
    return frame.flags & Flag.ERROR ? codeOfWireNumber(ErrorInfo.decode(frame.control).code) : 'ok';
  }
}

const broker = (name: string) => ({ broker: name, storeId: new Uint8Array(16).fill(1), term: 1 });

describe('connections', () => {
  it('GREETING_MAX: of those that have not said HELLO the oldest is ended, not the newest', () => {
    const world = new World();
    const all = Array.from({ length: GREETING_MAX }, (_, i) => world.accept(`10.0.0.${i % 4}:${i}`));
    expect(all.filter((connection) => world.goAway(connection) !== undefined)).toEqual([]);
    world.send(all[0] as number, 'HELLO', {}); // the oldest is no longer one of them
    const last = [world.accept('10.1.0.1:1'), world.accept('10.1.0.2:1')];
    expect(world.goAway(all[0] as number)).toBeUndefined();
    expect(world.goAway(all[1] as number)).toBe('TOO_MANY_CONNECTIONS');
    expect([all[2] as number, ...last].map((connection) => world.goAway(connection))).toEqual([undefined, undefined, undefined]);
  });

  it('GREETING_PER_ADDRESS_MAX: a crowd of one address ends its own oldest, and nobody else', () => {
    const world = new World();
    const other = world.accept('10.0.0.2:1');
    const crowd = Array.from({ length: GREETING_PER_ADDRESS_MAX }, (_, i) => world.accept(`10.0.0.1:${i}`));
    expect([other, ...crowd].filter((connection) => world.goAway(connection) !== undefined)).toEqual([]);
    world.close(crowd[0] as number);
    world.accept('10.0.0.1:7000');
    expect(world.goAway(crowd[1] as number)).toBeUndefined();
    world.accept('10.0.0.1:7001');
    expect([other, crowd[1] as number, crowd[2] as number].map((connection) => world.goAway(connection))).toEqual([
      undefined,
      'TOO_MANY_CONNECTIONS',
      undefined,
    ]);
  });

  it('UNREAD_BYTES_TOTAL_MAX: of peers that do not read the one for whom most waits is dropped, and no other', () => {
    expect(DEFAULT_SESSION_OPTIONS.unreadBytesTotalMax).toBe(UNREAD_BYTES_TOTAL_MAX);
    const world = new World({ session: { unreadBytesTotalMax: 1_000 } });
    const peers = [world.open(), world.open(), world.open()];
    for (const connection of peers) world.engine.handle({ kind: 'blocked', connection }, 1);
    const ping = (connection: number, times: number): void => {
      for (let i = 0; i < times; i++) world.send(connection, 'PING', {}); // 16 bytes each
      world.drain();
    };
    ping(peers[0] as number, 20);
    ping(peers[1] as number, 30);
    ping(peers[2] as number, 12);
    expect(world.dropped).toEqual([]);
    ping(peers[2] as number, 1);
    expect(world.dropped).toEqual([peers[1]]);
    world.engine.handle({ kind: 'drained', connection: peers[0] as number }, 1);
    ping(peers[2] as number, 40); // room that others gave back
    expect(world.dropped).toEqual([peers[1]]);
  });

  it('CONNECTIONS_PER_ADDRESS_MAX: further ones are refused, others are not', () => {
    expect(DEFAULT_SESSION_OPTIONS.connectionsPerAddressMax).toBe(CONNECTIONS_PER_ADDRESS_MAX);
    expect(CONNECTIONS_PER_ADDRESS_MAX).toBeLessThan(LIMITS.CONNECTIONS_MAX);
    const world = new World({ session: { connectionsPerAddressMax: 3 } });
    const mine = ['10.0.0.1:1', '10.0.0.1:2', '10.0.0.1:3', '10.0.0.1:4'].map((remote) => world.accept(remote));
    const other = world.accept('[::1]:1');
    const codes = () => [...mine, other].map((connection) => world.goAway(connection));
    expect(codes()).toEqual([undefined, undefined, undefined, 'TOO_MANY_CONNECTIONS', undefined]);
    world.close(mine[3] as number);
    world.close(mine[0] as number);
    expect(world.goAway(world.accept('10.0.0.1:5'))).toBeUndefined();
    expect(world.goAway(world.accept('10.0.0.1:6'))).toBe('TOO_MANY_CONNECTIONS');
  });

  it('REFUSED_MAX: so many are told that there are too many; the next ones are dropped', () => {
    const world = new World({ connectionsMax: REFUSED_MAX * 4 });
    for (let i = 0; i < REFUSED_MAX * 4; i++) world.open();
    const refused = Array.from({ length: REFUSED_MAX + 2 }, () => world.accept());
    const told = refused.filter((connection) => world.goAway(connection) === 'TOO_MANY_CONNECTIONS');
    expect(told).toEqual(refused.slice(0, REFUSED_MAX));
    expect(world.dropped).toEqual(refused.slice(REFUSED_MAX));
  });
});

describe('requests', () => {
  it('JOINED_BYTES_MAX: what waits for the rest of its request is bounded over all connections', () => {
    const world = new World();
    const topics = Array.from({ length: 500 }, (_, i) => ({ topic: `${'x'.repeat(120)}${i}`, queues: 1 }));
    const header = requestCodec('REGISTER_BROKER').encode({ ...broker('b'), topics });
    const most = Math.floor(JOINED_BYTES_MAX / header.length);
    const connections = [world.open(), world.open()];
    for (const [i, count] of [200, most - 200].entries()) {
      const connection = connections[i] as number;
      const asked = world.send(connection, 'REGISTER_BROKER', header, Flag.MORE);
      for (let more = 1; more < count; more++) world.send(connection, 'REGISTER_BROKER', header, Flag.MORE, true);
      expect(world.answer(connection, asked)).toBeUndefined();
    }
    const third = world.open();
    const refused = world.send(third, 'REGISTER_BROKER', header, Flag.MORE);
    expect(world.answer(third, refused)).toBe('TOO_MANY_REQUESTS');
    world.send(third, 'REGISTER_BROKER', header, 0, true); // the rest of a refused request is dropped
    expect(
      world
        .drain()
        .frames.get(third)
        ?.filter(({ correlation }) => correlation === refused),
    ).toHaveLength(1);
    world.close(connections[1] as number);
    const taken = world.send(third, 'REGISTER_BROKER', header, Flag.MORE);
    world.send(third, 'REGISTER_BROKER', broker('b'), 0, true);
    expect(world.answer(third, taken)).toBe('ok');
  });

  it('BURST_ANSWER_BYTES_MAX: more answers than that wait for the next burst', () => {
    const world = new World();
    const connection = world.open();
    const topics = Array.from({ length: 400 }, (_, i) => ({ topic: `${'x'.repeat(100)}${i}`, queues: 1 }));
    world.send(connection, 'REGISTER_BROKER', { ...broker('b'), topics });
    world.drain();
    const asked = Array.from({ length: 200 }, () => world.send(connection, 'ROUTE_QUERY', { all: true }));
    const answers = asked.map((correlation) => world.answer(connection, correlation));
    const served = answers.indexOf('TOO_MANY_REQUESTS');
    expect(answers).toEqual(asked.map((_, i) => (i < served ? 'ok' : 'TOO_MANY_REQUESTS')));
    const bytes = (world.frames.get(connection) ?? [])
      .filter(({ flags }) => (flags & Flag.ERROR) === 0)
      .reduce((sum, { control }) => sum + control.length, 0);
    expect(bytes).toBeGreaterThan(BURST_ANSWER_BYTES_MAX - 64 * 1024);
    expect(bytes).toBeLessThan(BURST_ANSWER_BYTES_MAX + 64 * 1024);
    expect(world.answer(connection, world.send(connection, 'ROUTE_QUERY', { all: true }))).toBe('ok');
  });

  it('an empty topic name, or one that is too long, refuses the whole query: no route can hold it [QNT-RTE-005]', () => {
    const world = new World();
    const connection = world.open();
    expect(world.answer(connection, world.send(connection, 'ROUTE_QUERY', { topics: ['a', ''] }))).toBe('INVALID_NAME');
    const long = 'x'.repeat(LIMITS.TOPIC_NAME_BYTES_MAX);
    expect(world.answer(connection, world.send(connection, 'ROUTE_QUERY', { topics: ['a', `${long}x`] }))).toBe('INVALID_NAME');
    expect(world.answer(connection, world.send(connection, 'ROUTE_QUERY', { topics: ['a', long] }))).toBe('ok');
    expect(world.answer(connection, world.send(connection, 'ROUTE_QUERY', { topics: ['a', 'a'] }))).toBe('ok');
  });
});

describe('BEGUN_BYTES_MAX', () => {
  const FRAME = 64 * 1024;
  const head = Uint8Array.of(0, 0, 0xff, 0xfc);
  const begin = (budget: BegunFrames, errors: (QanatError | undefined)[]) => {
    const at = errors.push(undefined) - 1;
    const splitter = new FrameSplitter(budget, (error) => {
      errors[at] = error;
    });
    splitter.frameBytesMax = LIMITS.FRAME_BYTES_MAX;
    const frames: Uint8Array[] = [];
    const push = (length: number, first = false) => {
      const chunk = new Uint8Array(length);
      if (first) chunk.set(head);
      return splitter.push(chunk, (frame) => frames.push(frame));
    };
    push(FRAME - 1, true);
    return { splitter, frames, push };
  };

  it('is reached by frames that do not end, and then the one that began first makes room', () => {
    expect(BEGUN_BYTES_MAX).toBeGreaterThanOrEqual(LIMITS.FRAME_BYTES_MAX * 2);
    const budget = new BegunFrames(4 * FRAME);
    const errors: (QanatError | undefined)[] = [];
    const all = Array.from({ length: 4 }, () => begin(budget, errors));
    expect(4 * FRAME - budget.bytes).toBeLessThan(8);
    expect(errors).toEqual([undefined, undefined, undefined, undefined]);
    all[1]?.push(1);
    expect(all[1]?.frames).toHaveLength(1);
    begin(budget, errors);
    expect(errors.map((error) => error?.code)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    begin(budget, errors);
    expect(errors.map((error) => error?.code)).toEqual(['TOO_MANY_CONNECTIONS', ...Array(5).fill(undefined)]);
    expect(all[0]?.splitter.pendingBytes).toBe(0);
    expect(budget.bytes).toBeLessThanOrEqual(4 * FRAME);
    expect(4 * FRAME - budget.bytes).toBeLessThan(8);
  });

  it('counts nothing below BEGUN_COUNTED_BYTES_MIN, and gives back what it counted', () => {
    const budget = new BegunFrames(FRAME);
    const splitter = new FrameSplitter(budget);
    splitter.frameBytesMax = LIMITS.FRAME_BYTES_MAX;
    const begun = (length: number): Uint8Array => {
      const chunk = new Uint8Array(length - 1);
      new DataView(chunk.buffer).setUint32(0, length - 4);
      return chunk;
    };
    splitter.push(begun(BEGUN_COUNTED_BYTES_MIN), () => {});
    expect(budget.bytes).toBe(0);
    splitter.push(new Uint8Array(1), () => {});
    splitter.push(begun(BEGUN_COUNTED_BYTES_MIN + 1), () => {});
    expect(budget.bytes).toBe(BEGUN_COUNTED_BYTES_MIN + 1);
    splitter.stop();
    expect(budget.bytes).toBe(0);
  });

  it('never ends the connection whose own bytes have just come', () => {
    const budget = new BegunFrames(FRAME);
    const errors: (QanatError | undefined)[] = [];
    const first = begin(budget, errors);
    begin(budget, errors);
    expect(errors.map((error) => error?.code)).toEqual(['TOO_MANY_CONNECTIONS', undefined]);
    expect(first.push(1)).toBeUndefined();
    expect(first.frames).toEqual([]);
  });
});
