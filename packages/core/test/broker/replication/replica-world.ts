// A broker group in virtual time whose logs have small segments that retention takes away soon.
import { BROKER_FEATURES, Feature, portablePlatform, type QanatError } from '@qanat/core';
import { type ClusterHostsOptions, type MemoryStorage, VirtualCluster } from '@qanat/simulator';
import { ENTRY_AT, ENTRY_HEADER_BYTES } from '../../../src/broker/log/entry.ts';
import { SEGMENT_HEADER_BYTES } from '../../../src/broker/log/segment.ts';
import { readUint32 } from '../../../src/wire/bytes.ts';
import { SessionClient } from '../../session-client.ts';
import { batchOf, messagesOf } from '../batches.ts';

export const MASTER = 'broker-a';
export const SLAVE = 'broker-a-1';
const BODY_BYTES = 2_000;
const SMALL = { segmentBytes: 32 * 1024, snapshotBytes: 16 * 1024, retentionBytes: 128 * 1024, reserveBytes: 0 };

export class ReplicaWorld {
  readonly cluster: VirtualCluster;
  /** How processes ended by themselves. */
  readonly ends: { readonly node: string; readonly error: QanatError | undefined }[] = [];
  readonly logs: { readonly node: string; readonly event: string; readonly fields: unknown }[] = [];
  /** Ended processes are started again, as a service manager does. */
  restarts = true;
  #clients = 0;
  #sent = 0;

  constructor(options: Partial<ClusterHostsOptions> = {}) {
    this.cluster = new VirtualCluster({
      platform: portablePlatform,
      brokers: 1,
      nameServers: 1,
      slaves: 1,
      onEnd: (node, error) => {
        this.ends.push({ node, error });
        if (error !== undefined && this.restarts)
          this.cluster.clock.at(this.cluster.clock.nowMs() + 100, () => {
            if (!this.cluster.hosts.runs(node)) this.cluster.hosts.startBroker(node);
          });
      },
      onLog: (node, _, event, fields) => void this.logs.push({ node, event, fields }),
      ...options,
      broker: { log: SMALL, ...options.broker },
    });
  }

  /** Starts the NameServer and the master. */
  startMaster(): void {
    const { hosts } = this.cluster;
    for (const name of hosts.nameServerNames) hosts.startNameServer(name);
    hosts.startBroker(MASTER);
    this.cluster.runUntil(() => this.state(MASTER)?.startsWith('master') === true, 60_000);
    this.createTopic();
  }

  startSlave(): void {
    this.cluster.hosts.startBroker(SLAVE);
  }

  /** What a replica says that it does. */
  state(node: string): string | undefined {
    return this.cluster.hosts.brokers.get(node)?.engine.figures().replication?.state;
  }

  /** How far a replica says that it, or its slowest slave, lags behind. */
  lagBytes(node: string): number | undefined {
    return this.cluster.hosts.brokers.get(node)?.engine.figures().replication?.lagBytes;
  }

  client(node: string, port = 7610): SessionClient {
    const { clock, hosts } = this.cluster;
    const greeting = { features: [...BROKER_FEATURES, Feature.FEATURE_REPLICATION], minor: 3 };
    return new SessionClient(clock, hosts.network, `client-${this.#clients++}`, `${node}:${port}`, greeting);
  }

  createTopic(): void {
    const { error } = this.client(MASTER).request('TOPIC_CREATE', { topic: 'orders', queues: 1 });
    if (error !== undefined) throw error;
  }

  /** Sends so many messages of 2,000 bytes, one after the other. */
  send(count: number, node = MASTER): void {
    const client = this.client(node);
    for (let i = 0; i < count; i++) {
      const payload = [batchOf([`m${this.#sent++}`], { bytes: BODY_BYTES })];
      const { error } = client.request('SEND', { topic: 'orders', queue: 0 }, payload);
      if (error !== undefined) throw error;
    }
  }

  /** Messages of the master's log until the oldest `segments` have left it. */
  ageMaster(segments = 3): void {
    for (let i = 0; i < 100; i++) {
      this.send(20);
      this.cluster.run(11_000);
      if (this.oldestOf(MASTER) >= segments * SMALL.segmentBytes * 0.9) return;
    }
    throw new Error('nothing has left the log');
  }

  /** The messages from the oldest one on, as one PULL gives them; the code of an error otherwise. */
  pullOldest(node: string): readonly string[] | string | undefined {
    const client = this.client(node);
    const pull = (offset: number) =>
      client.request('PULL', { maxBytes: 1_000_000, topics: [{ topic: 'orders', queues: [{ queue: 0, offset }] }] });
    const first = pull(0);
    const oldest = first.response.header?.results[0]?.oldestOffset;
    if (oldest === undefined) return first.error?.code;
    return messagesOf(pull(oldest).response.payload);
  }

  disk(node: string): MemoryStorage {
    return this.cluster.hosts.disk(node) as MemoryStorage;
  }

  /** What is to be done with a log, as its disk says. */
  mend(node: string): string {
    const file = this.disk(node).file('replica');
    return /^log (.*)$/m.exec(new TextDecoder().decode(file?.read(0, file.size)))?.[1] ?? '';
  }

  /** The lives that a replica stands for: the present one first. */
  lives(node: string): string[] {
    const file = this.disk(node).file('replica');
    return (/^lives (.*)$/m.exec(new TextDecoder().decode(file?.read(0, file.size)))?.[1] ?? '').split(' ');
  }

  /** The names of what a node has logged. */
  events(node: string): string[] {
    return this.logs.filter((one) => one.node === node).map(({ event }) => event);
  }

  /** Damages a byte of a file, for good. */
  flip(node: string, name: string, at: number): void {
    this.disk(node).file(name)?.rot(at, 3);
  }

  /** Damages an entry near the end that was on stable storage: the tenth last, or that many before the end. */
  damageEnd(node: string, beforeEnd = 10): void {
    const [position = 0] = this.entries(node).at(-beforeEnd)?.split(' ').map(Number) ?? [];
    const { name, base } = this.segments(node).findLast((one) => one.base <= position) as { name: string; base: number };
    this.flip(node, name, SEGMENT_HEADER_BYTES + position - base + ENTRY_HEADER_BYTES + 5);
  }

  oldestOf(node: string): number {
    return this.segments(node)[0]?.base ?? 0;
  }

  segments(node: string): { readonly name: string; readonly base: number }[] {
    const names = this.disk(node).names.filter((name) => name.startsWith('log/') && name.endsWith('.seg'));
    return names.map((name) => ({ name, base: Number(/\d+/.exec(name)?.[0]) }));
  }

  /** The entries of a log as all replicas have them: what each says of its own disk is left out. */
  entries(node: string, from = 0): string[] {
    const entries: string[] = [];
    for (const { name, base } of this.segments(node)) {
      if (base < from) continue;
      const file = this.disk(node).file(name);
      const bytes = file?.read(SEGMENT_HEADER_BYTES, file.size) ?? new Uint8Array(0);
      for (let at = 0; at < bytes.length; at += readUint32(bytes, at + ENTRY_AT.length)) {
        const end = at + readUint32(bytes, at + ENTRY_AT.length);
        const chain = readUint32(bytes, at + ENTRY_AT.chain);
        const body = bytes.subarray(at + ENTRY_HEADER_BYTES, end);
        entries.push(`${base + at} ${chain} ${portablePlatform.crc32(body, 0)} ${body.length}`);
      }
    }
    return entries;
  }

  /** Replicas in sync, as the master says. */
  get inSync(): number | undefined {
    return this.cluster.hosts.brokers.get(MASTER)?.engine.figures().replication?.inSync;
  }

  /** The slave has all that the master has, and says that it is a slave. */
  get same(): boolean {
    const figures = [MASTER, SLAVE].map((node) => this.cluster.hosts.brokers.get(node)?.engine.figures());
    const [master, slave] = figures.map((one) => one?.replication);
    return slave?.state === 'slave' && master?.state === 'master' && slave.committed === figures[0]?.logEnd;
  }
}
