import { type LogFields, type LogLevel, type Platform, QanatError, Random } from '@qanat/core';
import { ClusterHosts, replicaOf } from '../cluster-hosts.ts';
import type { FaultKind } from '../faults/fault.ts';
import { Injector } from '../faults/injector.ts';
import { BrokerObserver, type EngineObserver, History, type HistoryEvent, NameServerObserver } from '../history/index.ts';
import type { Trace } from '../trace.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { Workload } from '../workload/index.ts';
import { drawPlan, type SimulationPlan } from './draw-plan.ts';
import type { ReplicationPlan } from './draw-replication.ts';
import { Elections, STORE } from './elections.ts';
import { hashOfHistory } from './history-hash.ts';
import { judge, type Violation } from './judge.ts';
import { OPERATOR, Operator } from './operator.ts';
import { Replicas } from './replicas.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Virtual minutes under load. Default 15. */
  readonly minutes?: number;
  /** Whether the plan that is drawn has brokers with slaves. Default: in a share of the seeds. */
  readonly slaves?: boolean | undefined;
  /** Instead of the one that the seed and the minutes give. */
  readonly plan?: SimulationPlan;
  readonly platform: Platform;
  /** Writes every input and output of every engine. Slow. */
  readonly trace?: Trace;
  readonly onLog?: (node: string, level: LogLevel, event: string, fields: LogFields) => void;
}

export interface SimulationStats {
  /** Turns of the virtual clock. */
  readonly events: number;
  readonly sent: number;
  readonly delivered: number;
  /** Faults that struck. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Brokers that refused to start on damaged data, with what they said. */
  readonly refused: readonly string[];
}

export interface SimulationResult {
  readonly seed: number;
  readonly plan: SimulationPlan;
  readonly violations: readonly Violation[];
  /** Two runs of one seed have the same. With a trace, that of the trace. */
  readonly traceHash: string;
  readonly stats: SimulationStats;
  readonly virtualMs: number;
  readonly events: readonly HistoryEvent[];
}

const START_MS_MAX = 30_000;
const SETTLE_MS = 180_000;
/** For the settling, for reading everything and for closing. */
const END_MS_MAX = 600_000;

/** A whole cluster and its applications in virtual time, under a plan of faults; then everything is checked. */
export function runSimulation(options: SimulationOptions): SimulationResult {
  const { seed, minutes = 15, slaves, trace } = options;
  const plan = options.plan ?? drawPlan(seed, minutes, slaves);
  const run = new Simulation(plan, options);
  const defect = run.run();
  const { history, clock, injector } = run;
  const counts = [clock.turns, clock.nowMs(), run.hosts.newRandom().uint32()];
  const stats: SimulationStats = {
    events: clock.turns,
    sent: count(history, 'sendInvoked'),
    delivered: count(history, 'delivered'),
    faults: Object.fromEntries([...injector.counts].sort()),
    refused: [...injector.refused].map(([node, { message }]) => `${node}: ${message}`),
  };
  return {
    seed: plan.seed,
    plan,
    violations: judge({ plan, events: history.events, injector, defect, disagreement: run.disagreement }),
    traceHash: trace?.hash() ?? hashOfHistory(history.events, counts),
    stats,
    virtualMs: clock.nowMs(),
    events: history.events,
  };
}

const count = (history: History, kind: HistoryEvent['kind']): number =>
  history.events.reduce((sum, event) => (event.kind === kind ? sum + 1 : sum), 0);

class Simulation {
  readonly clock = new VirtualClock();
  readonly history = new History(this.clock);
  readonly hosts: ClusterHosts;
  readonly injector: Injector;
  readonly #plan: SimulationPlan;
  readonly #workload: Workload;
  readonly #replicas: Replicas | undefined;
  readonly #operator: Operator | undefined;
  /** Why the replicas of a group do not have the same in the end. */
  disagreement: string | undefined;
  readonly #lives = new Map<string, number>();

  constructor(plan: SimulationPlan, options: SimulationOptions) {
    const { clock, history } = this;
    this.#plan = plan;
    const random = new Random(plan.seed ^ 0x5eed);
    const { trace, onLog } = options;
    const extras = { ...(trace === undefined ? {} : { trace }), ...(onLog === undefined ? {} : { onLog }) };
    const { replication } = plan.cluster;
    const elections = replication?.elected === true ? this.#newElections() : undefined;
    this.hosts = new ClusterHosts({
      ...hostSettings(plan, new Random(random.uint32())),
      ...(elections === undefined ? {} : { consensus: (host) => elections.client(host) }),
      clock,
      platform: options.platform,
      seed: random.uint32(),
      faults: true,
      observe: (node, role) => this.#observer(node, role),
      onEnd: (node, error) => this.injector.ended(node, error),
      ...extras,
    });
    const { hosts } = this;
    this.#workload = new Workload(
      {
        history,
        platform: options.platform,
        nameServers: hosts.nameServerAddresses,
        brokers: [...new Set(hosts.brokerNames.map((node) => replicaOf(node).group))],
        ...(trace === undefined ? {} : { trace }),
        ...(onLog === undefined ? {} : { onLog: (level, event, fields) => onLog('client', level, event, fields) }),
        clock: (host) => hosts.hostClock(host),
        transport: (host) => hosts.transport(host),
        crash: (host) => hosts.network.crash(host),
        newRandom: () => hosts.newRandom(),
      },
      plan.workload,
    );
    const others = replication === undefined ? [] : elections === undefined ? [OPERATOR] : [STORE];
    this.injector = new Injector({
      hosts,
      clock,
      history,
      random: new Random(random.uint32()),
      elections,
      clients: () => [...this.#workload.hosts, ...others],
    });
    if (replication === undefined) return;
    const replicas = new Replicas(hosts);
    this.#replicas = replicas;
    if (elections === undefined)
      this.#operator = new Operator({
        hosts,
        replicas,
        clock,
        history,
        random: hosts.newRandom(),
        plan: replication,
        acceptsLoss: plan.cluster.flush === 'async',
      });
  }

  #newElections(): Elections {
    const { clock, history } = this;
    return new Elections({
      clock,
      history,
      random: new Random(this.#plan.seed ^ 0xe1ec7),
      clockOf: (host) => this.hosts.hostClock(host),
      isCut: (from, to) => this.hosts.network.isCut(from, to),
    });
  }

  /** @returns what was thrown or did not come to its end: a defect. */
  run(): Error | undefined {
    try {
      this.#run();
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  #run(): void {
    const { clock, hosts, history, injector } = this;
    const { seed, cluster, faults, healMs, workload } = this.#plan;
    const { flush, log, replication } = cluster;
    const beginsAnew = replication !== undefined && (log.retentionBytes ?? log.retentionMs) !== undefined;
    history.add({ kind: 'run', seed, flush, replicated: replication !== undefined, beginsAnew });
    hosts.start();
    for (const name of [...hosts.nameServerNames, ...hosts.brokerNames]) injector.started(name);
    const together = (): boolean => this.#replicas?.together !== false;
    this.#until(() => hosts.complete && together(), START_MS_MAX, 'the cluster starts');
    this.#workload.start();
    this.#until(() => this.#workload.started, START_MS_MAX, 'the applications start');
    this.#operator?.start();
    injector.schedule(faults);
    clock.run(healMs);
    injector.healAll();
    clock.run(workload.loadMs);
    this.#operator?.rest();
    this.#workload.finish(SETTLE_MS);
    this.#until(() => this.#workload.ended, END_MS_MAX, 'the applications end');
    clock.runUntil(together, clock.nowMs() + END_MS_MAX);
    this.disagreement = this.#replicas?.disagreement();
  }

  #until(condition: () => boolean, maxMs: number, what: string): void {
    if (this.clock.runUntil(condition, this.clock.nowMs() + maxMs)) return;
    throw new QanatError('TIMEOUT', `${what}: not within ${maxMs} ms`);
  }

  #observer(node: string, role: 'nameServer' | 'broker'): EngineObserver {
    const { history, clock } = this;
    const { memberSessionMs: sessionMs, brokerExpiryMs: expiryMs } = this.#plan.cluster;
    if (role === 'nameServer') return new NameServerObserver({ node, history, nowMs: clock.nowMs, expiryMs });
    const life = (this.#lives.get(node) ?? 0) + 1;
    this.#lives.set(node, life);
    const replicated = this.#replicas !== undefined;
    const { group } = replicaOf(node);
    return new BrokerObserver({ node, broker: group, replicated, history, nowMs: clock.nowMs, sessionMs, lostMs: LOST_MS }, life);
  }
}

/** As brokers have it by default. */
const LOST_MS = 3_000;

function replicas(plan: ReplicationPlan | undefined): Partial<ConstructorParameters<typeof ClusterHosts>[0]> {
  if (plan === undefined) return {};
  const { slaves, minInSync, lagMs } = plan;
  return { slaves, replication: { minInSync, lagMs } };
}

function hostSettings({ cluster }: SimulationPlan, random: Random): Partial<ConstructorParameters<typeof ClusterHosts>[0]> {
  const { latencyMs, jitterMs } = cluster;
  return {
    nameServers: cluster.nameServers,
    brokers: cluster.brokers,
    ...replicas(cluster.replication),
    latencyMs: jitterMs === 0 ? latencyMs : () => latencyMs + random.fraction() * jitterMs,
    syncMs: cluster.syncMs,
    nameServer: {
      warmupMs: 5_000,
      heartbeatMs: cluster.brokerHeartbeatMs,
      expiryMs: cluster.brokerExpiryMs,
      awayMs: cluster.brokerAwayMs,
    },
    broker: {
      flush: cluster.flush,
      log: cluster.log,
      times: {
        heartbeatMs: cluster.brokerHeartbeatMs,
        reportMs: cluster.brokerReportMs,
        awayMs: cluster.brokerAwayMs,
        routePollMs: cluster.routePollMs,
      },
      groups: {
        heartbeatMs: cluster.memberHeartbeatMs,
        sessionMs: cluster.memberSessionMs,
        lostMs: LOST_MS,
        releaseMs: cluster.releaseMs,
      },
    },
  };
}
