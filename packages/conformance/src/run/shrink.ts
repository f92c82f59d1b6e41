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
  await leaveOut(best.steps, attempt);
  for (let at = 0; at < best.steps.length; at++) await simplifyStep(best.steps, at, attempt);
  return { program: best, runs };
}

/** Tries what may take the place of a value. @returns whether the program still fails with it; then it stays. */
type Attempt<T> = (smaller: T) => Promise<boolean>;

/** Leaves out runs of what a list holds, long ones first. @returns what is left. */
async function leaveOut<T>(list: readonly T[], attempt: Attempt<readonly T[]>): Promise<readonly T[]> {
  let best = list;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.length - size; at >= 0; at -= size) {
      const rest = [...best.slice(0, at), ...best.slice(at + size)];
      if (await attempt(rest)) best = rest;
      at = Math.min(at, best.length);
    }
  }
  return best;
}

async function simplifyStep(steps: readonly Step[], at: number, attempt: Attempt<readonly Step[]>): Promise<void> {
  const { op, ...fields } = steps[at] as Step;
  await simplifyObject(fields, (smaller) => attempt([...steps.slice(0, at), { op, ...smaller }, ...steps.slice(at + 1)]));
}

/** Leaves out fields, and makes smaller what is in those that have to stay. */
async function simplifyObject(object: JsonObject, attempt: Attempt<JsonObject>): Promise<JsonObject> {
  let best = object;
  for (const name of Object.keys(object)) {
    const { [name]: value, ...rest } = best;
    if (await attempt(rest)) best = rest;
    else best = { ...best, [name]: await simplifyValue(value as Json, (smaller) => attempt({ ...best, [name]: smaller })) };
  }
  return best;
}

async function simplifyValue(value: Json, attempt: Attempt<Json>): Promise<Json> {
  if (typeof value === 'number') return halve(value, attempt);
  if (Array.isArray(value)) return simplifyList(value, attempt);
  return isObject(value) ? simplifyObject(value, attempt) : value;
}

async function halve(number: number, attempt: Attempt<Json>): Promise<number> {
  let best = number;
  while (best > 1 && (await attempt(Math.floor(best / 2)))) best = Math.floor(best / 2);
  return best;
}

async function simplifyList(list: readonly Json[], attempt: Attempt<Json>): Promise<readonly Json[]> {
  let best = await leaveOut(list, attempt);
  for (let at = 0; at < best.length; at++) {
    const withThis = (one: Json): readonly Json[] => [...best.slice(0, at), one, ...best.slice(at + 1)];
    best = withThis(await simplifyValue(best[at] as Json, (smaller) => attempt(withThis(smaller))));
  }
  return best;
}
