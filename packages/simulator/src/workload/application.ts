import { Admin, Client, type Clock, OffsetsAdmin, type Platform, QanatError, type Random, type Transport } from '@qanat/core';
import { ClientObserver, type History } from '../history/index.ts';
import type { Trace } from '../trace.ts';
import { VirtualNode, type VirtualNodeOptions } from '../virtual-node.ts';

/** Where applications live. */
export interface WorkloadHost {
  readonly history: History;
  readonly platform: Platform;
  readonly nameServers: readonly string[];
  readonly brokers: readonly string[];
  readonly trace?: Trace;
  readonly onLog?: VirtualNodeOptions['onLog'];
  /** The clock of a host: it stands still while the host's process is stopped. */
  clock(host: string): Clock;
  transport(host: string): Transport;
  /** The process on this host is gone. */
  crash(host: string): void;
  newRandom(): Random;
}

/** One process with a client in it. Its own calls run on its host's clock: they stop when it is stopped. */
export class Application {
  readonly name: string;
  readonly clock: Clock;
  readonly node: VirtualNode<Client>;
  /** Called inside of `within`, as the client is. */
  readonly admin: Admin;
  readonly offsets: OffsetsAdmin;
  dead = false;
  readonly #host: WorkloadHost;

  constructor(host: WorkloadHost, name: string) {
    this.name = name;
    this.#host = host;
    this.clock = host.clock(name);
    const client = new Client({
      platform: host.platform,
      random: host.newRandom(),
      nameServers: host.nameServers,
      schemes: ['mem'],
      label: name,
    });
    this.admin = new Admin(client);
    this.offsets = new OffsetsAdmin(client);
    this.node = new VirtualNode(client, {
      name,
      clock: this.clock,
      transport: host.transport(name),
      observer: new ClientObserver(name, host.history),
      ...(host.trace === undefined ? {} : { trace: host.trace }),
      ...(host.onLog === undefined ? {} : { onLog: host.onLog }),
    });
    this.node.start();
  }

  /** Calls into the client, unless the process is gone. */
  within<T>(run: (client: Client) => T): T | undefined {
    if (this.dead || this.node.ended) return undefined;
    return this.node.call((client, nowMs) => {
      client.enter(nowMs);
      return run(client);
    });
  }

  /** Runs in `ms` of this host's time. */
  after(ms: number, run: () => void): void {
    this.clock.at(this.clock.nowMs() + ms, () => {
      if (!this.dead) run();
    });
  }

  kill(): void {
    if (this.dead) return;
    this.dead = true;
    this.#host.history.add({ kind: 'fault', phase: 'at', fault: 'clientKilled', nodes: [this.name] });
    this.node.kill(new QanatError('CLOSED', `${this.name} was killed`));
    this.#host.crash(this.name);
  }

  /** Ends the process as planned. */
  close(): void {
    this.within((client) => client.close());
    this.dead = true;
  }
}
