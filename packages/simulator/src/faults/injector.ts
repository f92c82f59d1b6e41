import type { Clock, QanatError, Random } from '@qanat/core';
import type { ClusterHosts } from '../cluster-hosts.ts';
import type { FaultEvent, History, NodeEvent, NodeRole } from '../history/index.ts';
import type { Elections } from '../simulation/elections.ts';
import type { Fault, FaultKind, StoreAwayFault, StoreErrorsFault } from './fault.ts';
import { rotDisk } from './rot.ts';

export interface InjectorOptions {
  readonly hosts: ClusterHosts;
  readonly clock: Clock;
  readonly random: Random;
  readonly history: History;
  /** The consensus store of the run, where there is one. */
  readonly elections?: Pick<Elections, 'away' | 'errorPercent'> | undefined;
  /** The hosts of the clients that live now. */
  readonly clients: () => readonly string[];
}

/** What a supervisor waits before it starts a process that failed again, at least and at most. */
const RESTART_MS_MIN = 200;
const RESTART_MS_MAX = 4_000;
const CLIENT = /^client (\d+)$/;

/** Does what a plan of faults says, starts again what went down, and heals everything in the end. */
export class Injector {
  /** Faults that struck, by kind; those that found nothing to strike are not counted. */
  readonly counts = new Map<FaultKind, number>();
  /** Brokers whose durable bytes were damaged. */
  readonly rotted = new Set<string>();
  /** Brokers that refuse to start since their log is damaged: nobody starts them again. */
  readonly refused = new Map<string, QanatError>();
  readonly #options: InjectorOptions;
  readonly #undo = new Map<number, () => void>();
  /** Processes that were asked to stop, and still work: no second one is started beside them. */
  readonly #stopping = new Set<string>();
  #undos = 0;
  #healed = false;

  constructor(options: InjectorOptions) {
    this.#options = options;
  }

  /** Sets every fault of the plan to its time. */
  schedule(faults: readonly Fault[]): void {
    for (const fault of faults) this.#options.clock.at(fault.atMs, () => this.strike(fault));
  }

  strike(fault: Fault): void {
    if (this.#healed) return;
    const target = this.#hostOf(fault.target);
    const peer = 'peer' in fault && fault.peer !== undefined ? this.#hostOf(fault.peer) : undefined;
    if (target === undefined || ('peer' in fault && fault.peer !== undefined && (peer === undefined || peer === target))) return;
    if (!this.#strike(fault, target, peer)) return;
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
  }

  /** Ends every fault that lasts, and starts everything that is down. */
  healAll(): void {
    const undo = [...this.#undo.values()];
    this.#undo.clear();
    for (const run of undo) run();
    this.#healed = true;
    for (const broker of this.#options.hosts.brokerNames) this.#options.hosts.diskFaults(broker).heal();
    this.#event('end', 'all', []);
  }

  /** To be called when a server's process ended by itself: it is started again after a while. */
  ended(node: string, error: QanatError | undefined): void {
    if (error === undefined) return;
    const role = this.#roleOf(node);
    this.#node(node, role, 'failed', error.code);
    if (error.code === 'CORRUPT_LOG') this.refused.set(node, error);
    else this.#later(RESTART_MS_MIN + this.#options.random.below(RESTART_MS_MAX - RESTART_MS_MIN), () => this.#start(node));
  }

  /** To be called once for each server at the start of the run. */
  started(node: string): void {
    this.#node(node, this.#roleOf(node), 'started');
  }

  #strike(fault: Fault, target: string, peer: string | undefined): boolean {
    const { hosts } = this.#options;
    const strikesServer = hosts.runs(target);
    switch (fault.kind) {
      case 'kill':
      case 'powerCut':
      case 'stop':
        if (!strikesServer) return false;
        this.#takeDown(fault, target);
        return true;
      case 'pause':
        if (hosts.hostClock(target).stopped) return false;
        return this.#lasting(
          'pause',
          [target],
          fault.forMs,
          () => hosts.pause(target),
          () => hosts.goOn(target),
        );
      case 'cut':
        return this.#cut(target, peer, fault.bothWays, fault.forMs);
      case 'reset':
        return this.#once('reset', [target, peer as string], () => hosts.network.reset(target, peer as string) > 0);
      case 'mute':
        return this.#once('mute', [target, peer as string], () => hosts.network.mute(target, peer as string) > 0);
      case 'badLink': {
        const other = peer as string;
        const set = (conditions: typeof fault.conditions | undefined): void => {
          hosts.network.setConditions(target, other, conditions);
          hosts.network.setConditions(other, target, conditions);
        };
        return this.#lasting(
          'badLink',
          [target, other],
          fault.forMs,
          () => set(fault.conditions),
          () => set(undefined),
        );
      }
      case 'clockStep':
        return this.#once('clockStep', [target], () => {
          hosts.hostClock(target).stepWall(fault.byMs);
          return true;
        });
      case 'storeAway':
      case 'storeErrors':
        return this.#strikeStore(fault);
      default:
        return this.#strikeDisk(fault, target);
    }
  }

  #strikeStore(fault: StoreAwayFault | StoreErrorsFault): boolean {
    const { elections } = this.#options;
    if (elections === undefined) return false;
    const begin = (): void => {
      if (fault.kind === 'storeAway') elections.away = true;
      else elections.errorPercent = fault.percent;
    };
    const end = (): void => {
      if (fault.kind === 'storeAway') elections.away = false;
      else elections.errorPercent = 0;
    };
    return this.#lasting(fault.kind, [fault.target], fault.forMs, begin, end);
  }

  #strikeDisk(
    fault: Extract<Fault, { kind: 'diskFull' | 'syncFails' | 'diskError' | 'slowDisk' | 'rot' }>,
    target: string,
  ): boolean {
    const { hosts } = this.#options;
    const disk = hosts.disk(target);
    if (disk === undefined) return false;
    const faults = hosts.diskFaults(target);
    const nodes = [target];
    switch (fault.kind) {
      case 'diskFull':
        return this.#lasting(
          fault.kind,
          nodes,
          fault.forMs,
          () => faults.fill(disk.usedBytes + fault.leftBytes),
          () => faults.empty(),
        );
      case 'syncFails':
        return this.#once(fault.kind, nodes, () => {
          faults.failSync(fault.pages);
          return true;
        });
      case 'diskError':
        return this.#once(fault.kind, nodes, () => {
          faults.fail(fault.operation, fault.count);
          return true;
        });
      case 'slowDisk': {
        const setFactor = (factor: number): void => {
          faults.slowFactor = factor;
        };
        return this.#lasting(
          fault.kind,
          nodes,
          fault.forMs,
          () => setFactor(fault.factor),
          () => setFactor(1),
        );
      }
      case 'rot':
        return this.#once(fault.kind, nodes, () => {
          const rotted = rotDisk(disk, fault);
          if (rotted) this.rotted.add(target);
          return rotted;
        });
    }
  }

  #takeDown(fault: Extract<Fault, { kind: 'kill' | 'powerCut' | 'stop' }>, target: string): void {
    const { hosts } = this.#options;
    const role = this.#roleOf(target);
    this.#event('at', fault.kind, [target]);
    if (fault.kind === 'stop' && role === 'broker') {
      this.#node(target, role, 'stopping');
      this.#stopping.add(target);
      hosts.stopBroker(target, () => {
        this.#stopping.delete(target);
        this.#node(target, role, 'stopped');
        this.#later(fault.downMs, () => this.#start(target));
      });
      return;
    }
    const silent = fault.kind === 'powerCut' && fault.silent;
    if (role === 'broker') {
      if (fault.kind === 'kill') hosts.killBroker(target);
      else hosts.cutPower(target, { silent });
    } else if (silent) hosts.cutPowerOfNameServer(target, { silent });
    else hosts.killNameServer(target);
    this.#node(target, role, fault.kind === 'powerCut' ? 'powerCut' : 'killed');
    this.#later(fault.downMs, () => this.#start(target));
  }

  #start(node: string): void {
    const { hosts } = this.#options;
    if (hosts.runs(node) || this.#stopping.has(node) || this.refused.has(node)) return;
    const role = this.#roleOf(node);
    if (role === 'broker') hosts.startBroker(node);
    else hosts.startNameServer(node);
    this.#node(node, role, 'started');
  }

  #cut(target: string, peer: string | undefined, bothWays: boolean, forMs: number): boolean {
    const { hosts, clients } = this.#options;
    const peers = peer !== undefined ? [peer] : [...hosts.brokerNames, ...hosts.nameServerNames, ...clients()];
    const others = peers.filter((name) => name !== target);
    const { network } = hosts;
    return this.#lasting(
      'cut',
      [target, ...others],
      forMs,
      () => {
        for (const other of others) {
          if (bothWays) network.cut(target, other);
          else network.cutOneWay(target, other);
        }
      },
      () => {
        for (const other of others) network.heal(target, other);
      },
    );
  }

  #once(fault: FaultKind, nodes: readonly string[], strike: () => boolean): boolean {
    const struck = strike();
    if (struck) this.#event('at', fault, nodes);
    return struck;
  }

  #lasting(fault: FaultKind, nodes: readonly string[], forMs: number, begin: () => void, end: () => void): true {
    this.#event('begin', fault, nodes);
    begin();
    this.#later(forMs, () => {
      end();
      this.#event('end', fault, nodes);
    });
    return true;
  }

  /** Runs later, or when everything heals. */
  #later(afterMs: number, run: () => void): void {
    const { clock } = this.#options;
    if (this.#healed) {
      clock.at(clock.nowMs() + afterMs, run);
      return;
    }
    const id = this.#undos++;
    this.#undo.set(id, run);
    clock.at(clock.nowMs() + afterMs, () => {
      if (this.#undo.delete(id)) run();
    });
  }

  #hostOf(target: string): string | undefined {
    const number = CLIENT.exec(target)?.[1];
    if (number === undefined) return target;
    const clients = this.#options.clients();
    return clients[Number(number) % Math.max(1, clients.length)];
  }

  #roleOf(node: string): NodeRole {
    return this.#options.hosts.brokerNames.includes(node) ? 'broker' : 'nameServer';
  }

  #event(phase: FaultEvent['phase'], fault: string, nodes: readonly string[]): void {
    this.#options.history.add({ kind: 'fault', phase, fault, nodes });
  }

  #node(node: string, role: NodeRole, state: NodeEvent['state'], code?: string): void {
    this.#options.history.add({ kind: 'node', node, role, state, ...(code === undefined ? {} : { code }) });
  }
}
