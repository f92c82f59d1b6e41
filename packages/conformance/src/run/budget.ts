/** How much is tried. Numbers of programs, not seconds, so that a slow machine gives the same verdict. */
export interface Budget {
  readonly name: 'quick' | 'standard' | 'thorough';
  /** Programs drawn at random for each family that draws some. */
  readonly generatedPerFamily: number;
  /** The same on real time, where each takes as long as it takes. */
  readonly generatedOnRealTime: number;
  /** Runs that making one failing program smaller may take, and the same on real time. */
  readonly shrinkRunsMax: number;
  readonly shrinkRunsOnRealTime: number;
  /** How long all failing programs together are made smaller on real time; the verdict does not depend on it. */
  readonly shrinkMsOnRealTime: number;
  /** How often a failing program is run again. */
  readonly confirmations: number;
}

export const BUDGETS: Readonly<Record<Budget['name'], Budget>> = {
  quick: {
    name: 'quick',
    generatedPerFamily: 10,
    generatedOnRealTime: 4,
    shrinkRunsMax: 100,
    shrinkRunsOnRealTime: 12,
    shrinkMsOnRealTime: 15_000,
    confirmations: 2,
  },
  standard: {
    name: 'standard',
    generatedPerFamily: 60,
    generatedOnRealTime: 12,
    shrinkRunsMax: 400,
    shrinkRunsOnRealTime: 40,
    shrinkMsOnRealTime: 45_000,
    confirmations: 3,
  },
  thorough: {
    name: 'thorough',
    generatedPerFamily: 500,
    generatedOnRealTime: 60,
    shrinkRunsMax: 1_000,
    shrinkRunsOnRealTime: 120,
    shrinkMsOnRealTime: 600_000,
    confirmations: 5,
  },
};
