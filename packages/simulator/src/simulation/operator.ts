import type { Clock, Random, RequestInit } from '@qanat/core';
import type { ClusterHosts } from '../cluster-hosts.ts';
import type { History } from '../history/index.ts';
import { askBroker } from './ask-broker.ts';
import type { ReplicationPlan } from './draw-replication.ts';
import type { Replicas } from './replicas.ts';

/** Where the operator sits: what is cut off from it is dead to it. */
export const OPERATOR = 'operator';
const LOOK_MS = 1_000;
/** Of promotions of each replica, before a loss is accepted. */
const FAILURES_MAX = 5;

export interface OperatorOptions {
  readonly hosts: ClusterHosts;
  readonly replicas: Replicas;
  readonly clock: Clock;
  readonly history: History;
  readonly random: Random;
  readonly plan: ReplicationPlan;
  /** What nobody has any more is given up, when all replicas of a group run and none may be master. */
  readonly acceptsLoss: boolean;
}

/** One broker group, as the operator sees it. */
interface Watched {
  readonly nodes: readonly string[];
  /** Since when it has had no master that can be reached. */
  missingMs: number | undefined;
  /** Who is asked next to become master. */
  next: number;
  asking: boolean;
  /** Promotions that failed since it had a master. */
  failures: number;
}

/** Who runs a cluster in manual mode: promotes another replica where the master is missing, and switches masters as planned. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #groups: readonly Watched[];
  #resting = false;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#groups = options.replicas.groups.map((nodes) => ({
      nodes,
      missingMs: undefined,
      next: 0,
      asking: false,
      failures: 0,
    }));
  }

  /** Looks after the groups from now on, for ever. */
  start(): void {
    this.#later(LOOK_MS, () => this.#look());
    const { switchMs } = this.#options.plan;
    if (switchMs !== undefined) this.#switchLater(switchMs);
  }

  /** The load is over: masters are switched no more, so that what waits for the sessions of members can come to rest. */
  rest(): void {
    this.#resting = true;
  }

  #look(): void {
    const { clock, plan } = this.#options;
    for (const group of this.#groups) {
      if (this.#masterOf(group) !== undefined) {
        group.missingMs = undefined;
        group.failures = 0;
      } else group.missingMs ??= clock.nowMs();
      const overdue = group.missingMs !== undefined && clock.nowMs() - group.missingMs >= plan.promoteMs;
      if (overdue && !group.asking) this.#promote(group);
    }
    this.#later(LOOK_MS, () => this.#look());
  }

  #switchLater(switchMs: number): void {
    const { random, plan, clock } = this.#options;
    this.#later(switchMs / 2 + random.below(switchMs), () => {
      if (this.#resting) return;
      const group = this.#groups[random.below(this.#groups.length)] as Watched;
      const master = this.#masterOf(group);
      if (master !== undefined && !group.asking) {
        this.#ask(group, master, 'DEMOTE', {});
        // Nobody waits for what was planned.
        group.missingMs = clock.nowMs() - plan.promoteMs;
        group.next = group.nodes.indexOf(master) + 1;
      }
      this.#switchLater(switchMs);
    });
  }

  #promote(group: Watched): void {
    const { nodes, failures } = group;
    const { acceptsLoss, history, replicas } = this.#options;
    const next = nodes[group.next++ % nodes.length] as string;
    const stored = nodes.map((node) => (this.#isReached(node) ? replicas.figures(node)?.stored : undefined));
    if (!acceptsLoss || failures < FAILURES_MAX * nodes.length || stored.includes(undefined))
      return this.#ask(group, next, 'PROMOTE', {});
    const most = Math.max(...stored.map((position) => position as number));
    history.add({ kind: 'fault', phase: 'at', fault: 'acceptLoss', nodes: [nodes[0] as string] });
    return this.#ask(group, nodes[stored.indexOf(most)] as string, 'PROMOTE', { acceptLoss: true });
  }

  #masterOf({ nodes }: Watched): string | undefined {
    return nodes.find((node) => this.#isReached(node) && this.#options.replicas.leads(node));
  }

  #isReached(node: string): boolean {
    const { hosts } = this.#options;
    return !hosts.hostClock(node).stopped && !hosts.network.isCut(OPERATOR, node);
  }

  #ask<N extends 'PROMOTE' | 'DEMOTE'>(group: Watched, node: string, name: N, header: RequestInit<N>): void {
    const { hosts, clock, history, random } = this.#options;
    const address = hosts.brokers.get(node)?.address;
    if (address === undefined) return;
    group.asking = true;
    history.add({ kind: 'fault', phase: 'at', fault: name.toLowerCase(), nodes: [node] });
    askBroker({ clock, transport: hosts.transport(OPERATOR), random, address }, name, header, (error) => {
      group.asking = false;
      if (error !== undefined) group.failures++;
    });
  }

  #later(ms: number, run: () => void): void {
    const { clock } = this.#options;
    clock.at(clock.nowMs() + ms, run);
  }
}
