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

/** Reads a repro, a program alone, or a result with failures. @throws SyntaxError, TypeError that says what is wrong. */
export function readRepros(text: string): readonly Partial<Repro & { program: Program }>[] {
  const json = JSON.parse(text) as Json;
  if (!isObject(json)) throw new TypeError('a repro is a JSON object with a "program"');
  if (Array.isArray(json.clauses)) return (json as unknown as Result).clauses.flatMap((one) => reproOf(one) ?? []);
  if (isObject(json.program)) return [json as unknown as Repro];
  if (Array.isArray(json.steps) && typeof json.role === 'string') return [{ program: json as unknown as Program }];
  throw new TypeError('it has neither "program", nor "clauses" of a result, nor "steps" and "role" of a program');
}
