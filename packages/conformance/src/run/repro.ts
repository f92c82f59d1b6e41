import { ROLES } from '../driver/driver-message.ts';
import { isObject, type Json } from '../json.ts';
import type { Program } from '../play/program.ts';
import type { Result, Verdict } from './result.ts';

/** A failing program with the clauses that it breaks: what `replay` and `shrink` take. */
export interface Repro {
  readonly clause: string;
  readonly sentence: string;
  readonly program: Program;
}

export const reproOf = ({ id, failure }: Verdict): Repro | undefined =>
  failure === undefined ? undefined : { clause: id, sentence: failure.sentence, program: failure.program };

/** A program, perhaps with the clause that it breaks. */
export type KeptProgram = Partial<Repro> & { readonly program: Program };

/** Reads a repro, a program alone, or a result with failures. @throws SyntaxError, TypeError that says what is wrong. */
export function readRepros(text: string): readonly KeptProgram[] {
  const json = JSON.parse(text) as Json;
  if (!isObject(json)) throw new TypeError('a repro is a JSON object with a "program"');
  if (Array.isArray(json.clauses))
    return (json as unknown as Result).clauses.flatMap((one) => reproOf(one) ?? []).map((one) => checked(one));
  if (json.program !== undefined) return [checked(json as unknown as KeptProgram)];
  if (json.steps !== undefined) return [checked({ program: json as unknown as Program })];
  throw new TypeError('it has neither "program", nor "clauses" of a result, nor "steps" and "role" of a program');
}

function checked(repro: KeptProgram): KeptProgram {
  const { program } = repro;
  if (!isObject(program)) throw new TypeError('its "program" is no object');
  if (!ROLES.includes(program.role)) throw new TypeError(`its program needs a "role": one of ${ROLES.join(', ')}`);
  const isStep = (step: Json): boolean => isObject(step) && typeof step.op === 'string';
  if (!Array.isArray(program.steps) || !program.steps.every(isStep))
    throw new TypeError('its program needs "steps": a list of objects with "op"');
  return repro;
}
