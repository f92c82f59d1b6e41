export { BrokerObserver, type BrokerObserverOptions } from './broker-observer.ts';
export { ClientObserver } from './client-observer.ts';
export * from './events.ts';
export { History } from './history.ts';
export { NameServerObserver, type NameServerObserverOptions } from './name-server-observer.ts';
export { type EngineObserver, ObservedEngine } from './observed-engine.ts';
export { readValue, type Value, writeValue } from './value.ts';
