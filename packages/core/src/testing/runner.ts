/** What the contract suites need of a test runner: vitest and node:test have it. */
export interface Runner {
  describe(name: string, define: () => void): void;
  it(name: string, run: () => Promise<void>): void;
}

/** Fails a test by throwing. */
export function expect(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

export function expectEqual(actual: unknown, wanted: unknown, what: string): void {
  expect(Object.is(actual, wanted), `${what}: ${String(actual)}, expected ${String(wanted)}`);
}

export function expectBytes(actual: Uint8Array | undefined, wanted: Uint8Array, what: string): void {
  expect(actual !== undefined, `${what}: missing`);
  expectEqual(actual.length, wanted.length, `${what}, length`);
  for (let i = 0; i < wanted.length; i++) {
    if (actual[i] !== wanted[i]) throw new Error(`${what}: byte ${i} is ${actual[i]}, expected ${wanted[i]}`);
  }
}

/** Turns that a suite waits for something to happen where the harness does not say. */
export const TURNS_MAX = 200_000;
/** Turns that a suite gives something which must not happen. */
export const QUIET_TURNS = 50;
