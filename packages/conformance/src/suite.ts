import { ALL_REQUIREMENTS } from './clause/requirement-list.ts';
import type { Driver, Role } from './driver/driver.ts';
import { clausesOf, FAMILIES } from './families/index.ts';
import type { Ground } from './ground/ground.ts';
import { VirtualGround } from './ground/virtual-ground.ts';
import { reportedFailureText } from './report/failure-text.ts';
import { BUDGETS, type Budget } from './run/budget.ts';
import { explore } from './run/explore.ts';
import { inProcessSite } from './run/in-process-site.ts';
import type { Result } from './run/result.ts';
import { KIT_NAME } from './version.ts';

export interface ConformanceSuiteOptions {
  readonly role: Role;
  /**
   * Makes a subject for one program. It runs on the ground's clock and network: then a minute costs nothing, and the same
   * program gives the same history.
   */
  readonly setup: (ground: Ground) => Driver;
  /** The test function of the runner: vitest's `it`, `test` of node:test. */
  readonly test: (name: string, body: () => Promise<void>) => void;
  /** Default `quick`. */
  readonly budget?: Budget['name'];
  /** Default 1. */
  readonly seed?: number;
  readonly only?: (id: string) => boolean;
}

/**
 * A test for each clause that binds a role: it fails with the shortest program that breaks it, the frame taken apart and what
 * led to it. All programs run before the first test says anything. What was never put to the test fails too: it is not known.
 */
export function conformanceSuite(options: ConformanceSuiteOptions): void {
  const { role, test, only = () => true } = options;
  let running: Promise<Result> | undefined;
  const result = (): Promise<Result> => {
    running ??= run(options);
    return running;
  };
  for (const { id } of clausesOf(role)) {
    if (!only(id)) continue;
    const text = ALL_REQUIREMENTS.find((one) => one.id === id)?.text ?? '';
    test(`${id} ${text}`, async () => judge(await result(), id));
  }
}

async function run({ role, setup, budget = 'quick', seed = 1, only }: ConformanceSuiteOptions): Promise<Result> {
  // What a subject can do decides which programs run: one is made to be asked.
  const { manifest } = setup(new VirtualGround());
  return explore({
    site: { ...inProcessSite({ role, driver: setup }), manifest },
    families: FAMILIES,
    budget: BUDGETS[budget],
    seed,
    command: 'conformanceSuite',
    kit: KIT_NAME,
    startedAt: '',
    nowMs: () => 0,
    ...(only === undefined ? {} : { only }),
  });
}

/** @throws Error with everything about the failure. */
function judge(result: Result, id: string): void {
  const verdict = result.clauses.find((one) => one.id === id);
  if (verdict?.failure !== undefined && verdict.verdict === 'fail')
    throw new Error(reportedFailureText({ ...verdict, failure: verdict.failure }));
  const [harness] = result.harness;
  if (harness !== undefined) throw new Error(`${harness.program}: ${harness.why}`);
  if (verdict?.verdict === 'inconclusive') throw new Error(`${id}: ${verdict.reason ?? 'never put to the test'}`);
}
