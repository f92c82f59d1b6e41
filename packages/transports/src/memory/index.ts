export { InProcessNetwork } from './in-process-network.ts';
export { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
