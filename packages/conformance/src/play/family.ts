import type { Arbitrary } from 'fast-check';
import type { Clause } from '../clause/clause.ts';
import type { Role } from '../driver/driver.ts';
import type { Play } from './play.ts';
import type { Program, Step } from './program.ts';

export type Op = (play: Play, step: Step) => Promise<void>;

/** Clauses that belong together, with the programs that put them to the test. */
export interface Family {
  readonly name: string;
  readonly clauses: readonly Clause[];
  /** Written by hand: each clause of the family has evidence from one of them at least. */
  readonly programs: readonly Program[];
  /** Programs drawn at random, for one role. */
  readonly generated?: Partial<Record<Role, GeneratedPrograms>>;
  /** Operations of this family alone. */
  readonly ops?: Readonly<Record<string, Op>>;
}

export interface GeneratedPrograms {
  readonly setup?: Program['setup'];
  readonly alone?: boolean;
  readonly needs?: Program['needs'];
  readonly binding?: Program['binding'];
  readonly steps: Arbitrary<Step[]>;
}
