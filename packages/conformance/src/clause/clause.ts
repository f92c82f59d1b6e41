import type { Ability, Role } from '../driver/driver.ts';
import type { SocketBinding } from '../ground/ground.ts';
import type { FrameSeen, View } from '../history/view.ts';

/** What a checker says while it reads a history. */
export interface Judge {
  /** The rule was put to the test here, and held. @param at a frame, or the place of an event in the history. */
  pass(at: FrameSeen | number): void;
  /**
   * The rule was broken here. @param sentence what was expected and what came, for people. @param field the path of the field of
   * the frame that is wrong, as the decode tree names it, or `byte` and its place in the frame.
   */
  fail(at: FrameSeen | number, sentence: string, field?: string): void;
}

/** How one requirement of the specification is checked: a pure function of a history. */
export interface Clause {
  readonly id: string;
  /** For subjects of these roles. */
  readonly roles: readonly Role[];
  /** Without these it cannot be put to the test. */
  readonly needs?: readonly Ability[];
  /** Only of subjects that have this feature: whoever does not offer it lacks nothing. */
  readonly feature?: number;
  /** Only on this binding. */
  readonly binding?: SocketBinding;
  /** Only on this clock: the waiting is too long for a real one. */
  readonly timing?: 'virtual';
  /**
   * It looks at histories in which the kit plays a group of replicas. The others do not: they take each server for a broker of
   * its own.
   */
  readonly ofGroups?: boolean;
  check(view: View, judge: Judge): void;
}

/** Says in one line that a frame passes or fails. */
export function judgeThat(judge: Judge, at: FrameSeen | number, holds: boolean, sentence: () => string, field?: string): void {
  if (holds) judge.pass(at);
  else judge.fail(at, sentence(), field);
}
