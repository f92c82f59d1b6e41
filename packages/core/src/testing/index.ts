export { describeTransport } from './describe-transport.ts';
export { Recorder } from './recorder.ts';
export type { Runner } from './runner.ts';
export { shortFrame, type TransportHarness, testFrame } from './transport-bench.ts';
