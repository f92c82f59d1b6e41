export { CHECKERS, type Checker, check, type Verdict } from './checkers/index.ts';
export { ClusterHosts, type ClusterHostsOptions } from './cluster-hosts.ts';
export { MemoryConsensus, type RequestConditions, type RequestFate } from './consensus/memory-consensus.ts';
export { DiskFaults, type DiskOperation, type UnsyncedPages } from './faults/disk-faults.ts';
export type { Fault, FaultKind } from './faults/fault.ts';
export * from './history/index.ts';
export { HostClock } from './host-clock.ts';
export { MemoryStorage, type MemoryStorageOptions } from './memory-storage.ts';
export * from './replication/memory-replica-log.ts';
export * from './replication/run-replication.ts';
export { type ClusterPlan, drawPlan, type SimulationPlan } from './simulation/draw-plan.ts';
export type { Violation } from './simulation/judge.ts';
export {
  runSimulation,
  type SimulationOptions,
  type SimulationResult,
  type SimulationStats,
} from './simulation/run-simulation.ts';
export { shrinkPlan } from './simulation/shrink.ts';
export { Trace } from './trace.ts';
export { TracedEngine } from './traced-engine.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
export { VirtualCluster } from './virtual-cluster.ts';
export { type LinkConditions, VirtualNetwork, type VirtualNetworkOptions } from './virtual-network.ts';
export { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';
export * from './workload/index.ts';
