import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Program, Step } from '../play/program.ts';

/** What shrinking may cost. */
export interface ShrinkBudget {
  /** Runs of a program. */
  readonly runsMax: number;
  /** Asked before each run: false ends it with what was found. */
  readonly goOn?: () => boolean;
}

/**
 * The smallest program found that still fails as `fails` says: steps are left out, then numbers and texts are made smaller. Every
 * list of steps is a program, so that nothing has to be repaired.
 */
export async function shrinkProgram(
  program: Program,
  fails: (program: Program) => Promise<boolean>,
  { runsMax, goOn = () => true }: ShrinkBudget,
): Promise<{ program: Program; runs: number }> {
  let best = program;
  let runs = 0;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    if (runs >= runsMax || !goOn()) return false;
    runs++;
    const smaller = { ...best, steps };
    if (!(await fails(smaller))) return false;
    best = smaller;
    return true;
  };
  await leaveOut(() => best.steps, attempt);
  for (let at = 0; at < best.steps.length; at++) await simplify(() => best.steps, at, attempt);
  return { program: best, runs };
}

type Attempt = (steps: readonly Step[]) => Promise<boolean>;

/** Leaves out runs of steps, long ones first. */
async function leaveOut(steps: () => readonly Step[], attempt: Attempt): Promise<void> {
  for (let size = Math.ceil(steps().length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = steps().length - size; at >= 0; at -= size) {
      await attempt([...steps().slice(0, at), ...steps().slice(at + size)]);
      at = Math.min(at, steps().length);
    }
  }
}

/** Leaves out fields of one step, and halves its numbers. */
async function simplify(steps: () => readonly Step[], at: number, attempt: Attempt): Promise<void> {
  for (const smaller of simplerSteps(steps()[at] as Step))
    await attempt([...steps().slice(0, at), smaller, ...steps().slice(at + 1)]);
}

function* simplerSteps(step: Step): Generator<Step> {
  for (const name of Object.keys(step)) {
    if (name === 'op') continue;
    const { [name]: value, ...rest } = step;
    yield rest as Step;
    const simpler = simplerValue(value as Json);
    if (simpler !== undefined) yield { ...step, [name]: simpler } as Step;
  }
}

function simplerValue(value: Json): Json | undefined {
  if (typeof value === 'number' && value > 1) return Math.floor(value / 2);
  if (Array.isArray(value) && value.length > 1) return value.slice(0, Math.ceil(value.length / 2));
  if (isObject(value) && Object.keys(value).length > 1) return Object.fromEntries(Object.entries(value).slice(1)) as JsonObject;
  return undefined;
}
