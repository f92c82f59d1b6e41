// A broker group in virtual time: NameServers, a master and slaves as they ship, and clients that say what a test wants.
import { VirtualCluster } from '@qanat/simulator';
import {
  AckLevel,
  type BrokerDescribeOk,
  codeOfWireNumber,
  Feature,
  type GroupRecord,
  type LiveFrame,
  Position,
  portablePlatform,
  ReplicaRole,
  type ReplicationOptions,
  type RequestInit,
  type Response,
} from '../../src/index.ts';
import { type Asked, SessionClient } from '../session-client.ts';
import { batchOf, messagesOf } from './batches.ts';

export const LAG_MS = 2_000;
const FEATURES = { minor: 3, features: [Feature.FEATURE_REPLICATION, Feature.FEATURE_DEDUP] };
const PORTS: Readonly<Record<string, number>> = { b: 7_610, n: 7_600 };
const SUBSCRIPTION = { topics: [{ topic: 't' }], from: Position.FIRST };

export interface ReplicaWorldOptions extends Partial<ReplicationOptions> {
  readonly slaves?: number;
  readonly nameServers?: number;
  readonly flush?: 'sync' | 'async';
  readonly syncMs?: number;
  readonly segmentBytes?: number;
  /** Between two heartbeats of a broker at its NameServers. */
  readonly heartbeatMs?: number;
  /** Disks and networks can fail. */
  readonly faults?: boolean;
}

export const MASTER = 'broker-a';
export const SLAVE = 'broker-a-1';
export const SECOND_SLAVE = 'broker-a-2';

/** The group broker-a with a topic `t` of one queue. */
export class ReplicaWorld {
  readonly cluster: VirtualCluster;
  readonly logs: string[] = [];
  #clients = 0;

  constructor(options: ReplicaWorldOptions = {}) {
    const { slaves = 1, nameServers = 1, flush = 'sync', syncMs = 0.3, ...others } = options;
    const { segmentBytes, heartbeatMs, faults = false, ...replication } = others;
    this.cluster = new VirtualCluster({
      platform: portablePlatform,
      brokers: 1,
      slaves,
      nameServers,
      syncMs,
      replication: { lagMs: LAG_MS, ...replication },
      broker: {
        flush,
        ...(segmentBytes === undefined ? {} : { log: { segmentBytes } }),
        ...(heartbeatMs === undefined ? {} : { times: { heartbeatMs } }),
      },
      nameServer: heartbeatMs === undefined ? {} : { heartbeatMs, expiryMs: 3 * heartbeatMs },
      faults,
      onLog: (node, level, event, fields) => this.logs.push(`${node} ${level} ${event} ${JSON.stringify(fields)}`),
    });
    this.cluster.start();
    this.cluster.runUntil(() => this.inSync().length === slaves + 1, 60_000);
    if (this.on(MASTER).request('TOPIC_CREATE', { topic: 't', queues: 1 }).error !== undefined) throw new Error('no topic');
  }

  get hosts(): VirtualCluster['hosts'] {
    return this.cluster.hosts;
  }

  /** A client with a connection to a node. */
  on(node: string, host = `client-${++this.#clients}`): SessionClient {
    const { clock } = this.cluster;
    const address = `${node}:${PORTS[node[0] as string]}`;
    const client = new SessionClient(clock, this.hosts.network, host, address, FEATURES);
    clock.run(clock.nowMs() + 5);
    return client;
  }

  /** Sends a request on a connection of its own; the answer may come later. */
  ask<N extends LiveFrame>(node: string, name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = []): Asked<N> {
    return this.on(node).ask(name, header, payload);
  }

  code<N extends LiveFrame>(node: string, name: N, header: RequestInit<N>, payload: readonly Uint8Array[] = []): string {
    return this.on(node).request(name, header, payload).error?.code ?? 'ok';
  }

  // ---- the group ----

  describe(node: string): BrokerDescribeOk {
    return this.on(node).request('BROKER_DESCRIBE', {}).response.header;
  }

  role(node: string): string {
    return this.describe(node).role === ReplicaRole.MASTER ? 'master' : 'slave';
  }

  record(nameServer = 'ns-1'): GroupRecord | undefined {
    return this.on(nameServer).request('RECORD_GET', { broker: MASTER }).response.header.record;
  }

  /** Numbers of the replicas that are in sync by the record. */
  inSync(): readonly number[] {
    return this.record()?.inSync.map(({ replica }) => replica) ?? [];
  }

  promote(node: string, acceptLoss = false): string {
    return this.code(node, 'PROMOTE', { acceptLoss });
  }

  /** Runs until a master is ready, and every one of `members` is in sync with it. */
  settle(master: string, members: readonly number[]): void {
    this.cluster.runUntil(() => this.describe(master).state === 'master' && String(this.inSync()) === String(members), 60_000);
  }

  // ---- messages ----

  send(body: string, node = MASTER, ack: AckLevel = AckLevel.ACK_COMMITTED): Asked<'SEND'> {
    return this.ask(node, 'SEND', { topic: 't', ack }, [batchOf([body])]);
  }

  /** `ok`, or the code of the error. */
  sent(body: string, node = MASTER, ack: AckLevel = AckLevel.ACK_COMMITTED): string {
    return this.code(node, 'SEND', { topic: 't', ack }, [batchOf([body])]);
  }

  /** Sends a message once, by a new client each time. @returns its offset. */
  sendOnce(body: string, dedupId: string, node = MASTER): number | undefined {
    const { response } = this.on(node).request('SEND', { topic: 't', ack: AckLevel.ACK_COMMITTED, dedupId }, [batchOf([body])]);
    return response.header.baseOffset;
  }

  /** What a node serves of the queue without a group: `offset:body`, …; or the code of its result. */
  read(node: string, offset = 0): string {
    const topics = [{ topic: 't', queues: [{ queue: 0, offset }] }];
    const { error, response } = this.on(node).request('PULL', { topics });
    if (error !== undefined) return error.code;
    return pulled(response);
  }

  /** Joins the group `g` at a node as its only member. @returns the epoch of its lease. */
  join(node: string, member: string): number {
    const client = this.on(node);
    client.request('CLIENT_HEARTBEAT', { group: 'g', member, subscription: SUBSCRIPTION });
    for (let i = 0; i < 40; i++) {
      this.cluster.run(500);
      const { assignment } = client.request('CLIENT_HEARTBEAT', { group: 'g', member }).response.header;
      const epoch = assignment?.leases[0]?.epoch;
      if (epoch !== undefined) return epoch;
    }
    throw new Error('no lease');
  }

  /** PULL under a lease. */
  pull(node: string, member: string, leaseEpoch: number, offset: number): string {
    const topics = [{ topic: 't', queues: [{ queue: 0, offset, leaseEpoch }] }];
    const { error, response } = this.on(node).request('PULL', { group: 'g', member, topics });
    if (error !== undefined) return error.code;
    return pulled(response);
  }

  kill(node: string): void {
    this.hosts.killBroker(node);
  }

  start(node: string): void {
    this.hosts.startBroker(node);
  }
}

function pulled({ header, payload }: Response<'PULL'>): string {
  const code = header.results[0]?.code ?? 0;
  return code === 0 ? messagesOf(payload).join(' ') : (codeOfWireNumber(code) ?? String(code));
}
