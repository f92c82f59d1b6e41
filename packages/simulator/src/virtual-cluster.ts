import { QanatError } from '@qanat/core';
import { ClusterHosts, type ClusterHostsOptions } from './cluster-hosts.ts';
import { VirtualClock } from './virtual-clock.ts';

const START_MS_MAX = 60_000;

/** A cluster in virtual time: nothing happens but in `run`, and the same seed gives the same run. */
export class VirtualCluster {
  readonly clock = new VirtualClock();
  readonly hosts: ClusterHosts;

  constructor(options: Omit<ClusterHostsOptions, 'clock'>) {
    this.hosts = new ClusterHosts({ ...options, clock: this.clock });
  }

  /** Starts every node, and runs until they have found each other. @throws QanatError TIMEOUT after a minute of virtual time. */
  start(): void {
    this.hosts.start();
    this.runUntil(() => this.hosts.complete, START_MS_MAX);
  }

  /** Lets `ms` go by. */
  run(ms: number): void {
    this.clock.run(this.clock.nowMs() + ms);
  }

  /** @throws QanatError TIMEOUT when the condition does not hold within `maxMs` of virtual time. */
  runUntil(condition: () => boolean, maxMs: number): void {
    if (this.clock.runUntil(condition, this.clock.nowMs() + maxMs)) return;
    throw new QanatError('TIMEOUT', `what was waited for did not come within ${maxMs} ms of virtual time`);
  }

  /** A planned stop and a start on the same disk. */
  restartBroker(name: string): void {
    let ended = false;
    this.hosts.stopBroker(name, () => {
      ended = true;
    });
    this.runUntil(() => ended, START_MS_MAX);
    this.hosts.startBroker(name);
  }
}
