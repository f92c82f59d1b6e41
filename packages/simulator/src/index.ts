export { ClusterHosts, type ClusterHostsOptions } from './cluster-hosts.ts';
export * from './history/index.ts';
export { MemoryStorage, type MemoryStorageOptions } from './memory-storage.ts';
export { Trace } from './trace.ts';
export { TracedEngine } from './traced-engine.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
export { VirtualCluster } from './virtual-cluster.ts';
export { VirtualNetwork, type VirtualNetworkOptions } from './virtual-network.ts';
export { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';
