export { describeStorage } from './describe-storage.ts';
export { describeTransport } from './describe-transport.ts';
export { Recorder } from './recorder.ts';
export type { Runner } from './runner.ts';
export type { StorageHarness } from './storage-bench.ts';
export { shortFrame, type TransportHarness, testFrame } from './transport-bench.ts';
