export { MemoryStorage, type MemoryStorageOptions } from './memory-storage.ts';
export { Trace } from './trace.ts';
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
export { VirtualNetwork, type VirtualNetworkOptions } from './virtual-network.ts';
