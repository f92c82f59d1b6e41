import type { Manifest, Role } from '../driver/driver.ts';
import type { Binding } from '../ground/ground.ts';
import type { Program } from '../play/program.ts';
import type { Budget } from './budget.ts';

export const RESULT_SCHEMA = 1;

/**
 * `pass`: put to the test, and held each time. `fail`: broken. `warning`: a SHOULD is not followed. `expected`: it fails as
 * the baseline says. `stale`: the baseline says that it fails, and it does not, or otherwise. `inconclusive`: never put to
 * the test, so that nothing is known. `not-run`: the subject, its driver or the way to it lacks what the clause needs.
 * `excluded`: cannot be observed from outside.
 */
export type VerdictName = 'pass' | 'fail' | 'warning' | 'expected' | 'stale' | 'inconclusive' | 'not-run' | 'excluded';

/** One clause of a result. */
export interface Verdict {
  readonly id: string;
  readonly level: 'MUST' | 'SHOULD' | 'MAY';
  readonly text: string;
  readonly verdict: VerdictName;
  /** How often it was put to the test and held. */
  readonly evidence: number;
  /** Programs that put it to the test; `generated` stands for those drawn at random. */
  readonly programs: readonly string[];
  /** Why nothing is known, or what the baseline says. */
  readonly reason?: string;
  readonly failure?: FailureReport;
}

/** How a clause was broken, with all that is needed to see it again. */
export interface FailureReport {
  readonly sentence: string;
  /** The shortest program found. */
  readonly program: Program;
  /** The history of its last run, a line each. */
  readonly history: readonly string[];
  /** Place of the offending event in the history. */
  readonly index: number;
  /** The offending frame in hex, where there is one. */
  readonly frame?: string;
  /** Its wrong field. */
  readonly field?: string;
  /** Runs of the program that failed in the same way, of how many. */
  readonly confirmed: number;
  readonly confirmations: number;
  /** Of the others, how many held; the rest were not put to the test. Earlier results do not tell. */
  readonly held?: number;
  /** Failing programs before shrinking. */
  readonly failingPrograms: number;
}

/** The whole result of a run: versioned, complete once `settled` is not `incomplete`. */
export interface Result {
  readonly schema: typeof RESULT_SCHEMA;
  readonly kit: string;
  /** The version of the specification: the latest one of which the subject has something. */
  spec: string;
  readonly startedAt: string;
  /** Written as the last thing. */
  settled: 'incomplete' | 'conformant' | 'nonconformant' | 'inconclusive' | 'harness';
  readonly role: Role;
  readonly subject: Manifest;
  readonly binding: Binding;
  readonly timing: 'virtual' | 'real';
  readonly seed: number;
  readonly budget: Budget['name'];
  /** Only some clauses or families were asked for. */
  partial?: boolean;
  /** The command that runs the same again. */
  readonly command: string;
  programs: number;
  seconds: number;
  clauses: readonly Verdict[];
  /** Programs in which the kit or the driver could not do its part. */
  harness: readonly { readonly program: string; readonly why: string }[];
  /** Clauses of which nothing is known. */
  notProved: number;
}

/** 0 conformant, 1 not, 2 inconclusive, 3 the harness failed. Wrong use is 64. */
export const EXIT_CODES = { conformant: 0, nonconformant: 1, inconclusive: 2, harness: 3, incomplete: 3 } as const;

export const countOf = (result: Pick<Result, 'clauses'>, verdict: VerdictName): number =>
  result.clauses.filter((one) => one.verdict === verdict).length;
