// What a broker tells its NameServers, and what those take (spec, chapter of broker registration). The test is the NameServer.
import { describe, expect, it } from 'vitest';
import {
  type BrokerOptions,
  decodeFrame,
  ErrorInfo,
  encodeFrame,
  Flag,
  FRAME_NAMES,
  FRAMES,
  HelloOk,
  LIMITS,
  type LiveFrame,
  NameServer,
  type Output,
  Random,
  type RegisterBroker,
  requestCodec,
  responseCodec,
  ServerRole,
  wireNumberOf,
} from '../../src/index.ts';
import { batchOf } from '../broker/batches.ts';
import { BrokerWorld } from '../broker/broker-world.ts';
import { joined } from './session-bench.ts';

interface Heard {
  readonly atMs: number;
  readonly connection: number;
  readonly name: LiveFrame;
  readonly header: unknown;
}

/** A broker with NameServers of which the test decides whether they are there and what they answer. */
class Naming {
  readonly world: BrokerWorld;
  readonly heard: Heard[] = [];
  readonly dialled: { readonly atMs: number; readonly address: string }[] = [];
  readonly open = new Set<number>();
  up = true;
  /** What heartbeats are answered with. */
  wantsRegistration = false;

  constructor(options: Partial<BrokerOptions> = {}) {
    const endpoints = [{ listener: 'default', scheme: 'mem', address: 'b1:7610' }];
    this.world = new BrokerWorld({ nameServers: ['ns-1:7600'], endpoints, ...options });
    this.world.pump();
    this.run(100);
  }

  run(ms: number): void {
    for (let i = 0; i < ms; i += 10) {
      this.#serve();
      this.world.advance(10);
    }
    this.#serve();
  }

  cut(): void {
    for (const connection of this.open) this.world.input({ kind: 'closed', connection, error: undefined });
    this.open.clear();
  }

  of<N extends LiveFrame>(name: N): (Heard & { readonly header: never })[] {
    return this.heard.filter((one) => one.name === name) as never;
  }

  #serve(): void {
    for (let outputs = this.world.others.splice(0); outputs.length > 0; outputs = this.world.others.splice(0))
      for (const output of outputs) this.#take(output);
  }

  #take(output: Output): void {
    if (output.kind === 'connect') {
      this.dialled.push({ atMs: this.world.nowMs, address: output.address });
      if (this.up) {
        this.open.add(output.connection);
        this.world.input({ kind: 'opened', connection: output.connection });
      } else this.world.input({ kind: 'closed', connection: output.connection, error: undefined });
    } else if (output.kind === 'send' && this.open.has(output.connection)) this.#frame(output.connection, joined(output.parts));
  }

  #frame(connection: number, bytes: Uint8Array): void {
    const { type, flags, correlation, control } = decodeFrame(bytes);
    const name = FRAME_NAMES.get(type) as LiveFrame;
    this.heard.push({ atMs: this.world.nowMs, connection, name, header: requestCodec(name).decode(control) });
    if (flags & Flag.MORE) return;
    const answers: Partial<Record<LiveFrame, object>> = {
      HELLO: { role: ServerRole.NAMESERVER, name: 'ns' },
      BROKER_HEARTBEAT: { register: this.wantsRegistration },
    };
    const codec = name === 'HELLO' ? HelloOk : responseCodec(name);
    const answer = encodeFrame(type, Flag.RESPONSE, correlation, codec.encode((answers[name] ?? {}) as never));
    this.world.input({ kind: 'frame', connection, frame: joined(answer) });
  }
}

const registrations = (naming: Naming): RegisterBroker[] =>
  naming.of('REGISTER_BROKER').map(({ header }) => header as RegisterBroker);

describe('a broker at its NameServers', () => {
  it('registers as the first request on every new connection [QNT-REG-002]', () => {
    const naming = new Naming();
    for (let i = 0; i < 4; i++) {
      naming.run(2_500);
      naming.cut();
    }
    naming.run(3_000);
    const byConnection = new Map<number, LiveFrame[]>();
    for (const { connection, name } of naming.heard)
      byConnection.set(connection, [...(byConnection.get(connection) ?? []), name]);
    expect(byConnection.size).toBe(5);
    for (const names of byConnection.values()) expect(names.slice(0, 2)).toEqual(['HELLO', 'REGISTER_BROKER']);
  });

  it('tells its name, cluster, store, term, revision, endpoints and every topic with its queues [QNT-REG-003]', () => {
    const naming = new Naming({ cluster: 'c1' });
    const client = naming.world.client();
    client.call('TOPIC_CREATE', { topic: 't', queues: 3 });
    client.call('TOPIC_CREATE', { topic: 'u', queues: 1 });
    naming.run(1_000);
    const hello = naming.world.accept().call('HELLO', {}).header;
    const told = registrations(naming).at(-1) as RegisterBroker;
    expect(told).toMatchObject({ broker: 'b1', cluster: 'c1', term: 1, storeId: hello.storeId });
    expect(told.revision).toBeGreaterThan(0);
    expect(told.endpoints).toEqual([{ listener: 'default', scheme: 'mem', address: 'b1:7610' }]);
    expect(told.topics).toEqual([
      { topic: 't', queues: 3 },
      { topic: 'u', queues: 1 },
    ]);
  });

  it('counts its revision up whenever the text changes, and tells so within a second [QNT-REG-005, QNT-REG-006]', () => {
    const naming = new Naming();
    const client = naming.world.client();
    const changes: (() => void)[] = [
      () => client.call('TOPIC_CREATE', { topic: 't', queues: 1 }),
      () => client.call('TOPIC_ALTER', { topic: 't', queues: 2 }),
      () => naming.world.broker.setEndpoints([{ listener: 'x', scheme: 'mem', address: 'b1:1' }], naming.world.nowMs),
      () => client.call('TOPIC_REMOVE', { topic: 't' }),
    ];
    for (const change of changes) {
      const before = registrations(naming).at(-1) as RegisterBroker;
      change();
      naming.run(1_000);
      const after = registrations(naming).at(-1) as RegisterBroker;
      expect(after.revision).toBeGreaterThan(before.revision);
      expect(after).not.toEqual({ ...before, revision: after.revision });
    }
    const texts = new Map<number, string>();
    for (const { revision, endpoints, topics } of registrations(naming)) {
      const text = JSON.stringify([endpoints, topics]);
      expect(texts.get(revision) ?? text).toBe(text);
      texts.set(revision, text);
    }
  });

  it('counts its revision up when a report is due just before a change is told by itself [QNT-REG-005]', () => {
    const naming = new Naming({ times: { reportMs: 15 } });
    const client = naming.world.client();
    for (let i = 0; i < 20; i++) {
      client.call('TOPIC_CREATE', { topic: `t${i}`, queues: 1 });
      naming.run(10 + 10 * (i % 3));
      client.call('TOPIC_REMOVE', { topic: `t${i}` });
      naming.run(10 + 10 * (i % 2));
    }
    const texts = new Map<number, string>();
    for (const { revision, topics } of registrations(naming)) {
      const text = JSON.stringify(topics);
      expect(texts.get(revision) ?? text).toBe(text);
      texts.set(revision, text);
    }
  });

  it('registers again every BROKER_REPORT_MS although nothing has changed [QNT-REG-007]', () => {
    const naming = new Naming();
    naming.run(LIMITS.BROKER_REPORT_MS * 3 + 1_000);
    const times = naming.of('REGISTER_BROKER').map(({ atMs }) => atMs);
    expect(times).toHaveLength(4);
    times.slice(1).forEach((time, i) => expect(time - (times[i] as number)).toBeLessThanOrEqual(LIMITS.BROKER_REPORT_MS + 20));
  });

  it('sends heartbeats as often as it is asked to, and registers again when one says so [QNT-REG-008, QNT-REG-009]', () => {
    const naming = new Naming();
    naming.run(5_000);
    const beats = naming.of('BROKER_HEARTBEAT');
    expect(beats.length).toBeGreaterThanOrEqual(5);
    beats.slice(1).forEach(({ atMs }, i) => expect(atMs - (beats[i]?.atMs as number)).toBeLessThanOrEqual(1_000));
    const { revision } = registrations(naming).at(-1) as RegisterBroker;
    expect(beats.at(-1)?.header).toMatchObject({ broker: 'b1', term: 1, revision });
    expect(registrations(naming)).toHaveLength(1);
    naming.wantsRegistration = true;
    naming.run(1_500);
    expect(registrations(naming).length).toBeGreaterThan(1);
  });

  it('serves its clients while no NameServer is there, and tries again for ever [QNT-REG-001, QNT-REG-012]', () => {
    const naming = new Naming();
    naming.up = false;
    naming.cut();
    naming.run(60_000);
    const client = naming.world.client();
    expect(client.call('TOPIC_CREATE', { topic: 't', queues: 1 }).code).toBeUndefined();
    expect(client.call('SEND', { topic: 't' }, [batchOf(['a'])]).header.baseOffset).toBe(0);
    expect(client.call('PULL', { topics: [{ topic: 't', queues: [{}] }] }).payload.length).toBeGreaterThan(0);
    expect(naming.dialled.length).toBeGreaterThan(20);
    const last = naming.dialled.at(-1)?.atMs as number;
    expect(naming.world.nowMs - last).toBeLessThan(5_000);
    naming.up = true;
    naming.run(6_000);
    expect(naming.open.size).toBe(1);
  });
});

describe('a NameServer', () => {
  /** Its answers to requests of one connection. */
  function nameServer(options: object = {}) {
    const engine = new NameServer({ name: 'ns', software: 'test', random: new Random(1), warmupMs: 0, ...options });
    let nowMs = 1_000;
    let correlation = 1;
    const frames = () => engine.drain().flatMap((output) => (output.kind === 'send' ? [decodeFrame(joined(output.parts))] : []));
    const ask = <N extends LiveFrame>(name: N, headers: readonly object[]) => {
      correlation += 2;
      headers.forEach((header, i) => {
        const flags = i < headers.length - 1 ? Flag.MORE : 0;
        const frame = joined(encodeFrame(FRAMES[name].type, flags, correlation, requestCodec(name).encode(header)));
        engine.handle({ kind: 'frame', connection: 2, frame }, nowMs++);
      });
      return frames();
    };
    engine.handle({ kind: 'accepted', connection: 2, remote: 'x', listener: 'default' }, nowMs);
    ask('HELLO', [{}]);
    return { ask };
  }
  const storeId = (seed: number): Uint8Array => new Uint8Array(16).fill(seed);
  const failed = (frames: readonly { readonly flags: number; readonly control: Uint8Array }[]): number | undefined => {
    const error = frames.find(({ flags }) => flags & Flag.ERROR);
    return error === undefined ? undefined : ErrorInfo.decode(error.control).code;
  };

  it('refuses a broker beyond BROKERS_MAX and topics beyond TOPICS_PER_BROKER_MAX with LIMIT_EXCEEDED [QNT-REG-018]', () => {
    const { ask } = nameServer({ brokersMax: 2 });
    const register = (broker: string, more: object = {}) =>
      failed(ask('REGISTER_BROKER', [{ broker, storeId: storeId(broker.charCodeAt(0)), ...more }]));
    const full = wireNumberOf('LIMIT_EXCEEDED');
    const codes = [register('a'), register('b'), register('c'), register('a', { revision: 2 })];
    expect(codes).toEqual([undefined, undefined, full, undefined]);
    const topics = Array.from({ length: LIMITS.TOPICS_PER_BROKER_MAX + 1 }, (_, i) => ({ topic: `t${i}`, queues: 1 }));
    const pages: object[] = [];
    for (let i = 0; i < topics.length; i += 2_000)
      pages.push({ broker: 'a', storeId: storeId(97), topics: topics.slice(i, i + 2_000) });
    expect(failed(ask('REGISTER_BROKER', pages))).toBe(full);
    pages[pages.length - 1] = { broker: 'a', storeId: storeId(97), topics: [] };
    expect(failed(ask('REGISTER_BROKER', pages))).toBeUndefined();
  });

  it('sends no other one-way frame between the frames of a joined one [QNT-FRM-016]', () => {
    const { ask } = nameServer();
    const topics = Array.from({ length: 3_000 }, (_, i) => ({ topic: `t${i}-${'x'.repeat(100)}`, queues: 1 }));
    const names = topics.map(({ topic }) => topic);
    for (let i = 0; i < names.length; i += 500) ask('ROUTE_QUERY', [{ topics: names.slice(i, i + 500), watch: true }]);
    const pages: object[] = [];
    for (let i = 0; i < topics.length; i += 300)
      pages.push({ broker: 'a', storeId: storeId(1), topics: topics.slice(i, i + 300) });
    const pushed = ask('REGISTER_BROKER', pages).filter(({ flags }) => flags & Flag.ONEWAY);
    expect(pushed.length).toBeGreaterThan(1);
    expect(new Set(pushed.map(({ type }) => type))).toEqual(new Set([FRAMES.ROUTE_UPDATE.type]));
    expect(pushed.map(({ flags }) => (flags & Flag.MORE) !== 0)).toEqual([...Array(pushed.length - 1).fill(true), false]);
  });
});
